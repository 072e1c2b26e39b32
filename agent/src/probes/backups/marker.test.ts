import { mkdirSync, mkdtempSync, realpathSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { readConfig } from '@fettle/kit'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { localHost } from '../../host/local.ts'
import { TimedOut } from '../../host.ts'
import type { Captured } from '../../probe.ts'
import { checked, runProbe } from '../../runner.ts'
import type { Job } from './job.ts'
import { matchesGlob, parseMountinfo } from './listing.ts'
import marker from './marker.ts'

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'fettle-marker-')))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const HOUR = 3_600_000
const host = localHost()
const settings = { 'backups.marker': marker.setting ?? never() }

function never(): never {
  throw new Error('the probe has no setting')
}

function configured(...jobs: readonly object[]): unknown {
  return readConfig(settings, { file: { path: 'agent.yaml', text: JSON.stringify({ backups: { marker: jobs } }) }, env: {} }).values[
    'backups.marker'
  ]
}

async function look(job: object, on = host): Promise<Job | undefined> {
  const fact = await runProbe(marker, on, configured({ name: 'dump', ...job }), HOUR)
  expect(fact.outcome, fact.reason).toBe('ok')
  return (fact.data as { jobs: Job[] }).jobs[0]
}

/** Writes a file of a given age. */
function put(path: string, content: string, ageMs: number): string {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), content)
  const at = (Date.now() - ageMs) / 1000
  utimesSync(join(folder, path), at, at)
  return join(folder, path)
}

const near = (at: number | null | undefined, wanted: number) => expect(Math.abs((at ?? 0) - wanted)).toBeLessThan(5000)

describe('a folder of dumps', () => {
  test('tells its newest fitting entry and the sizes before it', async () => {
    put('dumps/db-1.sql', 'a'.repeat(10), 72 * HOUR)
    put('dumps/db-2.sql', 'a'.repeat(20), 48 * HOUR)
    put('dumps/db-3.sql', 'a'.repeat(30), 24 * HOUR)
    for (const name of ['db-4.sql.tmp', 'db-5.sql.part', '.db-6.sql', 'other.txt']) put(`dumps/${name}`, 'x', 0)
    const job = await look({ path: join(folder, 'dumps'), glob: 'db-*', every: '1d' })
    expect(job).toMatchObject({
      standing: 'known',
      lastResult: 'success',
      snapshots: 3,
      sourceBytes: 30,
      earlierBytes: [20, 10],
      learnedEveryMs: 24 * HOUR,
    })
    near(job?.lastSuccessAt, Date.now() - 24 * HOUR)
  })

  test('with an empty newest dump has failed, and the last good one stays', async () => {
    put('zero/a', 'full', 24 * HOUR)
    put('zero/b', '', HOUR)
    const job = await look({ path: join(folder, 'zero') })
    expect(job).toMatchObject({ lastResult: 'failed', snapshots: 1, warnings: ['b has 0 bytes, at least 1 are wanted'] })
    near(job?.lastSuccessAt, Date.now() - 24 * HOUR)
  })

  test('that is empty was never backed up to', async () => {
    mkdirSync(join(folder, 'empty'))
    expect(await look({ path: join(folder, 'empty') })).toMatchObject({
      standing: 'known',
      lastSuccessAt: null,
      lastResult: null,
      snapshots: 0,
    })
  })

  test('whose file system is not mounted is unknown, not empty (wrong green 36)', async () => {
    const job = await look({ path: join(folder, 'dumps'), filesystem: { mountPoint: folder } })
    expect(job).toMatchObject({ standing: 'unknown', lastSuccessAt: null, reason: `its target is not mounted: ${folder}` })
    const planned = { ...host, captured: (path: string) => (path === '/etc/fstab' ? fstab : host.captured(path)) } as typeof host
    const fstab = Promise.resolve({ text: `nas:/x ${folder} nfs4 noauto 0 0\n`, stderr: '', code: null, name: 'fstab', modifiedAt: null })
    expect(await look({ path: join(folder, 'dumps') }, planned)).toMatchObject({
      standing: 'unknown',
      reason: `its target is not mounted: ${folder}`,
    })
    expect(await look({ path: join(folder, 'dumps'), filesystem: { type: 'nfs4' } })).toMatchObject({ standing: 'unknown' })
  })

  test('on a dead network mount is unknown, and only its own job', async () => {
    const dead = {
      ...host,
      statfs: (path: string) => (path.endsWith('dumps') ? Promise.reject(new TimedOut('stat did not end')) : host.statfs(path)),
    }
    const jobs = configured({ name: 'a', path: join(folder, 'dumps') }, { name: 'b', path: join(folder, 'zero') })
    const fact = await runProbe(marker, dead, jobs, HOUR)
    expect((fact.data as { jobs: Job[] }).jobs.map(job => job.standing)).toEqual(['unknown', 'known'])
  })
})

describe('a marker file', () => {
  test('that is missing was never written, and is unknown where its folder is missing too', async () => {
    expect(await look({ path: join(folder, 'none') })).toMatchObject({
      standing: 'known',
      lastSuccessAt: null,
      reason: 'nothing is there yet',
    })
    expect(await look({ path: join(folder, 'no/none') })).toMatchObject({ standing: 'unknown' })
  })

  test('that is bare must be said to be so', async () => {
    const path = put('bare', '', HOUR)
    expect(await look({ path })).toMatchObject({ lastResult: 'failed', lastSuccessAt: null })
    const job = await look({ path, minBytes: 0 })
    expect(job).toMatchObject({ lastResult: 'success', standing: 'known' })
    near(job?.lastSuccessAt, Date.now() - HOUR)
  })

  test('from the future tells nothing', async () => {
    expect(await look({ path: put('future', 'x', -48 * HOUR) })).toMatchObject({ standing: 'unknown', lastSuccessAt: null })
  })

  test('with a record tells its times, size and result', async () => {
    const finished = new Date(Date.now() - 2 * HOUR).toISOString()
    const started = Math.round((Date.now() - 3 * HOUR) / 1000)
    const good = await look({ path: put('good.json', JSON.stringify({ started, finished, exit: 0, bytes: 7, files: 2 }), 0) })
    expect(good).toMatchObject({ lastResult: 'success', lastSuccessAt: Date.parse(finished), sourceBytes: 7, files: 2 })
    const bad = await look({ path: put('bad.json', JSON.stringify({ finished, exit: 3 }), 0) })
    expect(bad).toMatchObject({ lastResult: 'failed', lastSuccessAt: null, lastRunAt: Date.parse(finished) })
    const partial = await look({ path: put('bad.json', JSON.stringify({ finished, exit: 3 }), 0), tool: 'restic' })
    expect(partial).toMatchObject({ lastResult: 'warnings', tool: 'restic' })
    const running = await look({ path: put('run.json', JSON.stringify({ started, lastSuccess: finished }), 0) })
    expect(running).toMatchObject({ lastResult: 'running', runningSince: started * 1000, lastSuccessAt: Date.parse(finished) })
  })

  test.each(['{"finished":"2026-11-2', '{"finished":"2026-11-22T01:00:00","exit":0}', '{"exit":"0"}'])(
    'with the record %j is unknown',
    async text => {
      expect(await look({ path: put('torn.json', text, 0) })).toMatchObject({ standing: 'unknown', lastSuccessAt: null })
    },
  )
})

test('nothing configured is absent', async () => {
  expect(await runProbe(marker, host, [], HOUR)).toMatchObject({ outcome: 'absent' })
})

test.each([
  ['*', 'a', true],
  ['db-*.sql', 'db-1.sql', true],
  ['db-*.sql', 'db-1.sql.gz', false],
  ['a?c', 'abc', true],
  ['a?c', 'ac', false],
  ['*a*b*', 'xxaxxbxx', true],
  ['', 'a', false],
  ['.*+', 'abc', false],
])('pattern %j and name %j: %s', (pattern, name, wanted) => expect(matchesGlob(pattern, name)).toBe(wanted))

test('a hostile pattern ends soon', () => {
  const started = performance.now()
  expect(matchesGlob(`${'*a'.repeat(100)}b`, 'a'.repeat(255))).toBe(false)
  expect(performance.now() - started).toBeLessThan(100)
})

test('mount points with blanks are understood', () => {
  const line = '36 35 98:0 / /mnt/my\\040nas rw,noatime master:1 - nfs4 nas:/x rw'
  expect(parseMountinfo(line)).toEqual([{ point: '/mnt/my nas', type: 'nfs4' }])
})

test('any text gives a fact or an error, in no time', () => {
  const wild = fc.oneof(
    fc.string({ maxLength: 400 }),
    fc.json({ maxDepth: 2 }),
    fc.dictionary(fc.constantFrom('started', 'finished', 'exit', 'bytes'), fc.jsonValue()).map(value => JSON.stringify(value)),
  )
  fc.assert(
    fc.property(wild, fc.constantFrom('record', 'listing'), (text, input) => {
      const capture: Captured = { text, stderr: '', code: null, name: 'x', modifiedAt: 1_700_000_000_000 }
      try {
        const fact = marker.parse({ [input]: [capture] }, { now: Date.now(), hostname: 'vm', options: [] })
        expect(checked(marker, fact).outcome).toBe('ok')
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
      }
    }),
    { numRuns: 300 },
  )
})
