import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { runProbe } from '../../runner.ts'
import bareos from './bareos.ts'
import type { Job } from './job.ts'

// Bareos is in no Debian release that this was written on: the JSON is written from "API mode 2" of its developer's guide, the state from its source.
type Fact = { readonly jobs: Job[] }
const NOW = 1_795_400_000_000
const row = (more: object = {}) => ({
  jobid: '7',
  job: 'backup-web.2026-11-22_21.00.00_04',
  name: 'backup-web',
  purgedfiles: '0',
  type: 'B',
  level: 'I',
  client: 'web-fd',
  jobstatus: 'T',
  schedtime: '2026-11-22 21:00:00',
  starttime: '2026-11-22 21:00:02',
  endtime: '2026-11-22 21:01:02',
  realendtime: '2026-11-22 21:01:02',
  jobtdate: '1795377662',
  jobfiles: '120',
  jobbytes: '5000',
  joberrors: '0',
  jobmissingfiles: '0',
  ...more,
})
const answer = (...jobs: object[]) =>
  `Connecting to Director web:9101\n Encryption: TLS_CHACHA20_POLY1305_SHA256\n1000 OK: web-dir Version: 22.1.0\n${[
    { jsonrpc: '2.0', id: null, result: { api: 2 } },
    { jsonrpc: '2.0', id: null, result: { jobs } },
  ]
    .map(one => JSON.stringify(one, null, 2))
    .join('\n')}\n`

test('the director tells runs as JSON', () => {
  const fulls = [1, 2].map(day => row({ level: 'F', jobbytes: '900000', jobtdate: String(1_795_377_662 - day * 86_400) }))

  expect(factOf<Fact>(bareos, { console: answer(row(), ...fulls) }, NOW).jobs).toMatchObject([
    {
      name: 'backup-web',
      tool: 'bareos',
      lastResult: 'success',
      lastSuccessAt: 1_795_377_662_000,
      durationMs: 60_000,
      sourceBytes: null,
      addedBytes: 5000,
      learnedEveryMs: 86_400_000,
    },
  ])
})

test.each([
  [{ jobstatus: 'W' }, 'warnings'],
  [{ jobstatus: 'E' }, 'failed'],
  [{ joberrors: '3' }, 'warnings'],
  [{ jobmissingfiles: 2 }, 'warnings'],
])('%o is %s', (more, result) => {
  expect(factOf<Fact>(bareos, { console: answer(row(more)) }, NOW).jobs).toMatchObject([{ lastResult: result }])
})

test('half an answer is refused, and a run from the future is unknown', () => {
  expect(() => factOf(bareos, { console: answer(row()).slice(0, -30) }, NOW)).toThrow(/cut short/)
  expect(factOf<Fact>(bareos, { console: answer(row({ jobtdate: '1999999999' })) }, NOW).jobs).toMatchObject([
    { standing: 'unknown', lastSuccessAt: null },
  ])
  expect(factOf<Fact>(bareos, { console: answer() }, NOW).jobs).toEqual([])
})

test('the state of its file daemon has no links before its records', () => {
  const bacula = Buffer.from(readFileSync(new URL('./fixtures/bacula-fd.state.hex', import.meta.url), 'utf8').replace(/\s/g, ''), 'hex')
  const records = [0, 1, 2, 3, 4].map(index => bacula.subarray(196 + index * 200 + 16, 196 + (index + 1) * 200))
  const state = Buffer.concat([bacula.subarray(0, 196), ...records])
  state.write('Bareos State\n')

  expect(factOf<Fact>(bareos, { state: state.toString('hex') }, NOW).jobs).toMatchObject([
    { name: 'backup-src', tool: 'bareos', lastSuccessAt: 1_795_338_961_000 },
    { name: 'backup-missing', lastSuccessAt: null },
  ])
})

test('without a file daemon there is none', async () => {
  expect(await runProbe(bareos, hostOf(machine()), {}, 0)).toMatchObject({ outcome: 'absent' })
})

test('any text gives a fact or an error', () => {
  survives(bareos, 'console', [answer(row())])
})
