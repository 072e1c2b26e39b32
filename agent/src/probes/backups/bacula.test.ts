import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { factOf, printed, survives } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { type Host, HostError } from '../../host.ts'
import { runProbe } from '../../runner.ts'
import bacula from './bacula.ts'
import { parseState } from './bacula-state.ts'
import type { Job } from './job.ts'

type Fact = { readonly jobs: Job[] }
const STATE = readFileSync(new URL('./fixtures/bacula-fd.state.hex', import.meta.url), 'utf8')
const LISTING = readFileSync(new URL('./fixtures/bacula-llist.txt', import.meta.url), 'utf8')
const NOW = 1_795_400_000_000
const context = { now: NOW, hostname: 'machine', options: {} }

/** The state with one 32-bit field of its last job set: where it stands after the links is in lib/jcr.h. */
function changed(field: number, value: number): string {
  const bytes = Buffer.from(STATE.replace(/\s/g, ''), 'hex')
  bytes.writeInt32LE(value, 192 + 4 + 4 * 200 + 16 + field)
  return bytes.toString('hex')
}
const STATUS = 8
const jobIn = (text: string, name = 'backup-src') => factOf<Fact>(bacula, { state: text }, NOW).jobs.find(job => job.name === name)

test('the state of a file daemon tells its last jobs', () => {
  // The newest full run found its folder gone: status T, and no file. The incremental one before it is the last good.
  expect(jobIn(STATE)).toMatchObject({
    tool: 'bacula',
    kind: 'backup',
    standing: 'known',
    lastRunAt: 1_795_339_036_000,
    lastResult: 'warnings',
    lastSuccessAt: 1_795_338_961_000,
    sourceBytes: 0,
    earlierBytes: [100_006, 100_006],
    warnings: ['1 errors or missing files', 'a full backup of no file'],
  })
})

test('a full backup of no file is no backup, although its status is T', () => {
  expect(jobIn(STATE, 'backup-missing')).toMatchObject({ lastResult: 'warnings', lastSuccessAt: null, files: 0 })
})

test.each([
  ['E', 'failed'],
  ['f', 'failed'],
  ['A', 'failed'],
  ['I', 'failed'],
  ['W', 'warnings'],
  ['R', 'running'],
  ['?', null],
])('status %s is %s', (status, result) => {
  expect(jobIn(changed(STATUS, status.charCodeAt(0)))).toMatchObject({ lastResult: result, lastSuccessAt: 1_795_338_961_000 })
})

test('jobs that do not back up are none', () => {
  const restored = changed(4, 'R'.charCodeAt(0))
  expect(jobIn(restored)).toMatchObject({ lastRunAt: 1_795_338_961_000, lastResult: 'success' })
})

test('a state of another layout, cut short or written as text is refused', () => {
  expect(() => parseState(STATE.slice(0, 1_000))).toThrow()
  expect(() => parseState(STATE.replace(/\s/g, '').slice(0, -20))).toThrow(/layout/)
  expect(() => parseState(`426163756c612053746174650a0000${'00'.repeat(200)}`)).toThrow(/layout/)
  expect(() => parseState('Bacula State\n\0\0')).toThrow(/xxd -p/)
  expect(() => parseState('')).toThrow()
  expect(() => jobIn(changed(STATUS, 7))).toThrow(/a job in it is none/)
})

test('the director tells the same jobs by the time that has no zone', () => {
  const jobs = factOf<Fact>(bacula, { console: LISTING }, NOW).jobs
  expect(jobs).toMatchObject([
    { name: 'backup-src', lastResult: 'success', lastSuccessAt: 1_795_338_940_000, sourceBytes: 100_006, durationMs: 0 },
    { name: 'backup-missing', lastResult: 'warnings', lastSuccessAt: null },
  ])
})

test('a run that goes on is told with its beginning, and the last good one stays', () => {
  const running = LISTING.replace(
    'JobStatus: T\n       SchedTime: 2026-11-22 09:15:41',
    'JobStatus: R\n       SchedTime: 2026-11-22 09:15:41',
  ).replace('Name: backup-missing', 'Name: backup-src')
  expect(factOf<Fact>(bacula, { console: running }, NOW).jobs).toMatchObject([
    { lastResult: 'running', runningSince: 1_795_338_943_000, lastSuccessAt: 1_795_338_940_000 },
  ])
})

test('a listing that is cut off above its errors is refused', () => {
  for (const below of ['JobStatus: T', 'JobTDate: 1795338943', 'ReadBytes: 0', 'JobErrors: 1'])
    expect(() => factOf(bacula, { console: LISTING.slice(0, LISTING.lastIndexOf(below) + below.length) }, NOW), below).toThrow(/cut short/)
})

test('the short list has no time with a zone: the result is known, the age is not', () => {
  const table =
    '| JobId | Name | StartTime | Type | Level | JobFiles | JobBytes | JobStatus |\n| 1 | home | 2026-11-22 09:15:40 | B | F | 3 | 100,006 | T |\n'
  expect(factOf<Fact>(bacula, { console: table }, NOW).jobs).toMatchObject([
    { name: 'home', standing: 'unknown', lastResult: 'success', lastSuccessAt: null },
  ])
})

test('a director that does not answer is no empty list', () => {
  expect(factOf<Fact>(bacula, { console: 'Enter a period\nNo results to list.\n' }, NOW).jobs).toEqual([])
  expect(() => factOf(bacula, { console: 'Director authorization problem.\n' }, NOW)).toThrow(/did not answer/)
  expect(() => factOf(bacula, { console: 'Connecting to Director\n' }, NOW)).toThrow(/Cannot find jobs/)
  expect(() => factOf(bacula, { console: '' }, NOW)).toThrow(/said nothing/)
  expect(() => bacula.parse({ console: [printed('', { stderr: 'Permission denied' })] }, context)).toThrow(
    expect.objectContaining({ name: 'Denied' }),
  )
})

const PATH = '/var/lib/bacula/bacula-fd.9102.state'
function hostWith(files: Record<string, string | Error>, commands = {}): Host {
  const door = hostOf(machine({ now: NOW, files, commands }))
  return {
    ...door,
    async bytes(path: string) {
      const content = files[path]
      if (content instanceof Error) throw content
      return Buffer.from(String(content).replace(/\s/g, ''), 'hex')
    },
  }
}

test('the machine is looked at by its state; without one a daemon that is there has no job', async () => {
  const denied = { [PATH]: new HostError('EACCES', PATH) }

  expect(await runProbe(bacula, hostWith({ [PATH]: STATE }), {}, 0)).toMatchObject({ outcome: 'ok', data: { jobs: [{}, {}] } })
  expect(await runProbe(bacula, hostWith({ '/etc/bacula/bacula-fd.conf': 'x' }), {}, 0)).toMatchObject({
    outcome: 'ok',
    data: { jobs: [] },
  })
  expect(await runProbe(bacula, hostWith({}), {}, 0)).toMatchObject({ outcome: 'absent' })
  expect(await runProbe(bacula, hostWith(denied), {}, 0)).toMatchObject({ outcome: 'denied' })
})

test('the director is only asked where a console is configured', async () => {
  const commands = { 'bconsole -c /etc/bacula/bconsole.conf': { text: LISTING } }
  const given = { console: '/etc/bacula/bconsole.conf', client: 't-fd' }

  expect(await runProbe(bacula, hostWith({}, commands), given, 0)).toMatchObject({ outcome: 'ok', data: { jobs: [{}, {}] } })
  expect(await runProbe(bacula, hostWith({}), given, 0)).toMatchObject({ outcome: 'failed', hint: 'Install the console of the director.' })
})

test('any text gives a fact or an error', () => {
  survives(bacula, 'state', [STATE])
  survives(bacula, 'console', [LISTING])
  // Any bytes behind a right header: never a job that nobody told.
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 800 }), bytes => {
      try {
        for (const run of parseState(STATE.replace(/\s/g, '').slice(0, 384) + Buffer.from(bytes).toString('hex')))
          expect(run.name).not.toBe('')
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
      }
    }),
    { numRuns: 100 },
  )
})
