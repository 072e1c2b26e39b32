import { mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@fettle/kit'
import { closeCodes } from '@fettle/protocol'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ProtocolClient } from '../../../test/kit/client.ts'
import { startTestCollector, type TestCollector } from '../../../test/kit/collector.ts'
import { type RedisServer, startRedis } from '../../../test/kit/redis.ts'
import { cli } from '../cli.ts'
import { openStore } from '../store/open.ts'

const clockFact = {
  synchronized: true,
  service: 'chronyd',
  enabled: true,
  reference: null,
  stratum: null,
  offsetSeconds: null,
  lastSyncAt: null,
}

let data: string
let collector: TestCollector | undefined
let redis: RedisServer | undefined
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'fettle-store-'))
})
afterEach(async () => {
  await collector?.stop()
  await redis?.stop()
  collector = redis = undefined
  await rm(data, { recursive: true, force: true })
})

async function run(line: string, env: Record<string, string> = {}) {
  let out = ''
  let err = ''
  const code = await cli({
    argv: line.split(' '),
    env: { FETTLE_DATA: data, ...env },
    out: { write: (text: string) => (out += text) },
    err: { write: (text: string) => (err += text) },
    process,
  })
  return { code, out, err }
}

async function start(env: Record<string, string> = {}): Promise<TestCollector> {
  collector = await startTestCollector({ FETTLE_DATA: data, ...env })
  return collector
}

/** A host that has told one fact, and keeps talking. */
async function talking(to: TestCollector): Promise<ProtocolClient> {
  const client = new ProtocolClient()
  await client.join(to.agentUrl, await to.token())
  client.send(client.report(7, 'clock/chrony', clockFact))
  await client.next('ack')
  return client
}

/** Connects again, holding that one fact. */
function again(client: ProtocolClient, to: TestCollector) {
  const { hash } = client.report(7, 'clock/chrony', clockFact)
  return client.join(to.agentUrl, undefined, { digests: { 'clock/chrony': hash }, lastSeq: 7 })
}

describe('a backup', () => {
  test('of a collector that runs holds the fleet, and a restored store goes on with it', async () => {
    const client = await talking(await start())
    const file = join(data, 'backup.gz')

    const told = JSON.parse((await run(`store backup ${file} --json`)).out)
    expect(told).toMatchObject({ done: 'written', hosts: 1 })
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    await collector?.stop()
    const fresh = { FETTLE_DATA: await mkdtemp(join(data, 'fresh-')) }
    expect(await run(`store restore ${file}`, fresh)).toMatchObject({ code: 0, err: '' })

    const restored = await start(fresh)
    expect(await again(client, restored), 'nothing is lacking').toMatchObject({ want: [], acked: 7 })
    expect((await run(`store restore ${file}`, fresh)).err).toContain('another collector has it open')
  })

  test('is not written over another file, nor restored over a fleet', async () => {
    await talking(await start())
    const file = join(data, 'backup.gz')
    await run(`store backup ${file}`)
    expect((await run(`store backup ${file}`)).err).toContain('there is such a file already')
    await collector?.stop()
    expect((await run(`store restore ${file}`)).err).toContain('holds hosts or tokens already')
  })

  test.each<[string, (file: string) => Promise<unknown>]>([
    ['cut short', async file => truncate(file, Math.floor((await stat(file)).size / 2))],
    ['changed', async file => writeFile(file, flipped(await readFile(file)))],
    ['empty', file => truncate(file, 0)],
    ['another text', file => writeFile(file, 'hello')],
  ])('that is %s is refused whole: nothing of it is restored', async (_, damage) => {
    await talking(await start())
    const file = join(data, 'backup.gz')
    await run(`store backup ${file}`)
    await collector?.stop()
    await damage(file)
    const fresh = { FETTLE_DATA: await mkdtemp(join(data, 'fresh-')) }
    expect(await run(`store verify ${file}`)).toMatchObject({ code: 1 })
    const { code, err } = await run(`store restore ${file}`, fresh)
    expect([code, err]).toEqual([1, expect.stringContaining('Cannot read the backup')])
    const store = await openStore(`sqlite:${join(fresh.FETTLE_DATA, 'fleet.db')}`, { clock: systemClock })
    expect(await store.tokens()).toEqual([])
    await store.close()
  })
})

describe('moving from SQLite to Redis', () => {
  test('takes the fleet along while agents are connected, loses nothing, and the old store is not used again', async () => {
    redis = await startRedis()
    const client = await talking(await start())
    const closed = client.closed()

    const { code, out } = await run(`store move --to ${redis.url}`)
    expect([code, out]).toEqual([0, expect.stringContaining('1 hosts are in redis://')])
    expect(await closed, 'the agent is sent away').toBe(closeCodes.goingAway)
    const ready = await fetch(`${collector?.url}/readyz`)
    expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining('moved to redis://')])
    const refused = await run('token create')
    expect(refused.err).toContain('Cannot change anything now')
    await collector?.stop()
    await expect(start()).rejects.toThrow('its fleet was moved to redis://')

    const moved = await start({ FETTLE_STORE: redis.url })
    expect(await again(client, moved)).toMatchObject({ want: [], acked: 7 })
    await collector?.stop()
    expect((await run('store move --back')).out).toContain('may be used again')
    await start()
  })
})

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  const middle = Math.floor(copy.length / 2)
  copy[middle] = (copy[middle] ?? 0) ^ 0x55
  return copy
}
