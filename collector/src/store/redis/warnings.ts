import { Cluster, type Redis } from 'ioredis'
import type { StoreWarning } from '../store.ts'
import type { Client } from './connect.ts'

type Settings = Readonly<Record<string, string>>

/** What operators must know of a Redis or of each master of a Cluster: what its settings make of an acknowledgement. README.md has the table. */
export async function warningsOf(client: Client): Promise<StoreWarning[]> {
  const nodes = client instanceof Cluster ? client.nodes('master') : [client]
  const clustered = client instanceof Cluster
  const told = await Promise.all(nodes.map(node => nodeWarnings(node, clustered)))
  const byText = new Map(told.flat().map(warning => [warning.text, warning]))
  return [...byText.values()]
}

const warn = (text: string): StoreWarning => ({ level: 'warn', text })
const error = (text: string): StoreWarning => ({ level: 'error', text })

async function nodeWarnings(node: Redis, clustered: boolean): Promise<StoreWarning[]> {
  const info = readInfo(await node.info())
  const where = clustered ? `Redis ${node.options.host}:${node.options.port}` : 'Redis'
  const settings = await readSettings(node)
  const judged = settings
    ? [...persistence(settings), ...memory(settings), ...replication(info, settings, clustered)]
    : [warn('its settings may not be read (CONFIG GET): see that it has maxmemory-policy noeviction and appendonly yes')]
  return [...judged, ...failures(info)].map(({ level, text }) => ({ level, text: `${where}: ${text}` }))
}

async function readSettings(node: Redis): Promise<Settings | undefined> {
  const names = ['maxmemory', 'maxmemory-policy', 'appendonly', 'appendfsync', 'no-appendfsync-on-rewrite', 'save', 'min-replicas-to-write']
  try {
    // One name a call: several at once are newer than Redis 7.
    const pairs = await Promise.all(names.map(name => node.config('GET', name) as Promise<string[]>))
    return Object.fromEntries(pairs.map(pair => [pair[0] ?? '', pair[1] ?? '']))
  } catch (error) {
    // Managed services forbid or rename the command; being away is another matter.
    if (error instanceof Error && /^(ERR|NOPERM)/.test(error.message)) return undefined
    throw error
  }
}

function readInfo(text: string): Settings {
  return Object.fromEntries(
    text.split('\r\n').flatMap(line => {
      const colon = line.indexOf(':')
      return colon < 0 ? [] : [[line.slice(0, colon), line.slice(colon + 1)]]
    }),
  )
}

function persistence(settings: Settings): StoreWarning[] {
  if (settings.appendonly !== 'yes') {
    return settings.save === ''
      ? [error('nothing is kept on disk (appendonly no, no save points): acknowledged reports end with the process; set appendonly yes')]
      : [warn('only snapshots are kept (appendonly no): a crash loses what was acknowledged since the last one; set appendonly yes')]
  }
  const rewriting =
    settings['no-appendfsync-on-rewrite'] === 'yes'
      ? [warn('no-appendfsync-on-rewrite yes: a crash during a rewrite loses up to 30 s')]
      : []
  if (settings.appendfsync === 'always') return rewriting
  const loss = settings.appendfsync === 'no' ? 'what the system had not written, often 30 s' : 'up to 2 s'
  return [
    warn(
      `appendfsync ${settings.appendfsync}: a crash of the machine loses ${loss} of acknowledged reports; appendfsync always loses none`,
    ),
    ...rewriting,
  ]
}

function memory(settings: Settings): StoreWarning[] {
  if (settings['maxmemory-policy'] === 'noeviction') return []
  const now = settings.maxmemory === '0' ? ' as soon as maxmemory is set' : ' when memory is full'
  return [error(`maxmemory-policy ${settings['maxmemory-policy']}: acknowledged data is thrown away${now}; set noeviction`)]
}

function replication(info: Settings, settings: Settings, clustered: boolean): StoreWarning[] {
  if (info.role !== 'master')
    return [error(`it is a replica of ${info.master_host}:${info.master_port} and takes no writes; give the address of the master`)]
  const replicas = Number(info.connected_slaves ?? 0)
  if (replicas === 0) return clustered ? [warn('it has no replica: while it is away, its part of the fleet cannot be written')] : []
  if (settings['min-replicas-to-write'] !== '0') return []
  return [
    warn(
      'min-replicas-to-write 0: a failover loses what its replicas had not received; the agents send the newest again, transitions may be missing',
    ),
  ]
}

function failures(info: Settings): StoreWarning[] {
  return [
    ...(info.loading === '1' ? [warn('it is still loading its data')] : []),
    ...(info.aof_enabled === '1' && info.aof_last_write_status !== 'ok'
      ? [error('its last write to the append-only file failed: see its disk')]
      : []),
    ...(info.rdb_last_bgsave_status === 'err' ? [warn('its last snapshot failed: see its disk')] : []),
  ]
}
