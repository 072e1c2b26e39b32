import { expect, test } from 'vitest'
import { Seldom } from './seldom.ts'

test('the same is told ten times a minute, then again with how often it was not told', () => {
  let now = 0
  const seldom = new Seldom(() => now)
  const said = Array.from({ length: 25 }, () => seldom.say('refused token'))
  expect(said.slice(0, 10)).toEqual(Array(10).fill(0))
  expect(said.slice(10)).toEqual(Array(15).fill(undefined))
  expect(seldom.say('something else')).toBe(0)
  now = 60_000
  expect(seldom.say('refused token')).toBe(15)
})

test('however many things there are to tell, what is kept of them is bounded', () => {
  let now = 0
  const seldom = new Seldom(() => now)
  for (; now < 5_000; now++) expect(seldom.say(`host ${now}`)).toBe(0)
  // It began long ago, and was forgotten for newer ones.
  expect(seldom.say('host 1')).toBe(0)
})
