import { existsSync, readFileSync } from 'node:fs'
import { readConfig } from '@fettle/kit'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { survives } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import type { Captured } from '../../probe.ts'
import { checked, runProbe } from '../../runner.ts'
import type { Job } from './job.ts'
import resticprofile from './resticprofile.ts'

// Debian has no resticprofile: all output below is written after its documentation ("Status file", "Prometheus") and source (monitor/status, monitor/prom).

const HOUR = 3_600_000
const NOW = Date.parse('2026-11-22T12:00:00Z')
const AT = '2026-11-22T03:00:05.831077Z'
const settings = { 'backups.resticprofile': resticprofile.setting ?? never() }

function never(): never {
  throw new Error('the probe has no setting')
}

function capture(text: string, extra: Partial<Captured> = {}): Captured {
  return { text, stderr: '', code: null, name: 'x', modifiedAt: null, ...extra }
}

const parse = (inputs: Record<string, Captured[]>) =>
  resticprofile.parse(inputs, { now: NOW, hostname: 'vm', options: [] }) as { jobs: Job[] }

/** A run as the status file tells it. */
const run = (extra: object = {}) => ({ success: true, time: AT, error: '', stderr: '', duration: 16, ...extra })
const extended = { files_new: 1, files_total: 215, bytes_added: 296536447, bytes_total: 362952485, snapshot_id: 'abcdef12' }
const plain = { files_new: 0, files_total: 0, bytes_added: 0, bytes_total: 0 }
const status = (profiles: object) => capture(JSON.stringify({ profiles }))
const only = (profile: object): Job | undefined => parse({ status: [status({ home: profile })] }).jobs[0]

describe('a status file', () => {
  test('tells the last good run with its sizes', () => {
    expect(only({ backup: run(extended) })).toMatchObject({
      name: 'home',
      tool: 'resticprofile',
      standing: 'known',
      lastResult: 'success',
      lastSuccessAt: Date.parse(AT),
      durationMs: 16_000,
      sourceBytes: 362952485,
      addedBytes: 296536447,
      files: 215,
    })
  })
  test('without extended status has zeros that are no sizes', () => {
    expect(only({ backup: run(plain) })).toMatchObject({ standing: 'known', sourceBytes: null, addedBytes: null, files: null })
  })
  test('of a failed run does not tell the last good one', () => {
    const job = only({
      backup: run({
        ...plain,
        success: false,
        error: 'exit status 1',
        stderr: 'Fatal: unable to open repository at rest:https://u:hunter2@nas/',
      }),
    })
    expect(job).toMatchObject({ standing: 'unknown', lastResult: 'failed', lastSuccessAt: null, lastRunAt: Date.parse(AT) })
    expect(job?.warnings.join(' ')).not.toContain('hunter2')
  })
  test('of a run that left files out has warnings, by its end or by its words (wrong green 29)', () => {
    expect(only({ backup: run({ success: false, error: "backup on profile 'home': exit status 3" }) })).toMatchObject({
      lastResult: 'warnings',
      standing: 'known',
    })
    expect(only({ backup: run({ stderr: '/gone does not exist, skipping\n' }) })).toMatchObject({
      lastResult: 'warnings',
      warnings: ['/gone does not exist, skipping'],
    })
  })
  test('tells the last check; one that found a lock verified nothing and damaged nothing', () => {
    const backup = run()
    expect(only({ backup, check: run() })?.verify).toEqual({ at: Date.parse(AT), result: 'ok', detail: null })
    const locked = only({
      backup,
      check: run({ success: false, error: 'exit status 1', stderr: 'unable to create lock in backend: repository is already locked\n' }),
    })
    expect(locked?.verify).toBeNull()
    expect(locked?.warnings[0]).toContain('its last check did not end well')
    expect(
      only({ backup, check: run({ success: false, stderr: 'pack ab12cd34: not referenced\nFatal: repository contains errors\n' }) })?.verify
        ?.result,
    ).toBe('failed')
  })
  test('with checks alone tells of no backup', () => {
    expect(only({ check: run() })).toMatchObject({ standing: 'unknown', verify: { result: 'ok' } })
    expect(only({})).toMatchObject({ standing: 'unknown', lastSuccessAt: null })
  })
  test.each([
    { time: '0001-01-01T00:00:00Z' },
    { time: '2026-11-22T03:00:05' },
    { time: '2026-11-23T03:00:05Z' },
    { time: null },
    { success: 'true' },
    { success: null },
  ])('with %j is no success', broken => {
    expect(only({ backup: run(broken) })).toMatchObject({ standing: 'unknown', lastSuccessAt: null })
  })
  test.each(['', '{}', '{"profiles":[]}', '{"profiles": {"home": {"backup": {"success": tr', 'null', '[]'])('%j is none', text => {
    const read = () => parse({ status: [capture(text)] }).jobs
    try {
      expect(read()).toEqual([])
      expect(text).toBe('never')
    } catch (error) {
      expect(error).toBeInstanceOf(Error)
    }
  })
})

describe('a metrics file', () => {
  const metrics = (state: number) =>
    capture(
      [
        '# HELP resticprofile_backup_status Backup status: 0=fail, 1=warning, 2=success.',
        `resticprofile_backup_status{profile="home"} ${state}`,
        'resticprofile_backup_time_seconds{profile="home"} 1.7953164e+09',
        'resticprofile_backup_duration_seconds{profile="home"} 11.5',
        'resticprofile_backup_processed_bytes{profile="home"} 1000',
        'resticprofile_backup_added_bytes{profile="home"} 100',
        'resticprofile_backup_files_processed{profile="home"} 3',
        'resticprofile_build_info{goversion="go1.24",profile="home",version="0.32.0"} 1',
      ].join('\n'),
    )
  test.each([
    [
      2,
      {
        lastResult: 'success',
        standing: 'known',
        lastSuccessAt: 1795316400000,
        sourceBytes: 1000,
        addedBytes: 100,
        files: 3,
        durationMs: 12_000,
      },
    ],
    [1, { lastResult: 'warnings', standing: 'known' }],
    [0, { lastResult: 'failed', standing: 'unknown', lastSuccessAt: null }],
    [7, { standing: 'unknown', lastResult: null }],
  ])('with status %d', (state, wanted) => {
    expect(parse({ metrics: [metrics(state)] }).jobs).toMatchObject([wanted])
  })
  test('of something else is none', () => {
    expect(() => parse({ metrics: [capture('node_load1 0.5\n')] })).toThrow('no resticprofile_backup_')
  })
})

describe('a configured status file', () => {
  const look = async (files: Record<string, string>, job: object = {}) => {
    const text = JSON.stringify({ backups: { resticprofile: [{ name: 'nightly', status: '/s', ...job }] } })
    const options = readConfig(settings, { file: { path: 'agent.yaml', text }, env: {} }).values['backups.resticprofile']
    const fact = await runProbe(resticprofile, hostOf(machine({ now: NOW, files })), options, HOUR)
    return (fact.data as { jobs: Job[] }).jobs
  }
  const files = { '/s': JSON.stringify({ profiles: { home: { backup: run() }, root: { backup: run() } } }) }
  test('has a job for each profile that counts', async () => {
    expect(await look(files, { every: '1d' })).toMatchObject([
      { name: 'nightly home', expectedEveryMs: 24 * HOUR },
      { name: 'nightly root', standing: 'known' },
    ])
    expect(await look(files, { profiles: ['root', 'gone'] })).toMatchObject([
      { standing: 'known' },
      { name: 'nightly gone', standing: 'unknown' },
    ])
  })
  test('that is not written yet, or is torn, is unknown', async () => {
    expect(await look({})).toMatchObject([
      { name: 'nightly', standing: 'unknown', reason: expect.stringContaining('not been written yet') },
    ])
    expect(await look({ '/s': '{"profiles": {"ho' })).toMatchObject([{ standing: 'unknown' }])
  })
})

describe('without a setting', () => {
  const read = async (files: Record<string, string>) => runProbe(resticprofile, hostOf(machine({ now: NOW, files })), [], HOUR)
  test('it is absent where it is not installed, and has no job without a configuration', async () => {
    expect(await read({})).toMatchObject({ outcome: 'absent' })
    expect(await read({ '/usr/local/bin/resticprofile': '' })).toMatchObject({ outcome: 'ok', data: { jobs: [] } })
  })
  test.each([
    [
      '/etc/resticprofile/profiles.yaml',
      'version: "1"\nhome:\n  status-file: status.json  # beside it\n',
      '/etc/resticprofile/status.json',
    ],
    ['/etc/resticprofile/profiles.toml', '[home]\n  status-file = "/var/lib/s.json"\n', '/var/lib/s.json'],
    ['/etc/profiles.json', '{"home": {\n"status-file": "/var/lib/s.json",\n"x": 1}}', '/var/lib/s.json'],
    ['/etc/profiles.hcl', '"home" {\n  "status-file" = "s.json"\n}\n', '/etc/s.json'],
  ])('the status file that %s names is found', async (path, text, file) => {
    const fact = await read({ [path]: text, [file]: JSON.stringify({ profiles: { home: { backup: run() } } }) })
    expect(fact).toMatchObject({ outcome: 'ok', data: { jobs: [{ name: 'home', standing: 'known' }] } })
    expect(await read({ [path]: text })).toMatchObject({ data: { jobs: [{ standing: 'unknown' }] } })
  })
  test('a configuration without a status file, or with one that a variable names, is unknown', async () => {
    for (const text of ['home:\n  repository: /r\n', 'home:\n  status-file: "{{ .TempDir }}/s.json"\n'])
      expect(await read({ '/etc/resticprofile/profiles.yaml': text })).toMatchObject({
        data: { jobs: [{ name: 'resticprofile', standing: 'unknown' }] },
      })
  })
})

test.each(['status', 'metrics', 'log', 'configuration'])('%s that is spoilt is refused or read, and soon', input => {
  const file = JSON.stringify({ profiles: { home: { backup: run(extended), check: run() } } })
  survives(resticprofile, input, [file, 'resticprofile_backup_status{profile="home"} 2\n', 'home:\n  status-file: s.json\n'])
})

test('any text gives a fact or an error, in no time', () => {
  const wild = fc.oneof(
    fc.string({ maxLength: 400 }),
    fc.json({ maxDepth: 3 }),
    fc
      .json()
      .map(
        json =>
          `{"profiles":{"a":{"backup":${json},"check":${json}},"":{"backup":{"success":true,"time":"${AT}","stderr":${json},"files_total":${json}}}}}`,
      ),
    fc
      .string({ maxLength: 100 })
      .map(text => `resticprofile_backup_status{profile="${text}"} 2\nresticprofile_backup_time_seconds{profile="${text}"} 1e9`),
    fc.string({ maxLength: 100 }).map(text => `status-file: ${text}\n`),
  )
  fc.assert(
    fc.property(wild, fc.constantFrom('status', 'metrics', 'log', 'configuration'), (text, input) => {
      const started = performance.now()
      try {
        expect(checked(resticprofile, parse({ [input]: [capture(text)] })).outcome).toBe('ok')
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
      }
      expect(performance.now() - started).toBeLessThan(500)
    }),
    { numRuns: 400 },
  )
})

const sample = new URL(
  '../../../../../shared/samples/backup/creativeprojects+resticprofile/shell/plain_summary_test.go.backup-plain.txt',
  import.meta.url,
)
test('what restic prints under it is read as a log, which alone is no last success', () => {
  const own = 'Files:         209 new,     2 changed,    12 unmodified\nprocessed 223 files, 346.107 MiB in 0:00\nsnapshot 07ab30a5 saved\n'
  for (const text of [own, ...(existsSync(sample) ? [readFileSync(sample, 'utf8')] : [])]) {
    expect(Object.entries(resticprofile.inputs).find(([, spec]) => spec.recognise?.(text))?.[0]).toBe('log')
    expect(parse({ log: [capture(text)] }).jobs[0]).toMatchObject({
      lastResult: 'success',
      files: 223,
      standing: 'unknown',
      lastSuccessAt: null,
    })
  }
})
