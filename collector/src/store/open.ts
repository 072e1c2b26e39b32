import type { Clock } from '@fettle/kit'
import { readRedisAddress } from './redis/address.ts'
import { RedisStore } from './redis.ts'
import { SqliteStore } from './sqlite.ts'
import type { Store } from './store.ts'

/** A Redis that does not answer a call for this long is away, ms. */
const REDIS_TIMEOUT_MS = 3_000

export type StoreDeps = {
  readonly clock: Pick<Clock, 'now'>
  /** What every Redis key begins with; default `fettle:`. */
  readonly prefix?: string | undefined
  /** A Redis that does not answer a call for this long is away, ms; default 3000. */
  readonly timeoutMs?: number | undefined
}

/**
 * The store that a URL names: `sqlite:FILE` (`sqlite::memory:` for one that nothing keeps), `redis://…`, `redis+sentinel://h1,h2/name`,
 * `redis+cluster://h1,h2`; `rediss…` with TLS. A Redis need not be there yet. @throws on a URL it cannot read, a file it cannot open, or one that
 * another collector has open
 */
export async function openStore(url: string, deps: StoreDeps): Promise<Store> {
  if (url.startsWith('sqlite:')) return SqliteStore.open(url.slice('sqlite:'.length), deps)
  if (/^rediss?(\+|:)/.test(url)) return await RedisStore.open(readRedisAddress(url), { timeoutMs: REDIS_TIMEOUT_MS, ...defined(deps) })
  const scheme = /^[a-z+]{1,20}:/.exec(url)?.[0] ?? 'this address'
  throw new Error(
    `Cannot open a store at ${scheme}: wanted sqlite:FILE, redis://HOST, redis+sentinel://HOST,HOST/NAME or redis+cluster://HOST,HOST`,
  )
}

/** The same to read it alone, beside a collector that may be using it. @throws on a URL it cannot read, or where a file is not there */
export async function openStoreForReading(url: string, deps: StoreDeps): Promise<Store> {
  if (url.startsWith('sqlite:')) return SqliteStore.openForReading(url.slice('sqlite:'.length), deps)
  return await openStore(url, deps)
}

/** A store URL without what is secret in it, for people. */
export function shownUrl(url: string): string {
  return url.replace(/\/\/[^@/?]*@/, '//…@').replace(/([?&]sentinelPassword=)[^&]*/, '$1…')
}

function defined({ clock, prefix, timeoutMs }: StoreDeps) {
  return { clock, prefix, ...(timeoutMs === undefined ? {} : { timeoutMs }) }
}
