import { chmod, mkdir, readFile, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { readSupportTable, shippedSupportTable } from '@fettle/catalog'
import { type Clock, Closers, type Log, systemClock } from '@fettle/kit'
import type { FastifyInstance } from 'fastify'
import { adminSocket } from './admin-socket.ts'
import { CommandError } from './command.ts'
import type { CollectorConfig } from './config.ts'
import { Core } from './core.ts'
import { createEvents, type Events } from './events.ts'
import { type CollectorMetrics, createCollectorMetrics } from './exposition/self.ts'
import { adminRoutes } from './http/admin.ts'
import { apiRoutes } from './http/api.ts'
import { createApp, type Tls } from './http/app.ts'
import { Access, IN_PROCESS } from './http/auth.ts'
import { healthRoutes } from './http/health.ts'
import { metricsRoutes } from './http/metrics.ts'
import { pageRoutes } from './http/page.ts'
import { standingRoutes } from './http/standing.ts'
import { storeRoutes } from './http/store.ts'
import { within } from './proxies.ts'
import { startRetirement } from './retirement.ts'
import { assertNotMoved, storeUrl } from './store/move.ts'
import { openStore, shownUrl } from './store/open.ts'
import type { Store } from './store/store.ts'
import { VERSION } from './version.ts'

export type CollectorDeps = { readonly config: CollectorConfig; readonly log: Log; readonly clock?: Clock }

/** A collector that runs. */
export type RunningCollector = {
  /** Where people and Prometheus come to. */
  readonly url: string
  /** Where agents connect. */
  readonly agentUrl: string
  readonly core: Core
  /** A call of the API as its administrator. */
  readonly admin: Call
  readonly stop: () => Promise<void>
}

/** A call of the API; the answer's body. @throws CommandError with the API's own words where it was refused */
export type Call = (method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown) => Promise<unknown>

/** The collector's parts without an open door: what both `run` and the commands on a stopped collector use. */
export type BuiltCollector = {
  readonly app: FastifyInstance
  readonly core: Core
  readonly store: Store
  readonly events: Events
  readonly close: () => Promise<void>
}

/** Opens the store, loads the fleet and listens. @throws where the address needs TLS, the store cannot be opened, or the port is taken */
export async function startCollector(deps: CollectorDeps): Promise<RunningCollector> {
  const { config, log, clock = systemClock } = deps
  const { host, port } = addressOf(config.values.listen)
  demandTls(config, host)
  const built = await buildCollector(deps)
  const closers = new Closers()
  closers.add(built.close)
  try {
    closers.add(() => built.core.stop())
    for (const warning of await built.store.warnings()) log.warn(warning)
    await built.app.listen({ host, port })
    built.core.gate.listen(built.app.server as Server)
    closers.add(await openAdminSocket(built.app, config.values.data))
    const remove = (hostId: string) => built.core.remove(hostId, 'ttl')
    closers.add(
      startRetirement({
        fleet: built.core.fleet,
        clock,
        ttlMs: config.values.hostTtl,
        remove,
        failed: error => built.events.failed('could not retire hosts', error),
      }),
    )
  } catch (error) {
    await closers.close()
    throw error
  }
  const secure = config.values['tls.cert'] !== null
  const agentUrl = agentUrlOf(built.app, secure) ?? ''
  const url = agentUrl.replace(/^ws/, 'http')
  log.info({ url, hosts: built.core.fleet.size }, 'collector listens')
  return { url, agentUrl, core: built.core, admin: callInProcess(built.app), stop: () => closers.close() }
}

/** The administrator's calls on routes of this process. */
export function callInProcess(app: FastifyInstance): Call {
  return async (method, path, body) => {
    const answer = await app.inject({
      method,
      url: path,
      remoteAddress: IN_PROCESS,
      ...(body === undefined ? {} : { payload: body as object }),
    })
    return answered(answer.statusCode, answer.body)
  }
}

/** The body of an answer of the API. @throws CommandError */
export function answered(status: number, text: string): unknown {
  const body = JSON.parse(text || 'null') as { error?: string } | null
  if (status >= 400) throw new CommandError(body?.error ?? `the collector answered ${status}`)
  return body
}

/** Where agents connect; undefined while nothing listens. */
function agentUrlOf(app: FastifyInstance, secure: boolean): string | undefined {
  const bound = app.server.address() as AddressInfo | null
  if (!bound) return undefined
  return `${secure ? 'wss' : 'ws'}://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`
}

/** Store, fleet and routes, with nothing listening. */
export async function buildCollector({ config, log, clock = systemClock }: CollectorDeps): Promise<BuiltCollector> {
  const { values } = config
  const closers = new Closers()
  try {
    await mkdir(values.data, { recursive: true, mode: 0o700 })
    const metrics = createCollectorMetrics(VERSION)
    const events = createEvents(log, metrics)
    const store = await openStore(storeUrl(config), { clock })
    closers.add(() => store.close())
    await assertNotMoved(store)
    const core = new Core({
      store,
      clock,
      events,
      supportTable: values.osSupport === null ? shippedSupportTable() : readSupportTable(await readFile(values.osSupport, 'utf8')),
      overrides: values.thresholds,
      server: await nameOf(store, values.name),
      beatMs: values.beat,
      maxBytes: values['limits.ingestBytes'],
      maxConnections: values['limits.connections'],
      detail: values.detail,
      isProxy: within(values.trustedProxies),
      members: membersOf(config),
    })
    await core.start()
    metrics.observe(core, () => clock.now())
    const app = await routes(config, { core, store, clock, events, metrics })
    closers.add(() => app.close())
    return { app, core, store, events, close: () => closers.close() }
  } catch (error) {
    await closers.close()
    throw error
  }
}

/** Value that keeps what the collectors of a store call themselves. */
const NAME = 'server-name'

/**
 * What the collector calls itself, the same on every collector of a store: agents sign for this name alone.
 * @throws where the configuration wants another than agents know
 */
async function nameOf(store: Store, wanted: string | null): Promise<string> {
  const name = await store.values.putFirst(NAME, wanted ?? hostname(), null)
  if (wanted === null || wanted === name) return name
  for await (const _ of store.load()) {
    throw new Error(
      `Cannot use the name ${JSON.stringify(wanted)}: the agents of this store know the collector as ${JSON.stringify(name)}; set \`name\` to that`,
    )
  }
  await store.values.put(NAME, wanted, null)
  return wanted
}

/** A file of SQLite is there whole or not at all; a Redis may be wiped. */
function membersOf(config: CollectorConfig): { path: string; storeName: string } | undefined {
  const url = storeUrl(config)
  return url.startsWith('sqlite:') ? undefined : { path: join(config.values.data, 'members.json'), storeName: shownUrl(url) }
}

type RouteDeps = {
  readonly core: Core
  readonly store: Store
  readonly clock: Clock
  readonly events: Events
  readonly metrics: CollectorMetrics
}

async function routes({ values }: CollectorConfig, { core, store, clock, events, metrics }: RouteDeps): Promise<FastifyInstance> {
  const { host } = addressOf(values.listen)
  const app = await createApp({ tls: await tlsOf(values['tls.cert'], values['tls.key']), version: VERSION, failed: events.failed })
  const now = () => clock.now()
  const access = new Access({ store, now, loopbackOnly: isLoopbackHost(host) })
  const { fleet, exposition } = core
  await healthRoutes(app, () => core.problems())
  await metricsRoutes(app, {
    fleet,
    exposition,
    registry: metrics.registry,
    access,
    events,
    now,
    shards: values.shards,
    secure: values['tls.cert'] !== null,
  })
  await apiRoutes(app, {
    fleet,
    store,
    access,
    now,
    remove: hostId => core.remove(hostId, 'operator'),
    refresh: (hostId, keys) => core.refresh(hostId, keys),
  })
  await adminRoutes(app, {
    store,
    access,
    clock,
    tokensChanged: () => core.tokensChanged(),
    // No other machine can connect to "every address".
    agentUrl: () => agentUrlOf(app, values['tls.cert'] !== null)?.replace(/\/\/(0\.0\.0\.0|\[::\]):/, `//${hostname()}:`),
  })
  await standingRoutes(app, { core, access, now })
  await storeRoutes(app, { store, access, frozen: () => core.frozen, freeze: why => core.freeze(why) })
  await pageRoutes(app, {
    fleet,
    access,
    now,
    fault: () => (core.ingest.fault ? String((core.ingest.fault.error as Error).message) : undefined),
  })
  app.get('/api/v1/openapi.json', { onRequest: access.need('viewer'), schema: { summary: 'This description', tags: ['api'] } }, async () =>
    app.swagger(),
  )
  await app.ready()
  return app
}

/** `host:port` taken apart; the host without brackets. */
export function addressOf(listen: string): { readonly host: string; readonly port: number } {
  const colon = listen.lastIndexOf(':')
  return { host: listen.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(listen.slice(colon + 1)) }
}

function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

function demandTls({ values }: CollectorConfig, host: string): void {
  if (isLoopbackHost(host) || values.allowPlain || values['tls.cert'] !== null) return
  throw new Error(
    `Cannot listen on ${values.listen} without TLS: set tls.cert and tls.key, or allowPlain behind a proxy that does TLS, or listen on 127.0.0.1`,
  )
}

async function tlsOf(cert: string | null, key: string | null): Promise<Tls | undefined> {
  if (cert === null && key === null) return undefined
  if (cert === null || key === null)
    throw new Error(`Cannot serve TLS with only ${cert === null ? 'tls.key' : 'tls.cert'}: set both tls.cert and tls.key`)
  const pem = { cert: await pemOf('tls.cert', cert), key: await pemOf('tls.key', key) }
  try {
    createSecureContext(pem)
  } catch (error) {
    throw new Error(`Cannot serve TLS with ${cert} and ${key}: ${(error as Error).message}`, { cause: error })
  }
  return pem
}

async function pemOf(setting: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    throw new Error(`Cannot read ${setting} ${path}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`, { cause: error })
  }
}

/** The same routes on a Unix socket that only this user may open: how `fettle-collector token create` reaches a running collector. */
async function openAdminSocket(app: FastifyInstance, data: string): Promise<() => Promise<void>> {
  const path = adminSocket(data)
  await rm(path, { force: true })
  const server = createServer((request, response) => app.routing(request, response))
  server.on('connection', socket => {
    ;(socket as { adminSocket?: true }).adminSocket = true
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve))
  await chmod(path, 0o600)
  return async () => {
    server.closeAllConnections()
    await new Promise<void>(resolve => server.close(() => resolve()))
    await rm(path, { force: true })
  }
}
