import { execFile, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '@fettle/kit'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeSource } from '../../../../test/kit/backups.ts'
import { survives } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { localHost } from '../../host/local.ts'
import type { Captured } from '../../probe.ts'
import { checked, runProbe } from '../../runner.ts'
import borgmatic from './borgmatic.ts'
import type { Job } from './job.ts'

const folder = mkdtempSync(join(tmpdir(), 'fettle-borgmatic-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const HOUR = 3_600_000
const host = localHost()
const home = join(folder, 'home')
const settings = { 'backups.borgmatic': borgmatic.setting ?? never() }

function never(): never {
  throw new Error('the probe has no setting')
}

function configured(jobs: readonly object[]): unknown {
  return readConfig(settings, { file: { path: 'agent.yaml', text: JSON.stringify({ backups: { borgmatic: jobs } }) }, env: {} }).values[
    'backups.borgmatic'
  ]
}

/** Looks through the whole of configuration, probe and runner, as the agent does. */
async function look(...jobs: object[]): Promise<readonly Job[]> {
  const fact = await runProbe(borgmatic, host, configured(jobs), HOUR)
  expect(fact.outcome, fact.reason).toBe('ok')
  return (fact.data as { jobs: Job[] }).jobs
}

/** A configuration of borgmatic 1.7 in the test's own folder. */
function configuration(name: string, given: { sources?: string[]; repositories?: string[]; passphrase?: string } = {}): string {
  const path = join(folder, `${name}.yaml`)
  const location = { source_directories: given.sources ?? [join(folder, 'src')], repositories: given.repositories ?? [join(folder, 'r1')] }
  writeFileSync(path, JSON.stringify({ location, storage: { encryption_passphrase: given.passphrase ?? 'correct horse', lock_wait: 1 } }))
  return path
}

type Ran = { readonly code: number; readonly text: string }

/** borgmatic to its end; what it logs is added to `log`. */
function run(config: string, log: string, ...args: string[]): Promise<Ran> {
  const env = { PATH: '/usr/bin:/bin', HOME: home, LC_ALL: 'C.UTF-8' }
  const argv = ['--config', config, '--log-file', log, '--log-file-verbosity', '1', ...args]
  return new Promise(resolve =>
    execFile('borgmatic', argv, { env, timeout: 60_000 }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, text: `${stdout}${stderr}` }),
    ),
  )
}

describe('a real borgmatic', () => {
  const config = configuration('good')
  const log = join(folder, 'create.log')
  const job = (extra: object = {}) => ({ name: 'nightly', config, home, sizes: false, ...extra })

  beforeAll(async () => {
    mkdirSync(home, { recursive: true })
    makeSource(folder, 'src')
    const made = await run(config, '/dev/null', 'init', '--encryption', 'repokey')
    expect(made.code, made.text).toBe(0)
  })

  test('is known to have never backed up while its repository is empty (wrong green 26)', async () => {
    const [found] = await look(job())
    expect(found).toMatchObject({ name: 'nightly', standing: 'known', lastSuccessAt: null, snapshots: 0, destination: join(folder, 'r1') })
  })

  test('tells the last archive of this host in UTC, its size, and by the log that the run was whole', async () => {
    const before = Date.now()
    expect((await run(config, log, 'create')).code).toBe(0)
    const [found, ...others] = await look(job({ every: '1d', log, sizes: true }))
    expect(others).toEqual([])
    expect(found).toMatchObject({
      standing: 'known',
      snapshots: 1,
      files: 3,
      lastResult: 'success',
      expectedEveryMs: 24 * HOUR,
      warnings: [],
    })
    expect(Math.abs((found?.lastSuccessAt ?? 0) - before)).toBeLessThan(60_000)
    expect(found?.sourceBytes).toBeGreaterThan(300_000)
    expect((await look(job({ host: 'nobody' })))[0]).toMatchObject({ standing: 'known', lastSuccessAt: null, snapshots: 0 })
  })

  test('calls a run without one of its sources a success, and the log tells better (wrong green 28)', async () => {
    const partial = configuration('partial', { sources: [join(folder, 'src'), join(folder, 'gone')] })
    expect((await run(partial, log, 'create')).code).toBe(0)
    const [found] = await look(job({ log }))
    expect(found).toMatchObject({ standing: 'known', lastResult: 'warnings', snapshots: 2 })
    expect(found?.warnings[0]).toContain('No such file or directory')
    expect((await run(config, log, 'create')).code).toBe(0)
    expect((await look(job({ log })))[0]).toMatchObject({ lastResult: 'success', warnings: [] })
  })

  test('that failed keeps its last success, and says so', async () => {
    const wrong = configuration('wrong', { passphrase: 'battery staple' })
    expect((await run(wrong, log, 'create')).code).toBe(1)
    const [found] = await look(job({ log }))
    expect(found).toMatchObject({ standing: 'known', lastResult: 'failed' })
    expect(found?.lastSuccessAt).toBeGreaterThan(0)
    expect(found?.warnings.join(' ')).toContain('passphrase')
  })

  test('is unknown with a wrong passphrase, without a repository, or with no configuration (wrong green 27)', async () => {
    const [wrong, gone, none] = await look(
      job({ name: 'wrong', config: configuration('wrong', { passphrase: 'battery staple' }) }),
      job({ name: 'gone', config: configuration('gone', { repositories: [join(folder, 'r1'), join(folder, 'nowhere')] }) }),
      job({ name: 'none', config: join(folder, 'none.yaml') }),
    )
    expect(wrong).toMatchObject({ standing: 'unknown', lastSuccessAt: null })
    expect(wrong?.reason).toContain('wrong passphrase')
    expect(gone).toMatchObject({ standing: 'unknown', lastSuccessAt: null })
    expect(gone?.reason).toContain('is no repository')
    expect(none?.reason).toContain('No valid configuration files found')
  })

  test('is unknown while a backup locks its repository', async () => {
    const env = { PATH: '/usr/bin:/bin', HOME: home, BORG_PASSPHRASE: 'correct horse' }
    const holder = spawn('borg', ['with-lock', join(folder, 'r1'), 'sh', '-c', 'echo locked; cat'], {
      env,
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    await new Promise(resolve => holder.stdout.once('data', resolve))
    const [found] = await look(job())
    holder.stdin.end()
    await new Promise(resolve => holder.once('exit', resolve))
    expect(found).toMatchObject({ standing: 'unknown', lastSuccessAt: null })
    expect(found?.reason).toContain('a backup may be running')
  })

  test('has its check by the log, not by the times that borgmatic keeps', async () => {
    const check = join(folder, 'check.log')
    expect((await look(job()))[0]?.verify).toBeNull()
    expect((await run(config, check, 'check')).code).toBe(0)
    expect((await look(job({ verify: { log: check } })))[0]?.verify).toMatchObject({ result: 'ok' })
    expect((await look(job()))[0]?.verify).toBeNull()
    expect((await look(job({ verify: { marker: join(folder, 'unwritten') } })))[0]?.verify).toMatchObject({ result: 'never' })
  })

  test('has a job for each of its repositories', async () => {
    const both = configuration('both', { repositories: [join(folder, 'r1'), join(folder, 'r2')] })
    await run(both, '/dev/null', 'init', '--encryption', 'repokey')
    const jobs = await look(job({ config: both }))
    expect(jobs.map(({ name, standing }) => [name, standing])).toEqual([
      ['nightly r1', 'known'],
      ['nightly r2', 'known'],
    ])
    expect(jobs[1]).toMatchObject({ lastSuccessAt: null, snapshots: 0, reason: 'the repository holds no archive' })
  })
})

describe('without a setting', () => {
  const read = (files: Record<string, string>) => runProbe(borgmatic, hostOf(machine({ files })), [], HOUR)
  test('it is absent where it is not installed, and has no job where it is not configured', async () => {
    expect(await read({})).toMatchObject({ outcome: 'absent', reason: 'borgmatic is not installed' })
    expect(await read({ '/usr/bin/borgmatic': '' })).toMatchObject({ outcome: 'ok', data: { jobs: [] } })
  })
  test('each configuration is a job that nobody asked, and its text is not read', async () => {
    const secret = new Error('must not be read')
    const files = { '/etc/borgmatic/config.yaml': secret, '/etc/borgmatic.d/db.yaml': secret, '/etc/borgmatic.d/notes.txt': secret }
    const fact = await runProbe(borgmatic, hostOf(machine({ files })), [], HOUR)
    expect(fact).toMatchObject({
      outcome: 'ok',
      data: {
        jobs: [
          { name: 'borgmatic', standing: 'unknown' },
          { name: 'borgmatic db', standing: 'unknown' },
        ],
      },
    })
  })
})

function capture(text: string, extra: Partial<Captured> = {}): Captured {
  return { text, stderr: '', code: null, name: 'x', modifiedAt: null, ...extra }
}
const NOW = Date.parse('2026-11-22T03:00:00Z')
const parse = (inputs: Record<string, Captured[]>) => borgmatic.parse(inputs, { now: NOW, hostname: 'vm', options: [] }) as { jobs: Job[] }
const repository = (label: string, ...archives: object[]) => ({
  archives,
  encryption: {},
  repository: { id: label, location: `/b/${label}`, label },
})
const archive = (start: string) => ({ name: start, id: start, start, hostname: 'vm' })

describe('captures alone', () => {
  test('each repository has its own job, told by its label', () => {
    const text = JSON.stringify([repository('disk', archive('2026-11-21T02:00:00.000000')), repository('offsite')])
    expect(parse({ list: [capture(text)] }).jobs).toMatchObject([
      { name: 'borgmatic disk', destination: '/b/disk', lastSuccessAt: Date.parse('2026-11-21T02:00:00Z'), snapshots: 1 },
      { name: 'borgmatic offsite', standing: 'known', lastSuccessAt: null, snapshots: 0 },
    ])
  })
  test('repositories that could not be asked beside those that could are told as unknown', () => {
    const text = JSON.stringify([repository('disk', archive('2026-11-21T02:00:00.000000'))])
    const stderr = 'Connection closed by remote host. Is borg working on the server?\noffsite.yaml: Error running configuration file\n'
    for (const failed of [capture(text, { stderr }), capture(text, { stderr: 'x', code: 1 })])
      expect(parse({ list: [failed] }).jobs.map(job => job.standing)).toEqual(['known', 'unknown'])
  })
  test('lines of hooks before the JSON are passed over', () => {
    const text = `mounting\n${JSON.stringify([repository('disk', archive('2026-11-21T02:00:00.000000'))])}`
    expect(parse({ list: [capture(text)] }).jobs[0]?.standing).toBe('known')
  })
  test.each([
    '[]',
    '[{}]',
    '[1]',
    '[{"archives":[]}]',
    '[{"repository":{}}]',
    '[{"archives":[{"name":"a"}],"repository":{}}]',
    '[{"archives": [{"',
  ])('%j is no repository without archives', text => {
    const told = () => parse({ list: [capture(text)] }).jobs.map(job => job.standing)
    let standings: string[]
    try {
      standings = told()
    } catch (error) {
      expect(error).toBeInstanceOf(Error)
      return
    }
    expect(standings).toEqual(['unknown'])
  })
  test('a log of verbosity 0 tells nothing, and one broken off is no success', () => {
    expect(() => parse({ log: [capture('[2026-11-22 01:00:00,000] WARNING: x\n')] })).toThrow('tells of no backup')
    const begun = '[2026-11-22 01:00:00,000] INFO: /b/r: Creating archive\n[2026-11-22 01:00:01,000] INFO: Creating archive at "/b/r::a"\n'
    expect(() => parse({ log: [capture(begun)] })).toThrow('no end of the run')
    expect(parse({ log: [capture(`${begun}summary:\nc.yaml: Successfully ran configuration file\n`)] }).jobs[0]).toMatchObject({
      lastResult: 'success',
      standing: 'unknown',
      lastSuccessAt: null,
    })
  })
  test('a check followed by an error is no good check', () => {
    const good =
      'Starting repository check\nStarting archive consistency check...\nArchive consistency check complete, no problems found.\n'
    expect(parse({ check: [capture(good)] }).jobs[0]?.verify?.result).toBe('ok')
    expect(parse({ check: [capture(`${good}/b/r: Error running actions for repository\n`)] }).jobs[0]?.verify).toBeNull()
  })
})

test.each(['list', 'info', 'log', 'check', 'configuration'])('%s that is spoilt is refused or read, and soon', input => {
  const list = JSON.stringify([repository('disk', archive('2026-11-21T02:00:00.000000'))])
  const log =
    '[2026-11-22 01:00:00,000] INFO: /b/r: Creating archive\n[2026-11-22 01:00:01,000] INFO: Creating archive at "/b/r::a"\nsummary:\n'
  survives(borgmatic, input, [list, log, '/etc/borgmatic/config.yaml\n'])
})

test('any text gives a fact or an error, in no time', () => {
  const wild = fc.oneof(
    fc.string({ maxLength: 400 }),
    fc.json({ maxDepth: 3 }),
    fc.json().map(json => `[{"archives":[${json}],"repository":{"location":"/r"}}]`),
    fc.string({ maxLength: 200 }).map(text => `/r: Creating archive\n${text}\nsummary:\n`),
  )
  fc.assert(
    fc.property(wild, wild, fc.constantFrom('list', 'info', 'log', 'check', 'verified'), (text, stderr, input) => {
      const started = performance.now()
      try {
        expect(checked(borgmatic, parse({ [input]: [capture(text, { stderr })] })).outcome).toBe('ok')
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
      }
      expect(performance.now() - started).toBeLessThan(500)
    }),
    { numRuns: 300 },
  )
})
