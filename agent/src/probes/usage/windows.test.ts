import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import usage from './windows.ts'

const answer = (own: object = {}) =>
  JSON.stringify({
    memory: { total: '16777216', free: '8388608' },
    logical: '8',
    processor: { busy: '12' },
    pages: [{ size: '2048', used: '100' }],
    ...own,
  })

test('memory, page files and processor are told in steps', () => {
  const fact = factOf<FactTypes['usage']>(usage, { answer: answer() })
  expect(fact).toMatchObject({
    cpu: { logical: 8, busyRatio: 0.1 },
    load: null,
    memory: { totalBytes: 17179869184, swapTotalBytes: 2147483648 },
  })
  expect(fact.memory.availableBytes).toBeLessThanOrEqual(8388608 * 1024)
})

test.each([
  ['no memory', { memory: {} }],
  ['no processors', { logical: '' }],
  ['page files that could not be asked', { pages: { error: { hr: '0x80004005', msg: 'no' } } }],
])('%s is no answer', (_, own) => {
  expect(() => factOf(usage, { answer: answer(own) })).toThrow(Error)
})

test('any text gives a fact or an error', () => survives(usage, 'answer', [answer()]))
