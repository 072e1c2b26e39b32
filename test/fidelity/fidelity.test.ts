import { expect, test } from 'vitest'
import { caseLists } from './cases/index.ts'
import { compare } from './compare.ts'
import { measure } from './run.ts'
import { openSamples, SAMPLES } from './samples.ts'
import { costly, randomOf, spoils } from './spoil.ts'
import { healthier } from './spoilt.ts'

test.each([
  ['the same', { disks: [{ name: 'a', hours: 7 }] }, 'right'],
  ['an unknown', { disks: [{ name: 'a', hours: null }] }, 'refused'],
  ['another value', { disks: [{ name: 'a', hours: 8 }] }, 'wrong'],
  ['a disk too few', { disks: [] }, 'wrong'],
])('%s is told apart', (_, data, grade) => {
  expect(compare({ outcome: 'ok', data }, { ok: { disks: [{ name: 'a', hours: 7 }] } }).grade).toBe(grade)
})

test.each([
  ['failed', 'refused'],
  ['absent', 'wrong'],
] as const)('where there is something, %s is %s', (outcome, grade) => {
  expect(compare({ outcome, reason: 'so' }, { ok: {} }).grade).toBe(grade)
})

test('where nothing can be told, a fact is wrong', () => {
  expect(compare({ outcome: 'ok', data: {} }, { outcomes: ['failed'] }).grade).toBe('wrong')
})

const opened = [await openSamples(SAMPLES)].filter(samples => samples !== undefined)

test.each(opened)('no sample is read wrong, and nine of ten are read right', async samples => {
  const { results, unaccounted } = await measure(samples, caseLists)
  expect(results.filter(({ grade }) => grade === 'wrong')).toEqual([])
  expect(results.filter(({ grade }) => grade === 'right').length).toBeGreaterThanOrEqual(0.9 * results.length)
  expect(unaccounted, 'every sample is read by a case, or left out for a reason').toEqual([])
})

test('the same seed spoils a text in the same way, and every way changes it', () => {
  const text = 'Status: Healthy\nTemperature: 34.5\nErrors: No\nSecurity: Yes\n'.repeat(9)
  for (const { name, spoil } of [...spoils, ...costly]) {
    const spoilt = spoil(text, randomOf(name))
    expect(spoilt, name).toBe(spoil(text, randomOf(name)))
    expect(spoilt, name).not.toBe(text)
  }
})

// Each sample is read a dozen times.
test.each(opened)('no sample that is cut, translated or spoilt is judged better than the whole', { timeout: 240_000 }, async samples => {
  expect(await healthier(samples, caseLists)).toEqual([])
})
