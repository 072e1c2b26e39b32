import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonical, factHash } from './digest.ts'

/** The same value with its keys the other way round. */
function turned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turned)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, item]) => [name, turned(item)]),
  )
}

test('canonical JSON says the same as JSON, whatever order its keys came in', () => {
  fc.assert(
    fc.property(fc.jsonValue(), value => {
      const plain = JSON.parse(JSON.stringify(value))
      expect(JSON.parse(canonical(plain))).toEqual(plain)
      expect(canonical(turned(plain))).toBe(canonical(plain))
    }),
  )
})

test('what JSON cannot say is null, what is undefined is left out', () => {
  expect(canonical([Number.NaN, Number.POSITIVE_INFINITY, undefined, -0])).toBe('[null,null,null,0]')
  expect(canonical({ b: undefined, a: true })).toBe('{"a":true}')
})

test('the hash of a fact is the same in every release: stores and agents remember it', () => {
  expect(factHash({ outcome: 'ok', data: { b: [1, 'ä', null], a: 0.5 } })).toBe(
    factHash({ outcome: 'ok', data: { a: 0.5, b: [1, 'ä', null] } }),
  )
  expect(factHash({ outcome: 'ok', data: { b: [1, 'ä', null], a: 0.5 } })).toBe('0829da84f79d228cbdb43cef0f391e14')
})

test('what came over the wire has the hash of what was sent, and no other fact has it', () => {
  const fact = fc.record({
    outcome: fc.constantFrom('ok', 'failed'),
    reason: fc.option(fc.string(), { nil: undefined }),
    data: fc.jsonValue(),
  })
  fc.assert(
    fc.property(fact, fact, (a, b) => {
      const sent = JSON.parse(JSON.stringify(a)) as typeof a
      expect(factHash(sent)).toBe(factHash(a))
      expect(factHash(a) === factHash(b)).toBe(canonical([a.outcome, a.reason, a.data]) === canonical([b.outcome, b.reason, b.data]))
    }),
  )
})
