import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ProtocolClient } from '../../test/kit/client.ts'
import { startTestCollector, type TestCollector } from '../../test/kit/collector.ts'
import { type RedisServer, startRedis } from '../../test/kit/redis.ts'
import { until } from '../../test/kit/until.ts'

const DAY = 24 * 3_600_000
let data: string
let redis: RedisServer
let collector: TestCollector | undefined
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'fettle-members-'))
  redis = await startRedis()
})
afterEach(async () => {
  await collector?.stop()
  collector = undefined
  await redis.stop()
  await rm(data, { recursive: true })
})

async function start(more: Record<string, string> = {}): Promise<TestCollector> {
  collector = await startTestCollector({ FETTLE_DATA: data, FETTLE_STORE: redis.url, ...more })
  return collector
}

/** A collector with one host and one token that may be used twice more, stopped. */
async function enrolledAndStopped(): Promise<{ client: ProtocolClient; token: string }> {
  const running = await start()
  const token = await running.token({ uses: 3 })
  const client = new ProtocolClient()
  await client.join(running.agentUrl, token)
  await running.stop()
  return { client, token }
}

/** Whether a host is let in without a token. */
async function isMember(client: ProtocolClient, of: TestCollector): Promise<boolean> {
  client.hello(await client.open(of.agentUrl))
  return Promise.race([client.next('welcome').then(() => true), client.closed().then(() => false)])
}

const file = () => join(data, 'members.json')
const changeFile = async (change: object) => writeFile(file(), JSON.stringify({ ...JSON.parse(await readFile(file(), 'utf8')), ...change }))

test('a Redis that is wiped while no collector runs gets its members back', async () => {
  const { client, token } = await enrolledAndStopped()
  expect((await stat(file())).mode & 0o777).toBe(0o600)
  await redis.cli('flushall')

  const again = await start()
  expect(await isMember(client, again)).toBe(true)
  const [id] = token.split('.')
  expect((await again.admin('GET', '/api/v1/tokens')) as object).toMatchObject({ tokens: [{ id, usesLeft: 2 }] })
})

test('a collector on a wiped Redis calls itself what the agents know, whatever its machine is called', async () => {
  const { client } = await enrolledAndStopped()
  await changeFile({ server: 'the-old-name' })
  await redis.cli('flushall')

  const again = await startTestCollector({ FETTLE_DATA: data, FETTLE_STORE: redis.url, FETTLE_NAME: undefined as unknown as string })
  collector = again
  expect((await client.open(again.agentUrl)).server).toBe('the-old-name')
})

test('a Redis that is wiped under a running collector keeps the name', async () => {
  const running = await start()
  await redis.cli('flushall')
  await until(async () => (await redis.cli('get', 'fettle:{fettle}:v:server-name')).includes('collector.test'), 'the name is back')
  await running.stop()
})

test('a host that was removed does not come back', async () => {
  const running = await start()
  const client = new ProtocolClient()
  await client.join(running.agentUrl, await running.token())
  await running.core.remove(client.hostId, 'operator')
  await running.stop()
  await redis.cli('flushall')

  expect(await isMember(client, await start())).toBe(false)
})

test.each<[string, () => Promise<unknown>]>([
  ['of another store', () => changeFile({ store: 'redis://elsewhere' })],
  ['that is too old', () => changeFile({ at: Date.now() - 31 * DAY })],
  ['that is damaged', () => writeFile(file(), '{"store":')],
])('a file %s is not believed, and the collector starts without it', async (_, spoil) => {
  const { client } = await enrolledAndStopped()
  await redis.cli('flushall')
  await spoil()
  expect(await isMember(client, await start())).toBe(false)
})
