/** Where a Redis is, read from a store URL. */
export type RedisAddress = {
  readonly kind: 'standalone' | 'sentinel' | 'cluster'
  readonly hosts: readonly { readonly host: string; readonly port: number }[]
  /** Name of the master that the Sentinels watch. */
  readonly name: string | undefined
  readonly db: number
  readonly username: string | undefined
  readonly password: string | undefined
  readonly sentinelPassword: string | undefined
  readonly tls: boolean
  readonly prefix: string | undefined
}

const SHAPES =
  'redis://[user:password@]host[:port][/db], redis+sentinel://h1,h2/name[/db] or redis+cluster://h1,h2 (rediss… for TLS; ?prefix=…)'
const ports = { standalone: 6379, sentinel: 26379, cluster: 6379 } as const

/**
 * Reads `redis://`, `redis+sentinel://` and `redis+cluster://`, each also with `rediss` for TLS. User and password are percent-encoded; the query may
 * give `prefix` and, for Sentinels that want one, `sentinelPassword`. @throws telling what was wanted; never with the password
 */
export function readRedisAddress(url: string): RedisAddress {
  const match = /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^@/?]*)@)?([^/?@]+)(\/[^?]*)?(?:\?(.*))?$/.exec(url)
  if (!match) throw new Error(`Cannot read the address of the Redis: wanted ${SHAPES}`)
  const [, scheme, kindGiven, login, hostsGiven = '', path = '', query = ''] = match
  const kind = (kindGiven ?? 'standalone') as RedisAddress['kind']
  const parts = path.split('/').filter(part => part !== '')
  const name = kind === 'sentinel' ? parts.shift() : undefined
  if (kind === 'sentinel' && name === undefined) throw new Error(`Cannot use Sentinels without the name of the master: wanted ${SHAPES}`)
  const [username, password] = readLogin(login)
  const given = new URLSearchParams(query)
  return {
    ...{ kind, name, username, password },
    hosts: hostsGiven.split(',').map(host => readHost(host, ports[kind])),
    db: readDb(parts, kind),
    sentinelPassword: given.get('sentinelPassword') ?? undefined,
    tls: scheme === 'rediss',
    prefix: given.get('prefix') ?? undefined,
  }
}

function readLogin(login: string | undefined): [string | undefined, string | undefined] {
  if (login === undefined || login === '') return [undefined, undefined]
  const colon = login.indexOf(':')
  const [user, password] = colon < 0 ? [login, ''] : [login.slice(0, colon), login.slice(colon + 1)]
  return [decodeURIComponent(user) || undefined, decodeURIComponent(password) || undefined]
}

function readHost(text: string, fallback: number): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:\s[\]]+))(?::(\d{1,5}))?$/.exec(text.trim())
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3] ?? fallback)
  if (host === undefined || port < 1 || port > 65_535)
    throw new Error(`Cannot read the Redis host ${JSON.stringify(text)}: wanted host, host:port or [address]:port`)
  return { host, port }
}

function readDb(parts: readonly string[], kind: RedisAddress['kind']): number {
  const [db = '0', ...more] = parts
  if (more.length > 0 || !/^\d{1,4}$/.test(db))
    throw new Error(`Cannot read the Redis database ${JSON.stringify(parts.join('/'))}: wanted a number`)
  if (kind === 'cluster' && db !== '0') throw new Error('Cannot use a numbered database on a Redis Cluster: it has only database 0')
  return Number(db)
}
