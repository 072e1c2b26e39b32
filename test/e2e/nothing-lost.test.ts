import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { freePort, runScript, type TestProcess } from '../kit/process.ts'
import { type RedisServer, startRedis } from '../kit/redis.ts'
import { until } from '../kit/until.ts'

/* An ordinary bad day, with real parts: what was observed arrives later, in order, once; what was acknowledged is there. */

vi.setConfig({ testTimeout: 180_000 })

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

test('a collector killed with kill -9 in the stream loses nothing: every change arrives once and in order', async () => {
  const { redis } = await withRedis()
  const port = await freePort()
  let collector = await startCollector(redis, port)
  const observer = await startObserver(port, await enrolmentToken(collector.folder))
  const kept: number[] = []
  for (let value = 1; value <= 90; value++) {
    await observe(observer, value, kept)
    if (value % 30 === 12) await collector.process.kill()
    if (value % 30 === 25) collector = await startCollector(redis, port, collector.folder)
  }
  collector =
    collector.process.child.exitCode === null && collector.process.child.signalCode === null
      ? collector
      : await startCollector(redis, port, collector.folder)

  await until(async () => (await strata(port))[0] === 90)
  expect((await strata(port)).reverse()).toEqual(kept)
})

test('an agent killed with kill -9 in mid-write goes on where it was: nothing it kept is lost, nothing comes twice', async () => {
  const { redis } = await withRedis()
  const port = await freePort()
  const collector = await startCollector(redis, port)
  const token = await enrolmentToken(collector.folder)
  const folder = await temporaryFolder()
  const kept: number[] = []
  let value = 0
  for (let round = 0; round < 6; round++) {
    const observer = await startObserver(port, token, folder)
    for (let i = 0; i < 12; i++) await observe(observer, ++value, kept)
    // One more is on its way to the disk, or on it, when the end comes.
    observer.write(`${++value}\n`)
    await observer.kill()
  }
  const observer = await startObserver(port, token, folder)
  await observe(observer, 1000, kept)

  await until(async () => (await strata(port))[0] === 1000)
  const arrived = (await strata(port)).reverse()
  expect(arrived).toEqual([...arrived].sort((a, b) => a - b))
  expect(new Set(arrived).size).toBe(arrived.length)
  expect(kept.filter(one => !arrived.includes(one))).toEqual([])
})

test.each<[string, (redis: RedisServer) => Promise<void> | void, (redis: RedisServer) => Promise<void> | void]>([
  ['killed', redis => redis.kill(), redis => redis.restart()],
  ['stopped, so that it accepts and never answers', redis => redis.pause(), redis => redis.resume()],
])(
  'a Redis that is %s: connections stay, nothing is acknowledged, the last state is served and said to be old; afterwards all is there',
  async (_, breakIt, mendIt) => {
    const { redis } = await withRedis()
    const port = await freePort()
    const collector = await startCollector(redis, port)
    const observer = await startObserver(port, await enrolmentToken(collector.folder))
    const kept: number[] = []
    await observe(observer, 1, kept)
    await until(async () => (await strata(port))[0] === 1)

    await breakIt(redis)
    cleanups.push(async () => redis.resume())
    for (let value = 2; value <= 30; value++) await observe(observer, value, kept)
    await until(async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).status === 503)
    const shown = await (await fetch(`http://127.0.0.1:${port}/metrics/hosts`)).text()
    expect(shown).toContain('fettle_agent_up{instance="observer"} 1')
    const page = await (await fetch(`http://127.0.0.1:${port}/healthz`)).json()
    expect(page).toEqual({ status: 'ok' })

    await mendIt(redis)
    await until(async () => (await strata(port))[0] === 30)
    expect((await strata(port)).reverse()).toEqual(kept)
    await until(async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).status === 200, 'it says that it is ready')
  },
)

test('a wiped Redis is whole again without a restart of anything: enrolment, facts, findings, and what comes after', async () => {
  const { redis } = await withRedis()
  const port = await freePort()
  const collector = await startCollector(redis, port)
  const observer = await startObserver(port, await enrolmentToken(collector.folder))
  const kept: number[] = []
  for (let value = 1; value <= 5; value++) await observe(observer, value, kept)
  await until(async () => (await strata(port))[0] === 5)

  await redis.cli('FLUSHALL')
  await until(async () => (await strata(port))[0] === 5 && (await redis.cli('DBSIZE')).trim() !== '0')
  await observe(observer, 6, kept)
  await until(async () => (await strata(port))[0] === 6)

  // What the store holds, another collector that knows nothing can tell.
  const second = await startCollector(redis, await freePort())
  const host = await until(async () => {
    const detail = (await (await fetch(`http://127.0.0.1:${second.port}/api/v1/hosts/observer`)).json()) as Detail
    return detail.facts?.[0]?.data.stratum === 6 && detail.findings.length > 0 ? detail : undefined
  })
  expect(host.facts.map(fact => fact.key)).toEqual(['clock/chrony'])
})

type Detail = {
  facts: { key: string; data: { stratum: number } }[]
  findings: unknown[]
  transitions: { data: { stratum: number } }[] | null
}

/** The strata that the observer's clock went through, newest first; [] while the store cannot say. */
async function strata(port: number): Promise<number[]> {
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/hosts/observer`).catch(() => undefined)
  if (!answer?.ok) return []
  const { transitions } = (await answer.json()) as Detail
  return (transitions ?? []).map(one => one.data.stratum)
}

async function observe(observer: TestProcess, value: number, kept: number[]): Promise<void> {
  observer.write(`${value}\n`)
  await observer.line(new RegExp(`^kept ${value}$`))
  kept.push(value)
}

async function withRedis(): Promise<{ redis: RedisServer }> {
  const redis = await startRedis()
  cleanups.push(() => redis.stop())
  return { redis }
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-e2e-'))
  cleanups.push(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function startCollector(redis: RedisServer, port: number, known?: string) {
  const folder = known ?? (await temporaryFolder())
  const env = { FETTLE_LISTEN: `127.0.0.1:${port}`, FETTLE_DATA: folder, FETTLE_STORE: redis.url, FETTLE_NAME: 'collector.test' }
  const process = runScript('collector/src/main.ts', ['run'], env)
  cleanups.push(() => process.kill())
  await process.line(/collector listens/)
  return { process, folder, port }
}

async function enrolmentToken(folder: string): Promise<string> {
  const create = runScript('collector/src/main.ts', ['token', 'create', '--uses', 'unlimited', '--json'], { FETTLE_DATA: folder })
  return (JSON.parse(await create.line(/^\{/)) as { token: string }).token
}

async function startObserver(port: number, token: string, known?: string): Promise<TestProcess> {
  const observer = runScript('test/kit/observer.ts', [known ?? (await temporaryFolder()), `ws://127.0.0.1:${port}/agent`, token])
  cleanups.push(() => observer.kill())
  await observer.line(/^host /)
  return observer
}
