import { existsSync, readFileSync } from 'node:fs'
import { readConfig } from '@fettle/kit'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { survives } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import type { Captured } from '../../probe.ts'
import { checked, runProbe } from '../../runner.ts'
import type { Job } from './job.ts'
import kopia from './kopia.ts'

// No package brings kopia here: all output below is written after its source (snapshot/manifest.go, fs/entry.go) and documentation.

const HOUR = 3_600_000
const NOW = Date.parse('2026-11-22T12:00:00Z')
const settings = { 'backups.kopia': kopia.setting ?? never() }

function never(): never {
  throw new Error('the probe has no setting')
}

function configured(...jobs: object[]): unknown {
  return readConfig(settings, { file: { path: 'agent.yaml', text: JSON.stringify({ backups: { kopia: jobs } }) }, env: {} }).values[
    'backups.kopia'
  ]
}

function capture(text: string, extra: Partial<Captured> = {}): Captured {
  return { text, stderr: '', code: null, name: 'x', modifiedAt: null, ...extra }
}

const parse = (inputs: Record<string, Captured[]>) => kopia.parse(inputs, { now: NOW, hostname: 'vm', options: [] }) as { jobs: Job[] }
const list = (...rows: object[]) => ({ snapshots: [capture(JSON.stringify(rows))] })

/** A manifest as `snapshot list --json` prints it. */
function manifest(end: string, extra: { path?: string; host?: string; incomplete?: string; summ?: object } = {}): object {
  const { path = '/home', host = 'vm', incomplete, summ = {} } = extra
  return {
    id: `k${end}`,
    source: { host, userName: 'root', path },
    description: '',
    startTime: new Date(Date.parse(end) - 60_000).toISOString(),
    endTime: end,
    ...(incomplete === undefined ? {} : { incomplete }),
    rootEntry: {
      name: 'home',
      type: 'd',
      mode: '0755',
      obj: 'k1',
      summ: { size: 1000, files: 3, symlinks: 0, dirs: 1, maxTime: end, numFailed: 0, ...summ },
    },
  }
}

describe('snapshots', () => {
  test('the newest whole one is the last success, with its size, and those before it tell the interval', () => {
    const rows = ['19', '20', '22', '21'].map(day => manifest(`2026-11-${day}T03:00:00.123456789Z`))
    expect(parse(list(...rows)).jobs).toMatchObject([
      {
        name: 'kopia',
        standing: 'known',
        lastResult: 'success',
        lastSuccessAt: Date.parse('2026-11-22T03:00:00.123Z'),
        durationMs: 60_000,
        sourceBytes: 1000,
        files: 3,
        snapshots: 4,
        earlierBytes: [1000, 1000, 1000],
        learnedEveryMs: 24 * HOUR,
      },
    ])
  })
  test('an empty list is a repository that was never backed up to (wrong green 26)', () => {
    expect(parse(list()).jobs).toMatchObject([{ standing: 'known', lastSuccessAt: null, snapshots: 0 }])
  })
  test('one that is not whole is no backup: a new checkpoint runs, an old or canceled one failed', () => {
    const good = manifest('2026-11-21T03:00:00Z')
    const lastSuccessAt = Date.parse('2026-11-21T03:00:00Z')
    const with_ = (end: string, incomplete: string) => parse(list(good, manifest(end, { incomplete }))).jobs[0]
    expect(with_('2026-11-22T11:30:00Z', 'checkpoint')).toMatchObject({
      lastSuccessAt,
      snapshots: 1,
      lastResult: 'running',
      runningSince: expect.any(Number),
    })
    expect(with_('2026-11-22T03:30:00Z', 'checkpoint')).toMatchObject({ lastSuccessAt, lastResult: 'failed', runningSince: null })
    expect(with_('2026-11-22T11:30:00Z', 'canceled')).toMatchObject({ lastSuccessAt, lastResult: 'failed' })
    expect(with_('2026-11-20T03:30:00Z', 'canceled')).toMatchObject({ lastSuccessAt, lastResult: 'success' })
    expect(parse(list(manifest('2026-11-22T03:30:00Z', { incomplete: 'canceled' }))).jobs[0]).toMatchObject({
      standing: 'known',
      lastSuccessAt: null,
      snapshots: 0,
    })
  })
  test.each([{ numFailed: 2, errors: [{ path: 'a/b', error: 'permission denied' }] }, { numIgnoredErrors: 1 }])(
    'entries that were left out are warnings: %j',
    summ => {
      const [job] = parse(list(manifest('2026-11-22T03:00:00Z', { summ }))).jobs
      expect(job).toMatchObject({ lastResult: 'warnings', standing: 'known' })
      expect(job?.warnings.length).toBeGreaterThan(0)
    },
  )
  test('one without a root, or from the future, is no fresh backup', () => {
    expect(parse(list({ ...manifest('2026-11-22T03:00:00Z'), rootEntry: null })).jobs[0]).toMatchObject({ lastSuccessAt: null })
    expect(parse(list(manifest('2026-11-23T03:00:00Z'))).jobs[0]?.standing).toBe('unknown')
  })
  test('an empty source is told with its size, which is what tells an empty mount', () => {
    expect(parse(list(manifest('2026-11-22T03:00:00Z', { summ: { size: 0, files: 0 } }))).jobs[0]).toMatchObject({
      sourceBytes: 0,
      files: 0,
    })
  })
  test.each([
    'null',
    '{}',
    '[{}]',
    '[1]',
    '[{"source":{"path":"/"}}]',
    '[{"source":{"path":"/"},"startTime":"2026-11-22"}]',
    '[{"source": {"pa',
  ])('garbage %j is no empty repository', text => {
    const told = () => parse({ snapshots: [capture(text)] }).jobs
    try {
      expect(told()).toMatchObject([{ standing: 'unknown' }])
    } catch (error) {
      expect(error).toBeInstanceOf(Error)
    }
  })
  test.each([
    ['ERROR repository is not connected. See https://kopia.io/docs/repositories/', 'connected to no repository'],
    ['ERROR open repository: unable to open repository: invalid repository password', 'the password is wrong or missing'],
    ['ERROR error connecting to repository: repository not initialized in the provided storage', 'there is no repository'],
    ['ERROR dial tcp: connection refused by kopia:hunter2@nas', 'connection refused'],
    ['', 'kopia ended with 1 and printed nothing'],
  ])('%j is no answer, and says why', (stderr, reason) => {
    const [job] = parse({ snapshots: [capture('', { stderr, code: 1 })] }).jobs
    expect(job).toMatchObject({ standing: 'unknown', lastSuccessAt: null, reason: expect.stringContaining(reason) })
  })
})

describe('a configured repository', () => {
  const status = {
    configFile: '/root/.config/kopia/repository.config',
    clientOptions: { hostname: 'web1', username: 'root', description: '' },
    storage: { type: 'filesystem', config: { path: '/mnt/nas/kopia', dirShards: null } },
  }
  const ask = 'kopia --config-file=/c'
  const listed = `${ask} snapshot list --json --all --incomplete -n 100`
  const look = async (commands: Record<string, object>, job: object = {}) => {
    const m = machine({ now: NOW, commands })
    const fact = await runProbe(kopia, hostOf(m), configured({ name: 'nightly', config: '/c', ...job }), HOUR)
    return (fact.data as { jobs: Job[] }).jobs
  }
  const rows = [
    manifest('2026-11-22T03:00:00Z', { host: 'web1' }),
    manifest('2026-11-22T04:00:00Z', { host: 'other' }),
    manifest('2026-11-20T03:00:00Z', { host: 'web1', path: '/etc' }),
  ]
  const answers = { [`${ask} repository status --json`]: { text: JSON.stringify(status) }, [listed]: { text: JSON.stringify(rows) } }

  test('has a job for each source of this host, by the name that it is connected with (wrong green 31)', async () => {
    expect(await look(answers, { every: '1d' })).toMatchObject([
      {
        name: 'nightly /home',
        destination: 'filesystem:/mnt/nas/kopia',
        lastSuccessAt: Date.parse('2026-11-22T03:00:00Z'),
        expectedEveryMs: 24 * HOUR,
      },
      { name: 'nightly /etc', lastSuccessAt: Date.parse('2026-11-20T03:00:00Z') },
    ])
  })
  test('says that a path which it should hold was never backed up', async () => {
    expect(await look(answers, { paths: ['/home', '/srv'] })).toMatchObject([
      { standing: 'known' },
      { name: 'nightly /srv', standing: 'known', lastSuccessAt: null },
    ])
    expect(await look(answers, { host: 'nobody' })).toMatchObject([
      { standing: 'known', lastSuccessAt: null, reason: expect.stringContaining('of the host nobody') },
    ])
  })
  test('is unknown where kopia is not installed or refuses, and is never verified by a marker that is not there', async () => {
    expect(await look({})).toMatchObject([{ name: 'nightly', standing: 'unknown', reason: 'kopia is not installed' }])
    expect(await look({ [listed]: { code: 1, stderr: 'ERROR repository is not connected.' } })).toMatchObject([{ standing: 'unknown' }])
    expect(await look(answers, { paths: ['/home'], verify: { marker: '/v' } })).toMatchObject([{ verify: { result: 'never' } }])
  })
})

describe('without a setting', () => {
  const read = (files: Record<string, string>) => runProbe(kopia, hostOf(machine({ files })), [], HOUR)
  test('it is absent where it is not installed, has no job where it is not connected, and else is not asked', async () => {
    expect(await read({})).toMatchObject({ outcome: 'absent', reason: 'kopia is not installed' })
    expect(await read({ '/usr/bin/kopia': '' })).toMatchObject({ outcome: 'ok', data: { jobs: [] } })
    expect(await read({ '/root/.config/kopia/repository.config': '' })).toMatchObject({
      data: { jobs: [{ name: 'kopia', standing: 'unknown' }] },
    })
  })
})

test('a password in the file is refused', () => {
  expect(() => configured({ name: 'a', password: 'hunter2' })).toThrow()
})

test.each(['snapshots', 'status', 'text', 'connection'])('%s that is spoilt is refused or read, and soon', input => {
  survives(kopia, input, [
    JSON.stringify([manifest('2026-11-21T03:00:00Z'), manifest('2026-11-20T03:00:00Z', { path: '/etc', incomplete: 'checkpoint' })]),
    '/root/x\n',
  ])
})

test('a thousand sources are told up to the bound', () => {
  const rows = Array.from({ length: 1000 }, (_, index) => manifest('2026-11-21T03:00:00Z', { path: `/${'p'.repeat(300)}/${index}` }))
  const fact = checked(kopia, parse(list(...rows)))
  expect(fact.outcome).toBe('ok')
  expect(new Set(parse(list(...rows)).jobs.map(job => job.name)).size).toBe(128)
})

test('any text gives a fact or an error, in no time', () => {
  const wild = fc.oneof(
    fc.string({ maxLength: 400 }),
    fc.json({ maxDepth: 3 }),
    fc
      .json()
      .map(
        json => `[{"source":{"path":"/","host":${json}},"startTime":"2026-11-22T03:00:00Z","rootEntry":{"summ":${json}},"stats":${json}}]`,
      ),
  )
  fc.assert(
    fc.property(wild, wild, fc.constantFrom('snapshots', 'status', 'text', 'verified'), (text, stderr, input) => {
      const started = performance.now()
      try {
        expect(checked(kopia, parse({ [input]: [capture(text, { stderr })] })).outcome).toBe('ok')
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
      }
      expect(performance.now() - started).toBeLessThan(500)
    }),
    { numRuns: 300 },
  )
})

const samples = new URL('../../../../../shared/samples/backup/kopia+kopia/site/content/docs/Getting_started/', import.meta.url)
const table: readonly (readonly [string, string, object])[] = [
  [
    '_index.md.manifest-show.json',
    'snapshots',
    { standing: 'known', lastSuccessAt: Date.parse('2019-06-23T03:15:53.038Z'), sourceBytes: 61414615, files: 12500, snapshots: null },
  ],
  ['_index.md.snapshot-list.txt', 'text', { standing: 'unknown', lastSuccessAt: null }],
]
test('captures from other machines are sorted by what they hold and read right', () => {
  for (const [path, input, wanted] of table.filter(([path]) => existsSync(new URL(path, samples)))) {
    const text = readFileSync(new URL(path, samples), 'utf8')
    expect(Object.entries(kopia.inputs).find(([, spec]) => spec.recognise?.(text))?.[0], path).toBe(input)
    expect(parse({ [input]: [capture(text)] }).jobs[0], path).toMatchObject(wanted)
  }
})
