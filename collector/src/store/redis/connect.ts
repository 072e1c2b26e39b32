import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis'
import { StoreUnavailable } from '../store.ts'
import type { RedisAddress } from './address.ts'
import { scripts } from './scripts.ts'

export type Client = Redis | Cluster
type NodeOptions = RedisOptions & { replyMapping: 'legacy' }

/** Longest wait between attempts to connect again, ms. */
const RECONNECT_CAP_MS = 1_000
const CONNECT_TIMEOUT_MS = 5_000
/** A socket on which a command waits and nothing comes for this long is dead, ms. */
const SOCKET_TIMEOUT_MS = 8_000

/** Full jitter, so that collectors do not come back in step. */
const reconnectDelay = (tries: number) => 20 + Math.random() * Math.min(RECONNECT_CAP_MS, 50 * 2 ** Math.min(tries, 10))

/** Opens connections that fail at once while Redis is away and come back by themselves; whoever waits for an answer sets the deadline. */
export function connect(address: RedisAddress, onError: (error: Error) => void, closed: AbortSignal): Client {
  const client = address.kind === 'cluster' ? connectCluster(address) : new Redis(nodeOptions(address))
  client.on('error', onError)
  reviveUntil(closed, client)
  for (const [name, lua] of Object.entries(scripts)) client.defineCommand(name, { lua, numberOfKeys: SCRIPT_KEYS })
  return client
}

/** Connects again whatever made the client give up: ioredis takes some failures of a failover for a wish to end. Closing is: abort the signal, then disconnect. */
export function reviveUntil(closed: AbortSignal, client: Client): void {
  client.on('end', () => {
    if (closed.aborted) return
    const timer = setTimeout(() => {
      if (!closed.aborted) client.connect().catch(() => {})
    }, RECONNECT_CAP_MS)
    closed.addEventListener('abort', () => clearTimeout(timer), { once: true })
  })
}

function sharedOptions(address: RedisAddress) {
  return {
    db: address.db,
    ...(address.username === undefined ? {} : { username: address.username }),
    ...(address.password === undefined ? {} : { password: address.password }),
    ...(address.tls ? { tls: {} } : {}),
    protocol: 2,
    replyMapping: 'legacy',
    connectionName: 'fettle-collector',
    connectTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    // A master that became a replica: ask DNS or the Sentinels anew.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  } as const satisfies RedisOptions
}

function nodeOptions(address: RedisAddress): NodeOptions {
  const shared = { ...sharedOptions(address), enableOfflineQueue: false, retryStrategy: reconnectDelay }
  if (address.kind === 'standalone') return { ...shared, ...address.hosts[0] }
  const tls = address.tls ? { enableTLSForSentinelMode: true, sentinelTLS: {} } : {}
  return {
    ...{ ...shared, ...tls },
    sentinels: [...address.hosts],
    name: address.name ?? '',
    sentinelPassword: address.sentinelPassword,
    sentinelRetryStrategy: reconnectDelay,
  } as NodeOptions
}

function connectCluster(address: RedisAddress): Cluster {
  const options = {
    enableOfflineQueue: false,
    maxRedirections: 4,
    retryDelayOnFailover: 100,
    retryDelayOnClusterDown: 100,
    clusterRetryStrategy: reconnectDelay,
    clusterNodeRetryStrategy: reconnectDelay,
    redisOptions: sharedOptions(address),
  } satisfies ClusterOptions
  return new Cluster([...address.hosts], options)
}

/** Resolves when the client can answer, or after `ms`, whichever comes first: a collector starts without its Redis, too. */
export function untilReady(client: Client, ms: number): Promise<void> {
  if (client.status === 'ready') return Promise.resolve()
  return new Promise(resolve => {
    const done = () => {
      clearTimeout(timer)
      client.off('ready', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    client.once('ready', done)
  })
}

/** Replies by which Redis says that it cannot serve now; redis.io/docs/latest/develop/reference/protocol-spec, error prefixes in its source. */
const UNAVAILABLE = new Set(
  'LOADING READONLY OOM CLUSTERDOWN MISCONF MASTERDOWN NOREPLICAS TRYAGAIN BUSY MOVED ASK UNBLOCKED NOAUTH WRONGPASS NOPERM'.split(' '),
)

/** What a rejected command means. A reply that tells of a mistake of ours stays what it is; everything else is the engine being away. */
export function classify(error: unknown, why?: string): Error {
  if (error instanceof StoreUnavailable) return error
  if (!(error instanceof Error)) return new Error(String(error))
  const isReply = error.name === 'ReplyError'
  const code = /^[A-Z]+/.exec(error.message)?.[0] ?? ''
  if (error instanceof TypeError || error instanceof SyntaxError || (isReply && !UNAVAILABLE.has(code))) return error
  const more = why !== undefined && !isReply && !error.message.includes(why) ? ` (${why})` : ''
  return new StoreUnavailable(`Cannot use the Redis now: ${error.message}${more}`, { cause: error })
}

/** The answer, or `StoreUnavailable` where it does not come in time: a hung Redis accepts commands and stays silent. */
export async function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new StoreUnavailable(`Cannot use the Redis now: no answer within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Keys that a script is called with: its base, and one more of the same hash tag. A node of a Cluster whose slot is on its way to another runs a script
 * of one key as if nothing were there, for what it holds under the base is not declared; one of two keys it refuses with TRYAGAIN until the slot has moved.
 */
const SCRIPT_KEYS = 2
const SECOND_KEY = '~'

/** The arguments of a script on the keys of a base. */
export const scriptArguments = (base: string, args: readonly (string | number)[]): unknown[] => [base, base + SECOND_KEY, ...args]

/** Runs one of the scripts on the keys of a base. */
export function runScript(client: Client, name: keyof typeof scripts, base: string, args: readonly (string | number)[]): Promise<unknown> {
  const command = Reflect.get(client, name) as (...all: unknown[]) => Promise<unknown>
  return command.call(client, ...scriptArguments(base, args))
}
