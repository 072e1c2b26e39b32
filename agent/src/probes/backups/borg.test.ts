import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConfigError, readConfig } from '@fettle/kit'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { borgRepository, makeSource, type Repository, writeLog } from '../../../../test/kit/backups.ts'
import { localHost } from '../../host/local.ts'
import type { Captured } from '../../probe.ts'
import { checked, runProbe } from '../../runner.ts'
import borg from './borg.ts'
import type { Job } from './job.ts'

const folder = mkdtempSync(join(tmpdir(), 'fettle-borg-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const HOUR = 3_600_000
const host = localHost()
const settings = { 'backups.borg': borg.setting ?? never() }

function never(): never {
  throw new Error('the probe has no setting')
}

function configured(jobs: readonly object[]): unknown {
  return readConfig(settings, { file: { path: 'agent.yaml', text: JSON.stringify({ backups: { borg: jobs } }) }, env: {} }).values[
    'backups.borg'
  ]
}

/** Looks through the whole of configuration, probe and runner, as the agent does. */
async function look(...jobs: object[]): Promise<readonly Job[]> {
  const fact = await runProbe(borg, host, configured(jobs), HOUR)
  expect(fact.outcome, fact.reason).toBe('ok')
  return (fact.data as { jobs: Job[] }).jobs
}

function capture(text: string, extra: Partial<Captured> = {}): Captured {
  return { text, stderr: '', code: null, name: 'x', modifiedAt: null, ...extra }
}

const NOW = Date.parse('2026-11-22T03:00:00Z')
const parse = (inputs: Record<string, Captured[]>) => borg.parse(inputs, { now: NOW, hostname: 'vm', options: [] }) as { jobs: Job[] }

describe('a real borg repository', () => {
  let repository: Repository
  let source: string
  const job = (extra: object = {}) => ({
    name: 'nightly',
    repository: repository.path,
    passphraseFile: repository.passwordFile,
    base: repository.cache,
    ...extra,
  })

  beforeAll(async () => {
    repository = await borgRepository(folder)
    source = makeSource(folder, 'src')
  })

  test('is known to have never been backed up to while it is empty', async () => {
    const [found] = await look(job())
    expect(found).toMatchObject({ standing: 'known', lastSuccessAt: null, snapshots: 0, reason: 'the repository holds no archive' })
  })

  test('tells the last archive of this host with its size, in UTC whatever the zone (wrong green 30)', async () => {
    const before = Date.now()
    await repository.backUp([source], { name: 'a1', at: new Date(before - 9000) })
    const [found] = await look(job({ every: '1d' }))
    expect(found).toMatchObject({ standing: 'known', snapshots: 1, files: 3, lastResult: null, expectedEveryMs: 24 * HOUR, reason: null })
    expect(Math.abs((found?.lastSuccessAt ?? 0) - before)).toBeLessThan(60_000)
    expect(found?.sourceBytes).toBeGreaterThan(300_000)
    const [stranger] = await look(job({ host: 'nobody' }))
    expect(stranger).toMatchObject({ standing: 'known', lastSuccessAt: null, snapshots: 0 })
    const [pattern] = await look(job({ archives: 'other-*' }))
    expect(pattern).toMatchObject({ standing: 'known', lastSuccessAt: null })
  })

  test('lists the archive of a run that missed a source, and the log tells (wrong green 28)', async () => {
    const ran = await repository.backUp([source, join(folder, 'gone')], { name: 'a2', at: new Date(Date.now() - 5000) })
    expect(ran.code).toBe(1)
    const [found] = await look(job({ log: writeLog(join(folder, 'create.log'), ran) }))
    expect(found).toMatchObject({ standing: 'known', lastResult: 'warnings', snapshots: 2 })
    expect(found?.warnings[0]).toContain('No such file or directory')
    const good = await repository.backUp([source], { name: 'a3' })
    const [after] = await look(job({ log: writeLog(join(folder, 'create.log'), good) }))
    expect(after).toMatchObject({ lastResult: 'success', warnings: [] })
    expect(after?.earlierBytes).toHaveLength(2)
  })

  test('is unknown with a wrong passphrase or no repository, each for its own job (wrong green 27)', async () => {
    const [wrong, right, gone] = await look(
      job({ name: 'wrong', passphraseFile: repository.wrongPasswordFile }),
      job({ name: 'right' }),
      job({ name: 'gone', repository: join(folder, 'nowhere') }),
    )
    expect(wrong).toMatchObject({ standing: 'unknown', lastSuccessAt: null })
    expect(wrong?.reason).toContain('wrong passphrase')
    expect(right?.standing).toBe('known')
    expect(gone?.reason).toContain('is no repository')
  })

  test('is unknown while a backup locks it', async () => {
    const release = await repository.lock()
    const [found] = await look(job())
    await release()
    expect(found).toMatchObject({ standing: 'unknown', lastSuccessAt: null })
    expect(found?.reason).toContain('a backup may be running')
  })

  test('that is damaged fails its verification as the log of the check tells', async () => {
    const [before] = await look(job({ verify: { log: writeLog(join(folder, 'check.log'), await repository.check()) } }))
    expect(before?.verify).toMatchObject({ result: 'ok' })
    repository.damage()
    const [after] = await look(job({ verify: { log: writeLog(join(folder, 'check.log'), await repository.check()) } }))
    expect(after?.verify?.result).toBe('failed')
    expect(after?.verify?.detail).toContain('integrity error')
  })
})

test('nothing configured is absent, and borg missing is unknown', async () => {
  expect(await runProbe(borg, host, [], HOUR)).toMatchObject({ outcome: 'absent', reason: 'no borg repository is configured' })
})

test('a passphrase in the file is refused and not printed', () => {
  let said = ''
  try {
    configured([{ name: 'a', repository: '/r', passphrase: 'hunter2' }])
  } catch (error) {
    said = (error as ConfigError).problems.join('\n')
  }
  expect(said).toContain('a secret does not belong in this file')
  expect(said).not.toContain('hunter2')
})

describe('captures alone', () => {
  const archive = (name: string, start: string, extra: object = {}) => ({ name, start, id: name, ...extra })
  const list = (...archives: object[]) => capture(JSON.stringify({ archives }))

  test('a checkpoint is no archive', () => {
    const [job] = parse({
      list: [list(archive('a.checkpoint', '2026-11-22T02:00:00.000000'), archive('a', '2026-11-21T02:00:00.000000'))],
    }).jobs
    expect(job).toMatchObject({ snapshots: 1, lastSuccessAt: Date.parse('2026-11-21T02:00:00Z') })
    expect(job?.reason).toContain('read as UTC')
  })

  test('an archive from the future is no fresh backup', () => {
    expect(parse({ list: [list(archive('a', '2026-11-22T12:00:00.000000'))] }).jobs[0]?.standing).toBe('unknown')
  })

  test('each host has its own job', () => {
    const { jobs } = parse({
      list: [list(archive('a', '2026-11-20T02:00:00', { hostname: 'a' }), archive('b', '2026-11-21T02:00:00', { hostname: 'b' }))],
    })
    expect(jobs.map(job => job.name)).toEqual(['borg a', 'borg b'])
  })

  test.each(['', '{"archives":1}', '{"archives":[{}]}', '[]', 'null'])('garbage %j is no empty repository', text => {
    const read = () => parse({ list: [capture(text)] }).jobs[0]?.standing
    if (text === '') expect(read()).toBe('unknown')
    else expect(read).toThrow()
  })

  test('the last run of a log counts, and a refused lock after a good run is a failed run', () => {
    const good = '{\n"archive": {"name": "a", "end": "2026-11-22T01:00:00.000000", "stats": {"nfiles": 1}}\n}\n'
    const locked =
      '{"type": "log_message", "message": "Failed to create/acquire the lock x (timeout).", "levelname": "ERROR", "msgid": "LockTimeout"}\n'
    expect(parse({ log: [capture(good)] }).jobs[0]).toMatchObject({
      lastResult: 'success',
      lastSuccessAt: Date.parse('2026-11-22T01:00:00Z'),
    })
    expect(parse({ log: [capture(good + locked)] }).jobs[0]).toMatchObject({ lastResult: 'failed', standing: 'unknown' })
    expect(parse({ log: [capture(locked + good)] }).jobs[0]).toMatchObject({ lastResult: 'success' })
    expect(parse({ log: [capture(`${good}terminating with warning status, rc 1\n`)] }).jobs[0]).toMatchObject({ lastResult: 'warnings' })
    expect(() => parse({ log: [capture(good.slice(0, 40))] })).toThrow('no end of a run')
  })

  test.each([
    [
      'Finished full repository check, no problems found.\nStarting archive consistency check...\nArchive consistency check complete, no problems found.',
      'ok',
    ],
    [
      'Finished full repository check, errors found.\nStarting archive consistency check...\nArchive consistency check complete, no problems found.',
      'failed',
    ],
    ['Finished full repository check, no problems found.\nStarting archive consistency check...\n', undefined],
    [
      'Finished full repository check, no problems found.\nStarting archive consistency check...\nArchive consistency check complete, problems found.',
      'failed',
    ],
  ])('a check that printed %j is %s', (text, result) => {
    expect(parse({ check: [capture(`Starting repository check\n${text}`)] }).jobs[0]?.verify?.result).toBe(result)
  })
})

test('any text gives a fact or an error, in no time', () => {
  const wild = fc.oneof(
    fc.string({ maxLength: 400 }),
    fc.json({ maxDepth: 3 }),
    fc.json().map(json => `{"archives":[${json}]}`),
  )
  fc.assert(
    fc.property(wild, wild, fc.constantFrom('list', 'info', 'log', 'check', 'verified'), (text, stderr, input) => {
      const started = performance.now()
      try {
        const { jobs } = parse({ [input]: [capture(text, { stderr })] })
        expect(checked(borg, { jobs }).outcome).toBe('ok')
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
      }
      expect(performance.now() - started).toBeLessThan(500)
    }),
    { numRuns: 300 },
  )
})

test('the list of another backup tool, with an archive of its own kind, is no log of borg', () => {
  const other = '[{"archive":[{"id":"13-1"}],"backup":[{"archive":{"start":"0001","stop":"0002"},"error":false}],"name":"demo"}]'
  expect(Object.entries(borg.inputs).find(([, spec]) => spec.recognise?.(other))).toBeUndefined()
})

const samples = new URL('../../../../../shared/samples/', import.meta.url)
const live = 'live/debian-12/backup_tools/'
const vorta = 'backup/borgbase+vorta/tests/unit/borg_json_output/'
const utc = (time: string) => Date.parse(`${time}Z`)
const table: readonly (readonly [string, string, object])[] = [
  [`${live}borg-list.json`, 'list', { standing: 'known', snapshots: 2, lastSuccessAt: utc('2026-11-22T01:56:46') }],
  [`${live}borg-list-empty.json`, 'list', { standing: 'known', snapshots: 0, lastSuccessAt: null }],
  [`${live}borg-list-locked.json`, 'list', { standing: 'unknown', reason: 'the repository is locked, a backup may be running' }],
  [`${live}borg-list-norepo.json`, 'list', { standing: 'unknown', reason: 'the repository is no repository' }],
  [`${live}borg-list-wrongpw.json`, 'list', { standing: 'unknown', lastSuccessAt: null }],
  [
    `${live}borg-info-last.json`,
    'info',
    { standing: 'known', sourceBytes: 600000, files: 3, snapshots: null, lastSuccessAt: utc('2026-11-22T01:56:46') },
  ],
  [`${live}borg-info.json`, 'info', { standing: 'unknown' }],
  [`${live}borg-create.json`, 'log', { lastResult: 'success', lastSuccessAt: utc('2026-11-22T01:56:46') }],
  [`${live}borg-create-missing.json`, 'log', { lastResult: 'warnings' }],
  [`${live}borg-create-locked.json`, 'list', { standing: 'unknown' }],
  [`${live}borg-check.txt`, 'list', { standing: 'unknown', verify: null }],
  [`${vorta}list_stdout.json`, 'list', { standing: 'known', snapshots: 6 }],
  [`${vorta}create_stdout.json`, 'log', { lastResult: 'success', files: 10, durationMs: 4454 }],
  [`${vorta}create_break_stdout.json`, 'list', { standing: 'unknown', lastSuccessAt: null }],
  [`${vorta}create_lock_stderr.json`, 'list', { standing: 'unknown', reason: 'the repository is locked, a backup may be running' }],
  [`${vorta}create_perm_stderr.json`, 'list', { standing: 'unknown', reason: 'the repository cannot be locked' }],
  [
    'backup/borgbackup+borg/docs/internals/frontends.rst.borg2-info-last.json',
    'info',
    { standing: 'known', lastSuccessAt: utc('2017-02-27T12:27:20.789') },
  ],
]
test('captures from other machines are sorted by what they hold and read right', () => {
  for (const [path, input, wanted] of table.filter(([path]) => existsSync(new URL(path, samples)))) {
    const text = readFileSync(new URL(path, samples), 'utf8')
    const beside = new URL(`${path}.stderr`, samples)
    const stderr = existsSync(beside) ? readFileSync(beside, 'utf8') : ''
    const sorted = Object.entries(borg.inputs).find(([, spec]) => spec.recognise?.(text))?.[0] ?? 'list'
    expect(sorted, path).toBe(input)
    expect(parse({ [input]: [capture(text, { stderr })] }).jobs[0], path).toMatchObject(wanted)
  }
})
