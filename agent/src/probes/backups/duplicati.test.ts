import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '@fettle/kit'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { survives } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { localHost } from '../../host/local.ts'
import type { Captured } from '../../probe.ts'
import { checked, runProbe } from '../../runner.ts'
import duplicati from './duplicati.ts'
import type { Job } from './job.ts'

// Debian has no duplicati: all reports below are written after its source (ResultSerialization) and the reports that its users show.

const folder = mkdtempSync(join(tmpdir(), 'fettle-duplicati-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const HOUR = 3_600_000
const NOW = Date.parse('2026-11-22T12:00:00Z')
const END = '2026-11-22T03:00:51.3568274Z'
const settings = { 'backups.duplicati': duplicati.setting ?? never() }

function never(): never {
  throw new Error('the probe has no setting')
}

function capture(text: string, extra: Partial<Captured> = {}): Captured {
  return { text, stderr: '', code: null, name: 'x', modifiedAt: null, ...extra }
}

const parse = (...texts: string[]) =>
  duplicati.parse({ report: texts.map(text => capture(text)) }, { now: NOW, hostname: 'vm', options: [] }) as { jobs: Job[] }

function report(data: object = {}, extra: object = { 'backup-name': 'Documents' }): string {
  const told = {
    ExaminedFiles: 15399,
    SizeOfExaminedFiles: 11086692615,
    PartialBackup: false,
    Dryrun: false,
    MainOperation: 'Backup',
    ParsedResult: 'Success',
    Interrupted: false,
    Version: '2.1.0.5 (2.1.0.5_stable_2025-03-04)',
    EndTime: END,
    BeginTime: '2026-11-22T03:00:00.3568274Z',
    Duration: '00:00:51',
    BackendStatistics: { BytesUploaded: 8290314, BackupListCount: 6, LastBackupDate: '2026-11-22T04:00:00+01:00', ParsedResult: 'Success' },
    ...data,
  }
  return JSON.stringify({ Data: told, Extra: { OperationName: 'Backup', 'machine-name': 'vm', ...extra }, LogLines: [] })
}

describe('a report', () => {
  test('of a good backup tells when it ended and what it holds', () => {
    expect(parse(report()).jobs).toMatchObject([
      {
        name: 'Documents',
        tool: 'duplicati',
        standing: 'known',
        lastResult: 'success',
        lastSuccessAt: Date.parse(END),
        durationMs: 51_000,
        sourceBytes: 11086692615,
        addedBytes: 8290314,
        files: 15399,
        snapshots: 6,
        verify: null,
      },
    ])
  })
  test('with warnings is a backup with warnings, in its words', () => {
    const text = report({ ParsedResult: 'Warning' }).replace('"LogLines":[]', '"LogLines":["2026-11-22 03:00:01 +01 - [Warning-Path]: /x"]')
    expect(parse(text).jobs[0]).toMatchObject({
      lastResult: 'warnings',
      lastSuccessAt: Date.parse(END),
      warnings: [expect.stringContaining('/x')],
    })
  })
  test.each([{ ParsedResult: 'Error' }, { ParsedResult: 'Fatal' }, { PartialBackup: true }, { Interrupted: true }])(
    'with %j is no backup',
    data => {
      expect(parse(report(data)).jobs[0]).toMatchObject({ lastResult: 'failed', standing: 'unknown', lastSuccessAt: null })
    },
  )
  test.each([
    '{"Data":{"ClassName":"System.Exception","Message":"The remote folder is missing"},"Extra":{"OperationName":"Backup"}}',
    '{"Exception":{"Message":"The remote folder is missing"},"Extra":{}}',
    'Failed: The remote folder is missing\nDetails: x\n',
  ])('of an exception is a failed run', text => {
    expect(parse(text).jobs[0]).toMatchObject({ lastResult: 'failed', standing: 'unknown', warnings: ['The remote folder is missing'] })
  })
  test.each([{ MainOperation: 'Restore' }, { MainOperation: 'Test' }, { Dryrun: true }])('with %j is of no backup, however good', data => {
    expect(parse(report(data)).jobs[0]).toMatchObject({ standing: 'unknown', lastSuccessAt: null, lastResult: null })
  })
  test.each([
    { EndTime: '0001-01-01T00:00:00' },
    { EndTime: '2026-11-22T03:00:51' },
    { EndTime: '2026-11-23T03:00:51Z' },
    { EndTime: null },
  ])('with %j is no fresh backup', data => expect(parse(report(data)).jobs[0]).toMatchObject({ standing: 'unknown', lastSuccessAt: null }))
  test('in its own format has epoch seconds behind its times', () => {
    const text = [
      'MainOperation: Backup',
      'ParsedResult: Success',
      'ExaminedFiles: 3',
      'SizeOfExaminedFiles: 1000',
      'EndTime: 11/22/2026 3:00:51 AM (1795316451)',
      'BeginTime: 11/22/2026 3:00:00 AM (1795316400)',
      'Interrupted: False',
    ].join('\r\n')
    expect(parse(text).jobs[0]).toMatchObject({
      lastResult: 'success',
      lastSuccessAt: 1795316451000,
      durationMs: 51_000,
      sourceBytes: 1000,
    })
  })
  test('whose test of stored files failed is told as failed verification', () => {
    expect(parse(report({ TestResults: { MainOperation: 'Test', ParsedResult: 'Error' } })).jobs[0]?.verify).toMatchObject({
      result: 'failed',
    })
  })
  test.each([
    '',
    '{}',
    '[]',
    'null',
    '{"Data":{}}',
    '{"Data":{"ParsedResult":"Unknown","MainOperation":"Backup"}}',
    report().slice(0, 200),
    'ParsedResult: Gut',
  ])('%j is none', text => expect(() => parse(text)).toThrow())
})

test('reports of several runs tell the last success after a failure, the interval, and sizes before', () => {
  const at = (day: number, data: object = {}) =>
    report({ BeginTime: `2026-11-${day}T03:00:00Z`, EndTime: `2026-11-${day}T03:01:00Z`, ...data })
  expect(parse(at(20), at(22, { ParsedResult: 'Fatal' }), at(19), at(21, { SizeOfExaminedFiles: 5 })).jobs).toMatchObject([
    {
      standing: 'known',
      lastResult: 'failed',
      lastRunAt: Date.parse('2026-11-22T03:01:00Z'),
      lastSuccessAt: Date.parse('2026-11-21T03:01:00Z'),
      learnedEveryMs: 24 * HOUR,
      earlierBytes: [5, 11086692615, 11086692615],
    },
  ])
})

describe('on a machine', () => {
  const look = async (job: object) => {
    const text = JSON.stringify({ backups: { duplicati: [{ name: 'documents', ...job }] } })
    const options = readConfig(settings, { file: { path: 'agent.yaml', text }, env: {} }).values['backups.duplicati']
    const fact = await runProbe(duplicati, localHost(), options, HOUR)
    expect(fact.outcome, fact.reason).toBe('ok')
    return (fact.data as { jobs: Job[] }).jobs[0]
  }
  const ended = (ageMs: number) => ({
    EndTime: new Date(Date.now() - ageMs).toISOString(),
    BeginTime: new Date(Date.now() - ageMs - 1000).toISOString(),
  })

  test('the newest reports of a folder count, unfinished files do not', async () => {
    const reports = join(folder, 'many')
    mkdirSync(reports)
    expect(await look({ report: reports })).toMatchObject({ standing: 'unknown', reason: 'there is no report yet' })
    for (const hours of [50, 26, 2]) writeFileSync(join(reports, `${hours}.json`), report(ended(hours * HOUR)))
    writeFileSync(join(reports, 'failed.txt'), 'Failed: no space\n')
    writeFileSync(join(reports, 'torn.json.tmp'), '{')
    const found = await look({ report: reports, every: '1d' })
    expect(found).toMatchObject({
      standing: 'known',
      lastResult: 'failed',
      warnings: ['no space'],
      learnedEveryMs: 24 * HOUR,
      expectedEveryMs: 24 * HOUR,
    })
    expect(Date.now() - (found?.lastSuccessAt ?? 0)).toBeLessThan(3 * HOUR)
    expect(await look({ report: reports, glob: '*.json' })).toMatchObject({ lastResult: 'success' })
  })
  test('a file that is missing or torn is unknown', async () => {
    expect(await look({ report: join(folder, 'none.json') })).toMatchObject({
      standing: 'unknown',
      reason: 'its report has not been written yet',
    })
    writeFileSync(join(folder, 'torn.json'), report().slice(0, 99))
    expect(await look({ report: join(folder, 'torn.json') })).toMatchObject({ standing: 'unknown', lastSuccessAt: null })
  })
  test('without a setting it is absent where it is not, and unknown where it is', async () => {
    const read = (files: Record<string, string>) => runProbe(duplicati, hostOf(machine({ files })), [], HOUR)
    expect(await read({})).toMatchObject({ outcome: 'absent', reason: 'duplicati is not installed' })
    const database = { '/root/.config/Duplicati/Duplicati-server.sqlite': 'secret' }
    expect(await read(database)).toMatchObject({
      data: { jobs: [{ name: 'duplicati', standing: 'unknown', hint: expect.stringContaining('report') }] },
    })
  })
})

test.each(['report', 'place'])('%s that is spoilt is refused or read, and soon', input => {
  survives(duplicati, input, [report(), report({ ParsedResult: 'Error' }), 'ParsedResult: Success\nEndTime: x (1795316451)\n'])
})

test('any text gives a fact or an error, in no time', () => {
  const wild = fc.oneof(
    fc.string({ maxLength: 400 }),
    fc.json({ maxDepth: 3 }),
    fc
      .json()
      .map(
        json =>
          `{"Data":{"ParsedResult":"Success","EndTime":${json},"ExaminedFiles":${json},"BackendStatistics":${json}},"Extra":{"backup-name":${json}},"LogLines":${json}}`,
      ),
    fc.string({ maxLength: 100 }).map(text => `ParsedResult: Success\nEndTime: ${text}\nFailed: ${text}\n`),
  )
  fc.assert(
    fc.property(wild, wild, (one, two) => {
      const started = performance.now()
      for (const texts of [[one], [one, two]]) {
        try {
          expect(checked(duplicati, parse(...texts)).outcome).toBe('ok')
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
        }
      }
      expect(performance.now() - started).toBeLessThan(500)
    }),
    { numRuns: 300 },
  )
})
