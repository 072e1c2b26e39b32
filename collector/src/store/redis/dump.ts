import { BUCKETS, bucketOf, type DumpRecord, FEED_KEPT, notEmpty } from '../store.ts'
import type { Client } from './connect.ts'
import { periodsAt, SHARDS } from './first-seen.ts'
import type { Keys } from './keys.ts'
import type { Members, Run } from './members.ts'
import { filledHost, readEntry, readHost, readTransition } from './rows.ts'

/** Updates told in one record, and entries asked for at once. */
const PAGE = 1_000

type Dumping = {
  readonly keys: Keys
  readonly prefix: string
  readonly members: Members
  readonly run: Run
  now(): number
  ask<T>(question: (client: Client) => Promise<T>): Promise<T>
}

/** Everything in the Redis. A host and its transitions are read in one transaction. */
export async function* dump(from: Dumping): AsyncGenerator<DumpRecord> {
  for (const token of await from.members.tokens([])) yield { kind: 'token', token }
  const elements = await from.ask(client => client.lrange(`${from.keys.fleet}audit`, 0, -1))
  for (const element of elements.reverse()) yield { kind: 'audit', entry: readEntry(element) }
  yield* dumpValues(from)
  yield* dumpFirstSeen(from)
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    for (const hostId of await from.ask(client => client.smembers(from.keys.hosts(bucket)))) {
      const record = await dumpHost(from, hostId)
      if (record) yield record
    }
  }
}

async function* dumpValues({ keys, run, now, ask }: Dumping): AsyncGenerator<DumpRecord> {
  for (const name of ((await run('listValues', keys.fleet, [''])) as string[]).sort()) {
    const key = `${keys.fleet}v:${name}`
    const [text, ttlMs] = await ask(async client => [await client.get(key), await client.pttl(key)] as const)
    if (text !== null) yield { kind: 'value', name, text, endsAt: ttlMs < 0 ? null : now() + ttlMs }
  }
}

async function* dumpFirstSeen({ prefix, now, ask }: Dumping): AsyncGenerator<DumpRecord> {
  for (let shard = 0; shard < SHARDS; shard++) {
    for (const period of periodsAt(now())) {
      const key = `${prefix}{s${shard}}:seen:${period}`
      for (let cursor = '0', first = true; first || cursor !== '0'; first = false) {
        const [next, flat] = await ask(client => client.hscan(key, cursor, 'COUNT', PAGE))
        cursor = next
        const updates = Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i] ?? '', Number(flat[2 * i + 1])] as const)
        if (updates.length > 0) yield { kind: 'firstSeen', updates }
      }
    }
  }
}

async function dumpHost({ keys, ask }: Dumping, hostId: string): Promise<DumpRecord | undefined> {
  const tokenId = await ask(client => client.hget(`${keys.fleet}by`, hostId))
  const replies = await ask(async client => {
    const transaction = client.multi()
    transaction.hgetall(keys.host(hostId))
    transaction.lrange(keys.transitions(hostId), 0, -1)
    return ((await transaction.exec()) ?? []).map(([error, reply]) => {
      if (error) throw error
      return reply
    })
  })
  const fields = (replies[0] ?? {}) as Record<string, string>
  const host = readHost(hostId, fields)
  if (!host) return undefined
  const link = { kept: fields.linkKept ?? null, offered: fields.linkOffered ?? null }
  return { kind: 'host', host, transitions: ((replies[1] ?? []) as string[]).map(readTransition), tokenId, link }
}

/** Writes a backup into an empty Redis. @throws where hosts or tokens are there already */
export async function fill(
  into: Dumping,
  records: AsyncIterable<DumpRecord>,
  firstSeen: (updates: ReadonlyMap<string, number>) => Promise<unknown>,
): Promise<void> {
  const held = await into.ask(
    async client => (await client.hlen(`${into.keys.fleet}ids`)) + (await client.hlen(`${into.keys.fleet}tokens`)),
  )
  if (held > 0) throw notEmpty()
  for await (const record of records) {
    if (record.kind === 'host') await fillHost(into, record)
    else if (record.kind === 'token') await into.members.putToken(record.token)
    else if (record.kind === 'firstSeen') await firstSeen(new Map(record.updates))
    else if (record.kind === 'audit') await fillAudit(into, record)
    else await fillValue(into, record)
  }
}

async function fillHost(
  { keys, run }: Dumping,
  { host, transitions, tokenId, link }: Extract<DumpRecord, { kind: 'host' }>,
): Promise<void> {
  const { hostId, instance } = host.meta
  await run('fillName', keys.fleet, [hostId, instance, tokenId ?? ''])
  const { fields, elements } = filledHost(host, transitions, link)
  await run('fillHost', keys.bucket(bucketOf(hostId)), [hostId, FEED_KEPT, fields.length, ...fields, ...elements])
}

async function fillAudit({ keys, run }: Dumping, { entry: { id, ...entry } }: Extract<DumpRecord, { kind: 'audit' }>): Promise<void> {
  await run('fillAudit', keys.fleet, [id, JSON.stringify(entry)])
}

async function fillValue({ keys, run, now }: Dumping, { name, text, endsAt }: Extract<DumpRecord, { kind: 'value' }>): Promise<void> {
  const ttlMs = endsAt === null ? '' : Math.ceil(endsAt - now())
  if (ttlMs === '' || ttlMs > 0) await run('putValue', keys.fleet, [name, text, ttlMs, 'put'])
}
