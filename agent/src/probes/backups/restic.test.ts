import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConfigError, readConfig } from '@fettle/kit'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeSource, type Repository, resticRepository, writeLog } from '../../../../test/kit/backups.ts'
import { localHost } from '../../host/local.ts'
import type { Captured } from '../../probe.ts'
import { checked, runProbe } from '../../runner.ts'
import type { Job } from './job.ts'
import restic from './restic.ts'

const folder = mkdtempSync(join(tmpdir(), 'fettle-restic-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const HOUR = 3_600_000
const host = localHost()
const settings = { 'backups.restic': restic.setting ?? { schema: never(), default: [], doc: '' } }

function never(): never {
  throw new Error('the probe has no setting')
}

/** Looks through the whole of configuration, probe and runner, as the agent does. */
async function look(...jobs: object[]): Promise<readonly Job[]> {
  const fact = await runProbe(restic, host, configured(jobs), HOUR)
  expect(fact.outcome, fact.reason).toBe('ok')
  return (fact.data as { jobs: Job[] }).jobs
}

function configured(jobs: readonly object[]): unknown {
  return readConfig(settings, { file: { path: 'agent.yaml', text: JSON.stringify({ backups: { restic: jobs } }) }, env: {} }).values[
    'backups.restic'
  ]
}

function problemsOf(jobs: readonly object[]): string {
  try {
    configured(jobs)
    return ''
  } catch (error) {
    return (error as ConfigError).problems.join('\n')
  }
}

function capture(text: string, extra: Partial<Captured> = {}): Captured {
  return { text, stderr: '', code: null, name: 'x', modifiedAt: null, ...extra }
}

const NOW = Date.parse('2026-11-22T03:00:00Z')
const parse = (inputs: Record<string, Captured[]>) => restic.parse(inputs, { now: NOW, hostname: 'vm', options: [] }) as { jobs: Job[] }

describe('a real restic repository', () => {
  let repository: Repository
  let source: string
  let other: string
  const job = (extra: object = {}) => ({
    name: 'nightly',
    repository: repository.path,
    passwordFile: repository.passwordFile,
    cache: repository.cache,
    ...extra,
  })

  beforeAll(async () => {
    repository = await resticRepository(folder)
    source = makeSource(folder, 'src')
    other = makeSource(folder, 'other')
  })

  test('is known to have never been backed up to while it is empty (wrong green 26)', async () => {
    const [found] = await look(job())
    expect(found).toMatchObject({ standing: 'known', lastSuccessAt: null, snapshots: 0, destination: repository.path })
    expect(found?.reason).toContain('holds no snapshot')
  })

  test('tells the last backup of this host, and not that of another (wrong green 31)', async () => {
    const before = Date.now()
    await repository.backUp([source], { at: new Date(before - 50 * HOUR) })
    await repository.backUp([source], { at: new Date(before - 26 * HOUR) })
    await repository.backUp([source], { at: new Date(before - 2 * HOUR) })
    await repository.backUp([source], { host: 'another' })
    const [found] = await look(job({ every: '1d' }))
    expect(found).toMatchObject({
      name: 'nightly',
      standing: 'known',
      snapshots: 3,
      expectedEveryMs: 24 * HOUR,
      learnedEveryMs: 24 * HOUR,
      lastResult: null,
    })
    expect(Math.abs((found?.lastSuccessAt ?? 0) - (before - 2 * HOUR))).toBeLessThan(2000)
    expect(found?.destinationFreeRatio).toBeGreaterThan(0)
    const [stranger] = await look(job({ host: 'nobody' }))
    expect(stranger).toMatchObject({ standing: 'known', lastSuccessAt: null })
  })

  test('with a missing source is partial: the log says so, and so do the paths (wrong green 29)', async () => {
    const ran = await repository.backUp([source, join(folder, 'gone')])
    expect(ran.code).toBe(0)
    const log = writeLog(join(folder, 'backup.log'), ran)
    const [byLog] = await look(job({ log }))
    expect(byLog).toMatchObject({ lastResult: 'warnings', files: 3 })
    expect(byLog?.warnings[0]).toContain('does not exist, skipping')
    const [byPaths] = await look(job({ paths: [source, join(folder, 'gone')] }))
    expect(byPaths).toMatchObject({ lastResult: 'warnings', lastSuccessAt: null })
    expect(byPaths?.warnings[0]).toContain('does not hold')
  })

  test('with a good log is a success with its sizes', async () => {
    const log = writeLog(join(folder, 'backup.log'), await repository.backUp([source]))
    const [found] = await look(job({ log }))
    expect(found).toMatchObject({ lastResult: 'success', files: 3, warnings: [] })
    expect(found?.sourceBytes).toBeGreaterThan(1000)
  })

  test('with two sets of paths is two jobs, so that a stale one is not hidden by the other', async () => {
    await repository.backUp([other], { at: new Date(Date.now() - 500 * HOUR) })
    const found = await look(job())
    expect(found.map(one => one.name).sort()).toEqual([`nightly ${other}`, `nightly ${source}`].sort())
  })

  test('with a wrong password is unknown, and only its own job is (wrong green 27)', async () => {
    const [wrong, right, gone] = await look(
      job({ name: 'wrong', passwordFile: repository.wrongPasswordFile }),
      job({ name: 'right', paths: [source] }),
      job({ name: 'gone', repository: join(folder, 'nowhere') }),
    )
    expect(wrong).toMatchObject({ standing: 'unknown', lastSuccessAt: null })
    expect(wrong?.reason).toContain('wrong password')
    expect(wrong?.hint).toContain('password file')
    expect(right?.standing).toBe('known')
    expect(gone?.reason).toContain('no repository at')
  })

  test('while it is locked by a running backup still tells its snapshots', async () => {
    const release = await repository.lock()
    const [found] = await look(job({ paths: [source] }))
    await release()
    expect(found?.standing).toBe('known')
  })

  test('with a damaged pack fails its verification as the log of the check tells', async () => {
    const good = writeLog(join(folder, 'check.log'), await repository.check())
    const [before] = await look(job({ paths: [source], verify: { log: good } }))
    expect(before?.verify).toMatchObject({ result: 'ok', detail: null })
    repository.damage()
    const bad = writeLog(join(folder, 'check.log'), await repository.check())
    const [after] = await look(job({ paths: [source], verify: { log: bad } }))
    expect(after?.verify?.result).toBe('failed')
    expect(after?.verify?.detail).toContain('unexpected file size')
    const [never] = await look(job({ paths: [source], verify: { log: join(folder, 'no.log') } }))
    expect(never?.verify).toMatchObject({ result: 'never', at: null })
  })

  test('has its address in the environment where that holds a password, which is shown nowhere', async () => {
    const jobs = configured([job({ repository: 'rest:http://me:hunter2@127.0.0.1:9/x/' })])
    const argvs: string[] = []
    const watched = {
      ...host,
      run(argv: readonly string[], options: object) {
        argvs.push(argv.join(' '))
        return host.run(argv, { ...options, timeoutMs: 1500 })
      },
    }
    const fact = await runProbe(restic, watched, jobs, HOUR)
    expect(JSON.stringify([fact, argvs, jobs])).not.toContain('hunter2')
    expect((fact.data as { jobs: Job[] }).jobs[0]).toMatchObject({ standing: 'unknown', destination: 'rest:http://127.0.0.1:9/x/' })
  })
})

test('the agent says absent only where nothing is configured, never where restic is missing', async () => {
  expect(await runProbe(restic, host, [], HOUR)).toMatchObject({ outcome: 'absent', reason: 'no restic repository is configured' })
  const bare = { ...host, run: () => Promise.reject(Object.assign(new Error('restic is not installed'), { name: 'NotInstalled' })) }
  const jobs = configured([{ name: 'a', repository: '/r', passwordFile: '/p' }])
  expect(await runProbe(restic, bare, jobs, HOUR)).toMatchObject({
    outcome: 'ok',
    data: { jobs: [{ standing: 'unknown', reason: 'restic is not installed' }] },
  })
})

describe('configuration', () => {
  test('refuses a password in the file, tells what to use and does not print it', () => {
    const said = problemsOf([{ name: 'a', repository: '/r', password: 'hunter2' }])
    expect(said).toContain('passwordFile, passwordCommand or credential')
    expect(said).not.toContain('hunter2')
  })
  test.each([
    ['no way to a password', { name: 'a', repository: '/r' }, 'wanted passwordFile'],
    ['two ways', { name: 'a', repository: '/r', passwordFile: '/p', credential: 'c' }, 'only one of'],
    ['no repository', { name: 'a', passwordFile: '/p' }, 'one of repository and repositoryFile'],
    ['a bad name', { name: '../a', repository: '/r', passwordFile: '/p' }, 'wanted a name'],
    ['a bad interval', { name: 'a', repository: '/r', passwordFile: '/p', every: 'daily' }, 'wanted a duration'],
  ])('refuses %s', (_, job, message) => expect(problemsOf([job])).toContain(message))
  test('refuses two jobs of one name', () => {
    const one = { name: 'a', repository: '/r', passwordFile: '/p' }
    expect(problemsOf([one, one])).toContain('a different name')
  })
})

describe('captures alone', () => {
  const snapshot = (time: string, extra: object = {}) => ({ time, hostname: 'vm', paths: ['/srv'], id: `${time}`, ...extra })

  test('give a job for each host and its paths', () => {
    const text = JSON.stringify([snapshot('2026-11-01T00:00:00Z'), snapshot('2026-11-22T01:00:00+01:00', { hostname: 'b' })])
    const { jobs } = parse({ snapshots: [capture(text)] })
    expect(jobs.map(one => [one.name, one.lastSuccessAt])).toEqual([
      ['b:/srv', Date.parse('2026-11-22T00:00:00Z')],
      ['vm:/srv', Date.parse('2026-11-01T00:00:00Z')],
    ])
  })

  test('order by time, and sizes come from the summary of restic 0.17 and later', () => {
    const summary = {
      backup_start: '2026-11-22T01:00:00Z',
      backup_end: '2026-11-22T01:10:00Z',
      total_bytes_processed: 10,
      total_files_processed: 2,
      data_added: 5,
    }
    const text = JSON.stringify([
      snapshot('2026-11-22T01:00:00Z', { summary }),
      snapshot('2026-11-21T01:00:00.123456789Z', { summary: { total_bytes_processed: 9 } }),
    ])
    expect(parse({ snapshots: [capture(text)] }).jobs[0]).toMatchObject({
      lastSuccessAt: Date.parse('2026-11-22T01:10:00Z'),
      durationMs: 600_000,
      sourceBytes: 10,
      earlierBytes: [9],
      files: 2,
    })
  })

  test('a snapshot from the future is no fresh backup', () => {
    const [job] = parse({ snapshots: [capture(JSON.stringify([snapshot('2027-01-01T00:00:00Z')]))] }).jobs
    expect(job).toMatchObject({ standing: 'unknown', lastSuccessAt: null })
  })

  test.each([
    [12, '', 'wrong password'],
    [11, '', 'is locked'],
    [10, '', 'no repository'],
    [1, 'Fatal: wrong password or no key found', 'wrong password'],
    [1, 'Fatal: unable to create lock in backend: repository is already locked exclusively by PID 1', 'is locked'],
    [99, '', 'ended with 99'],
    [0, '', 'printed nothing'],
    [1, 'Fatal: unable to open config file: Head "http://h/config": dial tcp 127.0.0.1:9: connect: connection refused', 'did not answer'],
    [1, 'Fatal: dial tcp: lookup https://u:hunter2@h/: no such host', 'no such host'],
  ])('code %i with %j is unknown: %s', (code, stderr, reason) => {
    const [job] = parse({ snapshots: [capture('', { code, stderr })] }).jobs
    expect(job).toMatchObject({ standing: 'unknown' })
    expect(job?.reason).toContain(reason)
    expect(job?.reason).not.toContain('hunter2')
  })

  test("of another host are never the job's, newer or not", () => {
    const options = configured([{ name: 'x', repository: '/r', passwordFile: '/p', host: 'vm' }]) as never
    const text = JSON.stringify([snapshot('2026-11-22T01:00:00Z', { hostname: 'b' }), snapshot('2026-11-01T00:00:00Z')])
    const fact = restic.parse({ snapshots: [capture(text, { name: 'x' })] }, { now: NOW, hostname: 'vm', options }) as { jobs: Job[] }
    expect(fact.jobs).toMatchObject([{ lastSuccessAt: Date.parse('2026-11-01T00:00:00Z'), snapshots: 1 }])
  })

  test('many snapshots and long paths stay within the limits of the fact', () => {
    const many = Array.from({ length: 20_000 }, (_, index) => snapshot(new Date(NOW - index * HOUR).toISOString(), { id: `${index}` }))
    const paths = Array.from({ length: 40 }, (_, index) => `/${`${index}`.repeat(400)}`)
    const options = configured([
      { name: 'x', repository: `/${'r'.repeat(900)}`, passwordFile: '/p', host: 'vm', paths: ['/srv', ...paths] },
    ]) as never
    const started = performance.now()
    const partial = restic.parse({ snapshots: [capture(JSON.stringify(many), { name: 'x' })] }, { now: NOW, hostname: 'vm', options })
    expect(checked(restic, partial)).toMatchObject({ outcome: 'ok', data: { jobs: [{ lastResult: 'warnings', lastSuccessAt: null }] } })
    const none = restic.parse({ snapshots: [capture('[]', { name: 'x' })] }, { now: NOW, hostname: 'vm', options })
    expect(checked(restic, none)).toMatchObject({ outcome: 'ok', data: { jobs: [{ standing: 'known', lastSuccessAt: null }] } })
    expect(performance.now() - started).toBeLessThan(2000)
  })

  test('garbage is thrown, not read as nothing', () => {
    expect(() => parse({ snapshots: [capture('{"a":1}')] })).toThrow('no list')
    expect(() => parse({ snapshots: [capture('<html>')] })).toThrow('no JSON')
    expect(() => parse({ snapshots: [capture('[{"id":"x"}]')] })).toThrow('without a time')
  })

  test('a log ending in a refused lock is a failed run, though the run before was good', () => {
    const summary = '{"message_type":"summary","total_bytes_processed":1,"snapshot_id":"abcdef12"}'
    const log = capture(`${summary}\nFatal: unable to create lock in backend: repository is already locked\n`, { modifiedAt: NOW - 1000 })
    const text = JSON.stringify([snapshot('2026-11-21T01:00:00Z', { id: 'abcdef1234' })])
    expect(parse({ snapshots: [capture(text)], log: [log] }).jobs[0]).toMatchObject({
      lastResult: 'failed',
      lastRunAt: NOW - 1000,
      lastSuccessAt: Date.parse('2026-11-21T01:00:00Z'),
    })
  })

  test('exit code 3 of restic 0.17 is a run with warnings', () => {
    const text = [
      '{"message_type":"error","error":{"message":"open /srv/x: permission denied"},"during":"archival","item":"/srv/x"}',
      '{"message_type":"summary","snapshot_id":"abc","backup_end":"2026-11-22T01:10:00Z"}',
      '{"message_type":"exit_error","code":3,"message":"Warning: at least one source file could not be read"}',
    ].join('\n')
    const [job] = parse({ log: [capture(text)] }).jobs
    expect(job).toMatchObject({ lastResult: 'warnings', lastSuccessAt: Date.parse('2026-11-22T01:10:00Z'), standing: 'known' })
    expect(job?.warnings).toHaveLength(2)
  })

  test('a log without times is no last success, however fresh its file is', () => {
    const text = '{"message_type":"summary","snapshot_id":"abc"}\n'
    expect(parse({ log: [capture(text, { modifiedAt: NOW })] }).jobs[0]).toMatchObject({
      lastResult: 'success',
      standing: 'unknown',
      lastSuccessAt: null,
    })
  })

  test('a log broken off is no success', () => {
    const text = '{"message_type":"status","percent_done":0.5}\n'
    expect(parse({ log: [capture(text, { modifiedAt: NOW - HOUR })] }).jobs[0]).toMatchObject({ lastResult: 'failed', standing: 'unknown' })
    expect(parse({ log: [capture(text, { modifiedAt: NOW - 1000 })] }).jobs[0]).toMatchObject({
      lastResult: 'running',
      standing: 'unknown',
    })
  })
  test.each([
    ['{"message_type":"summary","num_errors":0,"broken_packs":null,"suggest_repair_index":false,"suggest_prune":false}', 'ok'],
    ['{"message_type":"summary","num_errors":2,"broken_packs":["ab"]}', 'failed'],
    ['check all packs\nno errors were found\n', 'ok'],
    ['no errors were found\npack ab12 : does not exist\nFatal: repository contains errors\n', 'failed'],
  ])('a check that printed %j is %s', (text, result) => {
    expect(parse({ check: [capture(text)] }).jobs[0]?.verify?.result).toBe(result)
  })
  test('a check that found the repository locked verified nothing', () => {
    const text = 'no errors were found\nFatal: unable to create lock in backend: repository is already locked\n'
    expect(parse({ check: [capture(text, { modifiedAt: NOW })] }).jobs[0]?.verify).toMatchObject({ result: 'ok', at: null })
    expect(parse({ check: [capture('create exclusive lock\nFatal: unable to create lock\n')] }).jobs[0]?.verify).toBeNull()
  })
  test('a marker that is missing, unreadable or from the future verifies nothing', () => {
    const none = capture('', { code: -1 })
    expect(parse({ check: [capture('no errors were found', { modifiedAt: NOW })], verified: [none] }).jobs[0]?.verify?.result).toBe('ok')
    const future = capture('', { modifiedAt: NOW + HOUR })
    expect(parse({ other: [capture('restic 0.14.0')], verified: [future] }).jobs[0]?.verify).toBeNull()
  })
})

test('any text gives a fact or an error, in no time', () => {
  const wild = fc.oneof(
    fc.string({ maxLength: 400 }),
    fc.json({ maxDepth: 3 }),
    fc.json().map(json => `[${json}]`),
  )
  fc.assert(
    fc.property(wild, wild, fc.constantFrom('snapshots', 'log', 'check', 'verified', 'other'), (text, stderr, input) => {
      const started = performance.now()
      try {
        const { jobs } = parse({ [input]: [capture(text, { stderr })], other: [capture('')] })
        expect(checked(restic, { jobs }).outcome).toBe('ok')
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
      }
      expect(performance.now() - started).toBeLessThan(500)
    }),
    { numRuns: 300 },
  )
})

describe('the table of restic snapshots, written from its manual', () => {
  const TABLE = [
    'ID        Date                 Host    Tags    Directory   Size',
    '------------------------------------------------------------------',
    '1a2b3c4d  2026-11-20 04:00:10  box             /srv/data   1.000GiB',
    '2a2b3c4d  2026-11-21 04:00:12  box             /srv/data   1.001GiB',
    '                                               /srv/more',
    '3a2b3c4d  2026-11-21 05:00:12  other   weekly  /srv/data   1.001GiB',
    '------------------------------------------------------------------',
    '3 snapshots',
    '',
  ].join('\n')

  test('tells the newest snapshot of each host and set of paths, its times read as UTC', () => {
    const sorted = Object.entries(restic.inputs).find(([, spec]) => spec.recognise?.(TABLE))?.[0]
    expect(sorted).toBe('snapshots')
    const { jobs } = parse({ snapshots: [capture(TABLE)] })
    expect(jobs.map(({ name, lastSuccessAt }) => [name, lastSuccessAt])).toEqual([
      ['other:/srv/data', Date.parse('2026-11-21T05:00:12Z')],
      ['box:/srv/data,/srv/more', Date.parse('2026-11-21T04:00:12Z')],
      ['box:/srv/data', Date.parse('2026-11-20T04:00:10Z')],
    ])
    expect(jobs[0]?.reason).toBe('times without a zone are read as UTC')
  })

  test('is refused where it lists fewer snapshots than it counts', () => {
    expect(() => parse({ snapshots: [capture(TABLE.replace(/^2a2b.*\n.*\n/m, ''))] })).toThrow('lists 2 of 3 snapshots')
  })

  test('is not what forget keeps and removes', () => {
    const forgotten = `keep 1 snapshots:\n${TABLE}`
    expect(Object.entries(restic.inputs).find(([, spec]) => spec.recognise?.(forgotten))?.[0]).toBe('other')
  })
})

describe('the log of restic backup without --json', () => {
  const LOG = 'using parent snapshot 1a2b3c4d\n\nprocessed 5307 files, 1.500 GiB in 1:02\n'
  const told = (text: string) => parse({ log: [capture(text)] }).jobs[0]

  test('tells files, size and time as well', () => {
    expect(told(`${LOG}snapshot 2a2b3c4d saved\n`)).toMatchObject({
      lastResult: 'success',
      files: 5307,
      sourceBytes: 1.5 * 2 ** 30,
      durationMs: 62_000,
    })
  })

  test('of a run that found nothing new and was told to skip the snapshot is a success, and not a run that goes on', () => {
    expect(told(`${LOG}skipped creating snapshot\n`)).toMatchObject({ lastResult: 'success' })
  })

  test('that ends before the snapshot was saved is neither running nor a success', () => {
    expect(() => told(LOG)).toThrow('before it says that the snapshot was saved')
  })
})

const samples = new URL('../../../../../shared/samples/', import.meta.url)
const live = 'live/debian-12/backup_tools/'
const plugins = 'backup/Linuxfabrik+monitoring-plugins/check-plugins/'
const table: readonly (readonly [string, string, object])[] = [
  [`${live}restic-snapshots.json`, 'snapshots', { standing: 'known', lastSuccessAt: Date.parse('2026-11-22T01:54:21.601Z'), snapshots: 2 }],
  [`${live}restic-snapshots-emptied.json`, 'snapshots', { standing: 'known', lastSuccessAt: null, snapshots: 0 }],
  [`${live}restic-snapshots-wrongpw.json`, 'snapshots', { standing: 'unknown', reason: 'wrong password for the repository' }],
  [`${live}restic-snapshots-norepo.json`, 'snapshots', { standing: 'unknown', reason: 'no repository at the repository' }],
  [`${live}restic-backup-missingsrc.jsonl`, 'log', { lastResult: 'warnings', warnings: ['nonexistentdir does not exist, skipping'] }],
  [`${live}restic-backup-ok.jsonl`, 'log', { lastResult: 'success', sourceBytes: 600000 }],
  [`${live}restic-check.txt`, 'check', { verify: { at: null, result: 'ok', detail: null } }],
  [`${live}restic-check-damaged.txt`, 'check', { standing: 'unknown', verify: expect.objectContaining({ result: 'failed' }) }],
  [`${live}restic-check-damaged-readdata.txt`, 'check', { verify: expect.objectContaining({ result: 'failed' }) }],
  [`${live}restic-stats.json`, 'other', { standing: 'unknown' }],
  [`${live}restic-list-locks.txt`, 'other', { standing: 'unknown' }],
  [`${live}restic-version.txt`, 'other', { standing: 'unknown' }],
  [`${plugins}restic-check/unit-test/stdout/check-passed`, 'check', { verify: { at: null, result: 'ok', detail: null } }],
  [`${plugins}restic-check/unit-test/stdout/check-with-warnings`, 'check', { verify: expect.objectContaining({ result: 'failed' }) }],
  [`${plugins}restic-snapshots/unit-test/stdout/snapshots-v1`, 'snapshots', { standing: 'known', lastSuccessAt: expect.any(Number) }],
  [`${plugins}restic-snapshots/unit-test/stdout/snapshots-v2`, 'snapshots', { standing: 'known', lastSuccessAt: expect.any(Number) }],
  ['backup/garethgeorge+backrest/pkg/restic/outputs_test.go.backup-summary.jsonl', 'log', { lastResult: 'success', files: 166 }],
]
describe('captures from other machines', () => {
  const present = table.filter(([path]) => existsSync(new URL(path, samples)))
  test('are sorted by what they hold and read right', () => {
    for (const [path, input, wanted] of present) {
      const text = readFileSync(new URL(path, samples), 'utf8')
      const beside = new URL(`${path}.stderr`, samples)
      const stderr = existsSync(beside) ? readFileSync(beside, 'utf8') : ''
      const sorted = Object.entries(restic.inputs).find(([, spec]) => spec.recognise?.(text))?.[0] ?? 'snapshots'
      expect(sorted, path).toBe(input)
      expect(parse({ [input]: [capture(text, { stderr })] }).jobs[0], path).toMatchObject(wanted)
    }
  })
})
