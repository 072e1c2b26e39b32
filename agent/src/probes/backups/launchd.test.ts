import { existsSync, readFileSync } from 'node:fs'
import type { FactTypes } from '@fettle/catalog'
import { readConfig } from '@fettle/kit'
import { expect, test } from 'vitest'
import { factOf, printed, survives } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import type { Captured } from '../../probe.ts'
import { checked, runProbe } from '../../runner.ts'
import type { Job } from './job.ts'
import launchd from './launchd.ts'

// Written after launchctl(1) and public transcripts of `launchctl print` on macOS 13 to 26: there is no macOS here.

type Fact = FactTypes['backups']
const NOW = Date.UTC(2026, 10, 22, 3)
const setting = launchd.setting ?? never()

function never(): never {
  throw new Error('the probe has no setting')
}

function configured(job: object = {}): unknown {
  const text = JSON.stringify({ backups: { launchd: [{ name: 'nightly', label: 'com.example.backup', every: '1d', ...job }] } })
  return readConfig({ 'backups.launchd': setting }, { file: { path: 'agent.yaml', text }, env: {} }).values['backups.launchd']
}

const job = (state = 'not running', last = 'last exit code = 0') => `system/com.example.backup = {
\tactive count = 0
\tpath = /Library/LaunchDaemons/com.example.backup.plist
\ttype = LaunchDaemon
\tstate = ${state}

\tprogram = /usr/local/bin/backup
\targuments = {
\t\t/usr/local/bin/backup
\t}

\truns = 6
\t${last}

\tresource coalition = {
\t\tID = 1114
\t\ttype = resource
\t\tstate = active
\t\tlast exit code = 0
\t}

\tspawn type = daemon (3)
}
`

function judged(text: string, marker?: Partial<Captured>, more: Partial<Captured> = {}): Job | undefined {
  const named = (captured: Captured): Captured => ({ ...captured, name: 'nightly' })
  const inputs = { print: [named(printed(text, more))], marker: marker ? [named(printed('', marker))] : [] }
  const fact = launchd.parse(inputs, { now: NOW, hostname: 'mac', options: configured() }) as Fact
  expect(checked(launchd, fact).outcome).toBe('ok')
  return fact.jobs[0]
}

test('a job that ended well tells no time, so its success is unknown', () => {
  expect(judged(job())).toMatchObject({
    standing: 'unknown',
    lastResult: 'success',
    lastSuccessAt: null,
    hint: expect.stringContaining('marker'),
  })
})

test('with a marker the success has its time', () => {
  const at = NOW - 3_600_000
  expect(judged(job(), { modifiedAt: at })).toMatchObject({
    standing: 'known',
    lastResult: 'success',
    lastSuccessAt: at,
    expectedEveryMs: 86_400_000,
  })
  expect(judged(job('running', 'last exit code = (never exited)'), { modifiedAt: at })).toMatchObject({
    lastResult: 'running',
    lastSuccessAt: at,
  })
  expect(judged(job('not running', 'last exit code = 1'), { modifiedAt: at })).toMatchObject({ lastResult: 'failed', lastSuccessAt: at })
})

test('a marker that was never written, tells a failure or lies in the future is no success', () => {
  expect(judged(job(), { code: -1 })).toMatchObject({ lastSuccessAt: null, reason: 'its marker has not been written yet' })
  expect(judged(job(), { text: '{"finished":1795309200,"exit":2}' })).toMatchObject({ lastResult: 'failed', lastSuccessAt: null })
  expect(judged(job(), { modifiedAt: NOW + 86_400_000 })).toMatchObject({ standing: 'unknown', lastSuccessAt: null })
  expect(judged(job(), { code: -1, stderr: '/var/db/x may not be read (EPERM)' })).toMatchObject({
    standing: 'unknown',
    lastSuccessAt: null,
  })
})

test.each([
  [
    'last exit code = 78: EX_CONFIG',
    { standing: 'unknown', lastResult: 'failed', warnings: ['the last run ended with exit code 78: EX_CONFIG'] },
  ],
  ['last exit code = 1', { lastResult: 'failed', lastSuccessAt: null }],
  ['last terminating signal = Killed: 9', { lastResult: 'failed', warnings: ['the last run was ended by a signal (Killed: 9)'] }],
  ['last exit code = (never exited)', { standing: 'unknown', lastResult: null, reason: expect.stringContaining('not run since') }],
  ['last exit code = gone', { standing: 'unknown', lastResult: null }],
])('%s', (last, wanted) => {
  expect(judged(job('not running', last))).toMatchObject(wanted)
})

test('what is said of a coalition is not said of the job', () => {
  expect(judged(job('not running', 'forks = 0'))).toMatchObject({ standing: 'unknown', lastResult: null })
})

test('a text that is cut off is no answer', () => {
  expect(judged(job().slice(0, 300))).toMatchObject({ standing: 'unknown', lastResult: null, reason: expect.stringContaining('cut off') })
})

test('a label that launchd does not know is told', () => {
  const stderr = 'Bad request.\nCould not find service "com.example.backup" in domain for system\n'
  expect(judged('', undefined, { stderr, code: 113 })).toMatchObject({
    standing: 'unknown',
    reason: 'launchd knows no job com.example.backup',
  })
})

test('read asks for the label in its domain', async () => {
  const m = machine({ now: NOW, commands: { 'launchctl print gui/501/com.example.backup': { text: job() } } })
  const outcome = await runProbe(launchd, hostOf(m), configured({ domain: 'gui/501' }), 3_600_000)
  expect(outcome).toMatchObject({ outcome: 'ok', data: { jobs: [{ lastResult: 'success', standing: 'unknown' }] } })
  expect(await runProbe(launchd, hostOf(m), [], 3_600_000)).toMatchObject({ outcome: 'absent' })
})

test('a capture alone is read as a job', () => {
  expect(launchd.inputs.print?.recognise?.(job())).toBe(true)
  expect(factOf<Fact>(launchd, { print: job() }, NOW, []).jobs[0]).toMatchObject({ name: '1 com.example.backup', standing: 'unknown' })
})

test('any text gives a fact or an error', () => survives(launchd, 'print', [job()]))

const sample = new URL(
  '../../../../../shared/samples/security_macos/glpi-project+glpi-agent/resources/macos/firewall/procinfo.txt',
  import.meta.url,
)
test.each(existsSync(sample) ? [sample] : [])('a sample: what launchd prints of a daemon that runs', url => {
  const text = readFileSync(url, 'utf8')
  expect(launchd.inputs.print?.recognise?.(text)).toBe(true)
  expect(factOf<Fact>(launchd, { print: text }, NOW, []).jobs[0]).toMatchObject({
    name: '1 com.apple.alf',
    standing: 'unknown',
    lastResult: 'running',
    lastSuccessAt: null,
  })
})
