import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import wsb from './windows-server-backup.ts'

type Fact = FactTypes['backups']
const good = {
  NumberOfVersions: '12',
  LastSuccessfulBackupTime: '2026-10-31T20:00:00.0000000Z',
  LastBackupTime: '2026-10-31T20:00:00.0000000Z',
  LastBackupTarget: 'Disk01',
  LastBackupResultHR: '0',
  CurrentOperationStatus: 'NoOperationInProgress',
}
const read = (own: object = {}) => factOf<Fact>(wsb, { answer: JSON.stringify({ summary: { ...good, ...own } }) }).jobs[0]

test.each([
  ['a good run', {}, { lastResult: 'success', lastSuccessAt: Date.UTC(2026, 9, 31, 20), snapshots: 12, warnings: [] }],
  [
    'a run after the last success has failed',
    { LastBackupTime: '2026-11-01T20:00:00Z' },
    { lastResult: 'failed', lastSuccessAt: Date.UTC(2026, 9, 31, 20) },
  ],
  [
    'an HRESULT is a failure',
    { LastBackupResultHR: '2155348165', DetailedMessage: 'no such device' },
    { lastResult: 'failed', warnings: ['no such device (0x807800c5)'] },
  ],
  ['a run that is under way', { CurrentOperationStatus: 'BackupInProgress' }, { lastResult: 'running' }],
  ['never backed up', { LastBackupTime: null, LastSuccessfulBackupTime: null }, { lastResult: null, lastSuccessAt: null }],
])('%s', (_, own, wanted) => {
  expect(read(own)).toMatchObject(wanted)
})

test('a time that cannot be read is no "never"', () => {
  expect(() => read({ LastSuccessfulBackupTime: 'hier soir' })).toThrow('Cannot read the time')
})

test('without the feature there is no such backup', () => {
  const text = '{"error":{"hr":"0x80131501","msg":"Get-WBSummary","id":"CommandNotFoundException"}}'
  expect(() => factOf(wsb, { answer: text })).toThrow(expect.objectContaining({ name: 'Absent' }))
})

test('any text gives a fact or an error', () => {
  survives(wsb, 'answer', [JSON.stringify({ summary: good })])
  survives(wsb, 'summary', ['NumberOfVersions : 1\nLastBackupResultHR : 0\nLastBackupTime : 10/03/2026 20:16:00\n'])
})
