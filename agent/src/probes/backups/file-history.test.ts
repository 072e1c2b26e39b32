import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import fileHistory from './file-history.ts'

type Fact = FactTypes['backups']
const answer = (protectedUpTo: string | null, start = 'Manual') =>
  JSON.stringify({ users: [{ relative: '1001', protectedUpTo }], service: { start } })
const read = (...given: Parameters<typeof answer>) => factOf<Fact>(fileHistory, { answer: answer(...given) }).jobs[0]

test('files are protected up to a time', () => {
  expect(read('2026-10-31T08:00:00.0000000Z')).toMatchObject({ standing: 'known', lastSuccessAt: Date.UTC(2026, 9, 31, 8), warnings: [] })
})

test('an empty value is unknown: it is empty while a cycle runs', () => {
  expect(read(null)).toMatchObject({ standing: 'unknown', lastSuccessAt: null })
})

test('a disabled service is told', () => {
  expect(read('2026-10-31T08:00:00Z', 'Disabled')?.warnings).toHaveLength(1)
})

test('nobody who uses it is no failed backup', () => {
  expect(() => factOf(fileHistory, { answer: '{"users":[]}' })).toThrow(expect.objectContaining({ name: 'Absent' }))
})

test('any text gives a fact or an error', () => survives(fileHistory, 'answer', [answer('2026-10-31T08:00:00Z')]))
