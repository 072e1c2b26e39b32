import { existsSync, readFileSync } from 'node:fs'
import { readConfig } from '@fettle/kit'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { localHost } from '../../host/local.ts'
import type { Captured } from '../../probe.ts'
import { checked, runProbe } from '../../runner.ts'
import type { Job } from './job.ts'
import systemd from './systemd.ts'

// The properties and journal lines here are written after systemctl(1), systemd.timer(5) and the catalog of systemd 252: systemd does not run in a container.

const HOUR = 3_600_000
const NOW = Date.parse('2026-11-22T03:00:00Z')
const settings = { 'backups.systemd': systemd.setting ?? never() }

function never(): never {
  throw new Error('the probe has no setting')
}

function configured(...jobs: readonly object[]): unknown {
  return readConfig(settings, { file: { path: 'agent.yaml', text: JSON.stringify({ backups: { systemd: jobs } }) }, env: {} }).values[
    'backups.systemd'
  ]
}

function capture(text: string, extra: Partial<Captured> = {}): Captured {
  return { text, stderr: '', code: 0, name: 'nightly', modifiedAt: null, ...extra }
}

const neverRan = {
  Id: 'backup.service',
  LoadState: 'loaded',
  ActiveState: 'inactive',
  SubState: 'dead',
  Type: 'oneshot',
  Result: 'success',
  ExecMainCode: '0',
  ExecMainStatus: '0',
  ExecMainStartTimestamp: '',
  ExecMainExitTimestamp: '',
}
const ranWell = {
  ...neverRan,
  ExecMainCode: '1',
  ExecMainStartTimestamp: 'Sun 2026-11-22 01:00:00 UTC',
  ExecMainExitTimestamp: 'Sun 2026-11-22 01:10:00 UTC',
}
const show = (properties: object) =>
  capture(
    `${Object.entries(properties)
      .map(([key, value]) => `${key}=${value}`)
      .join('\n')}\n`,
  )

const message = (id: string, time: string, extra: object = {}) =>
  JSON.stringify({ __REALTIME_TIMESTAMP: `${Date.parse(time) * 1000}`, MESSAGE_ID: id, UNIT: 'backup.service', ...extra })
const finished = (time: string) => message('39f53479d3a045ac8e11786248231fbf', time, { JOB_RESULT: 'done' })
const succeeded = (time: string) => message('7ad2d189f7e94e70a38c781354912448', time)
const failed = (time: string) => message('d9b373ed55a64feb8242e02dbe79a49c', time)

function judged(unit: Captured, more: { timer?: Captured; journal?: readonly string[] } = {}): Job | undefined {
  const options = configured({ name: 'nightly', unit: 'backup', timer: 'backup', every: '1d' }) as never
  const inputs = { unit: [unit], timer: more.timer ? [more.timer] : [], journal: more.journal ? [capture(more.journal.join('\n'))] : [] }
  const fact = systemd.parse(inputs, { now: NOW, hostname: 'vm', options }) as { jobs: Job[] }
  expect(checked(systemd, fact).outcome).toBe('ok')
  return fact.jobs[0]
}

describe('a unit', () => {
  test('that ended well since boot had its last success then', () => {
    expect(judged(show(ranWell))).toMatchObject({
      standing: 'known',
      lastResult: 'success',
      lastSuccessAt: Date.parse('2026-11-22T01:10:00Z'),
      durationMs: 600_000,
      expectedEveryMs: 24 * HOUR,
    })
    const unix = { ...ranWell, ExecMainStartTimestamp: '@1795309200', ExecMainExitTimestamp: '@1795309800' }
    expect(judged(show(unix))).toMatchObject({ lastSuccessAt: 1_795_309_800_000 })
  })

  test('with Result=success that has not run since boot is unknown (wrong green 32)', () => {
    const timer = show({ Id: 'backup.timer', LoadState: 'loaded', ActiveState: 'active', LastTriggerUSec: 'Sat 2026-11-21 01:00:00 UTC' })
    expect(judged(show(neverRan), { timer })).toMatchObject({
      standing: 'unknown',
      lastSuccessAt: null,
      lastResult: null,
      lastRunAt: Date.parse('2026-11-21T01:00:00Z'),
    })
  })

  test('that has not run since boot is known where the journal tells of its runs', () => {
    const journal = ['2026-11-19T01:10:00Z', '2026-11-20T01:10:00Z', '2026-11-21T01:10:00Z'].flatMap(time => [
      succeeded(time),
      finished(time),
    ])
    expect(judged(show(neverRan), { journal })).toMatchObject({
      standing: 'known',
      lastResult: 'success',
      lastSuccessAt: Date.parse('2026-11-21T01:10:00Z'),
      learnedEveryMs: 24 * HOUR,
    })
  })

  test('that failed is failed, and the journal tells when it last went well', () => {
    const unit = show({ ...ranWell, ActiveState: 'failed', SubState: 'failed', Result: 'exit-code', ExecMainStatus: '1' })
    expect(judged(unit)).toMatchObject({ standing: 'known', lastResult: 'failed', lastSuccessAt: null })
    const journal = [succeeded('2026-11-20T01:10:00Z'), failed('2026-11-22T01:10:00Z')]
    expect(judged(unit, { journal })).toMatchObject({ lastResult: 'failed', lastSuccessAt: Date.parse('2026-11-20T01:10:00Z') })
  })

  test('that failed before the boot is failed', () => {
    const journal = [succeeded('2026-11-20T01:10:00Z'), failed('2026-11-21T01:10:00Z')]
    expect(judged(show(neverRan), { journal })).toMatchObject({ lastResult: 'failed', lastSuccessAt: Date.parse('2026-11-20T01:10:00Z') })
  })

  test('whose code 3 counts as a success by SuccessExitStatus ended with warnings', () => {
    expect(judged(show({ ...ranWell, ExecMainStatus: '3' }))).toMatchObject({
      lastResult: 'warnings',
      lastSuccessAt: Date.parse('2026-11-22T01:10:00Z'),
    })
  })

  test('ended by SIGTERM is a success to systemd and none to us, whatever the journal says', () => {
    const unit = show({ ...ranWell, ExecMainCode: '2', ExecMainStatus: '15' })
    expect(judged(unit, { journal: [succeeded('2026-11-22T01:10:00Z')] })).toMatchObject({ lastResult: 'failed', lastSuccessAt: null })
  })

  test('that runs now is running since its start', () => {
    const unit = show({ ...ranWell, ActiveState: 'activating', SubState: 'start', ExecMainExitTimestamp: '' })
    const journal = [succeeded('2026-11-21T01:10:00Z')]
    expect(judged(unit, { journal })).toMatchObject({
      lastResult: 'running',
      runningSince: Date.parse('2026-11-22T01:00:00Z'),
      lastSuccessAt: Date.parse('2026-11-21T01:10:00Z'),
    })
  })

  test('of another type than oneshot has not ended when its start has finished', () => {
    expect(judged(show({ ...neverRan, Type: 'simple' }), { journal: [finished('2026-11-21T01:10:00Z')] })).toMatchObject({
      standing: 'unknown',
      lastSuccessAt: null,
    })
  })

  test.each([
    [{ Id: 'backup.service', LoadState: 'not-found', ActiveState: 'inactive', Result: 'success' }, 'there is no unit backup.service'],
    [{ ...neverRan, LoadState: 'masked' }, 'the unit backup.service is masked'],
    [{ ...ranWell, ExecMainExitTimestamp: 'Sun 2026-11-22 01:10:00 CET' }, 'run it with TZ=UTC'],
    [{ ...ranWell, ExecMainExitTimestamp: 'Mon 2026-11-23 01:10:00 UTC' }, 'in the future'],
  ])('%j is unknown', (properties, reason) => {
    const job = judged(show(properties))
    expect(job).toMatchObject({ standing: 'unknown', lastSuccessAt: null })
    expect(job?.reason).toContain(reason)
  })

  test('whose timer is not active says that nothing starts it', () => {
    const timer = show({ Id: 'backup.timer', LoadState: 'loaded', ActiveState: 'inactive', LastTriggerUSec: '' })
    expect(judged(show(ranWell), { timer })?.warnings).toEqual(['the timer backup.timer is not active: nothing starts this backup'])
  })

  test('where systemd does not run is unknown', () => {
    const stderr =
      "System has not been booted with systemd as init system (PID 1). Can't operate.\nFailed to connect to bus: Host is down\n"
    expect(judged(capture('', { code: 1, stderr }))).toMatchObject({ standing: 'unknown', reason: 'systemd does not run here' })
  })
})

test('on this machine a unit that does not exist is never good', async () => {
  const fact = await runProbe(systemd, localHost(), configured({ name: 'nightly', unit: 'fettle-test-no-such-unit' }), HOUR)
  expect(fact).toMatchObject({ outcome: 'ok', data: { jobs: [{ standing: 'unknown', lastSuccessAt: null, lastResult: null }] } })
})

test('nothing configured is absent', async () => {
  expect(await runProbe(systemd, localHost(), [], HOUR)).toMatchObject({ outcome: 'absent' })
})

test('any text gives a fact or an error, in no time', () => {
  const line = fc.tuple(fc.constantFrom(...Object.keys(neverRan)), fc.string({ maxLength: 20 })).map(pair => pair.join('='))
  const wild = fc.oneof(
    fc.string({ maxLength: 300 }),
    fc.array(line).map(lines => lines.join('\n')),
  )
  fc.assert(
    fc.property(wild, wild, fc.oneof(wild, fc.json()), (unit, timer, journal) => {
      const inputs = { unit: [capture(unit, { code: null })], timer: [capture(timer)], journal: [capture(journal)] }
      try {
        expect(checked(systemd, systemd.parse(inputs, { now: NOW, hostname: 'vm', options: [] })).outcome).toBe('ok')
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
      }
    }),
    { numRuns: 300 },
  )
})

const sample = new URL(
  '../../../../../shared/samples/security_linux/inspec+inspec/test/fixtures/cmd/systemctl-show-all-apache2',
  import.meta.url,
)
test('a capture without times is read and is no success', () => {
  const text = existsSync(sample)
    ? readFileSync(sample, 'utf8')
    : 'Id=apache2.service\nLoadState=loaded\nActiveState=active\nSubState=running\n'
  expect(systemd.inputs.unit?.recognise?.(text)).toBe(true)
  const { jobs } = systemd.parse({ unit: [capture(text, { code: null })] }, { now: NOW, hostname: 'vm', options: [] }) as { jobs: Job[] }
  expect(jobs[0]).toMatchObject({ name: 'apache2.service', standing: 'unknown', lastSuccessAt: null })
})
