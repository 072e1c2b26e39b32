import { expect, test } from 'vitest'
import { Denied } from '../../probe.ts'
import { parseHomebrew } from './homebrew.ts'

const given = (text: string, more: object = {}) => [{ text, stderr: '', code: null, name: '', modifiedAt: null, ...more }]
/** Written from brew(1) and Homebrew's `cmd/outdated.rb`. */
const outdated = (formulae: object[], casks: object[] = []) => given(JSON.stringify({ formulae, casks }))

test('installed versions are a list for formulae, and a text or a list for casks', () => {
  const rows = outdated(
    [{ name: 'jq', installed_versions: ['1.6', '1.7'], current_version: '1.8', pinned: true }],
    [
      { name: 'a', installed_versions: '4.0.2', current_version: '4.0.3' },
      { name: 'b', installed_versions: ['1'], current_version: '2' },
    ],
  )

  expect(parseHomebrew({ outdated: rows }).pending).toMatchObject([
    { name: 'jq', installed: '1.7', candidate: '1.8', withheld: 'pinned' },
    { name: 'a', installed: '4.0.2', withheld: null },
    { name: 'b', installed: '1' },
  ])
})

test('latest to latest is no update', () => {
  expect(
    parseHomebrew({ outdated: outdated([], [{ name: 'a', installed_versions: 'latest', current_version: 'latest' }]) }).pending,
  ).toEqual([])
})

test('the age of its lists is the age of what it knows', () => {
  expect(parseHomebrew({ outdated: outdated([]) }).lastCheckAt).toBeNull()
  expect(parseHomebrew({ outdated: outdated([]), lists: given('2026-11-20T00:00:00.000Z') }).lastCheckAt).toBe(Date.UTC(2026, 10, 20))
})

test('a refusal of root, a failure and half an answer are not nothing outdated', () => {
  expect(() =>
    parseHomebrew({ outdated: given('', { stderr: 'Error: Running Homebrew as root is extremely dangerous', code: 1 }) }),
  ).toThrow(Denied)
  expect(() => parseHomebrew({ outdated: given('{"formulae":[],"casks":[]}', { code: 1 }) })).toThrow()
  expect(() => parseHomebrew({ outdated: given('{"formulae": [') })).toThrow()
  expect(() => parseHomebrew({ outdated: given('{"formulae": []}') })).toThrow()
  expect(() => parseHomebrew({ outdated: outdated([{ name: 'jq' }]) })).toThrow()
})
