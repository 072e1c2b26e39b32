import { readdirSync } from 'node:fs'
import type { RedisServer } from '../kit/redis.ts'
import type { Running } from '../load/world.ts'
import type { Point } from './trend.ts'

/** What must not grow, each with its unit. */
export const quantities = {
  resident: 'MB',
  heap: 'MB',
  descriptors: '',
  redisKeys: '',
  redisMemory: 'MB',
} as const
export type Quantity = keyof typeof quantities

/** What each is called for people. */
export const titles: Readonly<Record<Quantity, string>> = {
  resident: 'collector, resident memory after a collection',
  heap: 'collector, heap and buffers after a collection',
  descriptors: 'collector, open descriptors',
  redisKeys: 'Redis, keys',
  redisMemory: 'Redis, memory without its change feeds',
}

export type Series = Record<Quantity, Point[]>
export const noSeries = (): Series => ({ resident: [], heap: [], descriptors: [], redisKeys: [], redisMemory: [] })

const BUCKETS = 64
const MIB = 2 ** 20

/** Looks once at everything. Change feeds are left out: they grow until they are full, 10,000 entries each, and then no more. */
export async function look({ worker }: Running, redis: RedisServer): Promise<Record<Quantity, number>> {
  // Twice: what the first collection finalises the second one frees.
  await worker.call('usage', { collect: true })
  const usage = await worker.call('usage', { collect: true })
  const used = Number(/^used_memory:(\d+)/m.exec(await redis.cli('INFO', 'memory'))?.[1])
  const feeds = await Promise.all(Array.from({ length: BUCKETS }, (_, i) => redis.cli('MEMORY', 'USAGE', `fettle:{f${i}}:feed`)))
  const fed = feeds.reduce((sum, bytes) => sum + (Number(bytes) || 0), 0)
  return {
    resident: usage.resident / MIB,
    heap: usage.heap / MIB,
    descriptors: readdirSync(`/proc/${worker.pid}/fd`).length,
    redisKeys: Number(await redis.cli('DBSIZE')),
    redisMemory: (used - fed) / MIB,
  }
}
