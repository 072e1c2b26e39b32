import { chmod, mkdir, readFile, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { Server as SecureServer } from 'node:https'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { readSupportTable, shippedSupportTable } from '@fettle/catalog'
import { type Clock, Closers, type Log, systemClock } from '@fettle/kit'
import type { FastifyInstance } from 'fastify'
import { addressOf, agentAddresses, demandTls, isLoopbackHost, listenedAt } from './addresses.ts'
import { adminSocket } from './admin-socket.ts'
import { CommandError } from './command.ts'
import type { CollectorConfig } from './config.ts'
import { Core } from './core.ts'
import { createEvents, type Events } from './events.ts'
import { type CollectorMetrics, createCollectorMetrics } from './exposition/self.ts'
import { recordActs, recordBeyondRole } from './http/acts.ts'
import { adminRoutes } from './http/admin.ts'
import { apiRoutes } from './http/api.ts'
import { createApp } from './http/app.ts'
import { auditRoutes } from './http/audit.ts'
import { Access, IN_PROCESS } from './http/auth.ts'
import { authorityRoutes } from './http/authority.ts'
import { formRoutes } from './http/forms.ts'
import { type GuardedRoute, guardRoutes } from './http/guard.ts'
import { healthRoutes } from './http/health.ts'
import { metricsRoutes } from './http/metrics.ts'
import { IdentityProvider } from './http/oidc.ts'
import { pageRoutes } from './http/page.ts'
import { peopleRoutes } from './http/people.ts'
import { prefixOf, withoutPrefix } from './http/prefix.ts'
import { Sessions } from './http/sessions.ts'
import { refusePage } from './http/shell.ts'
import { cookiesOf, signInRoutes } from './http/sign-in.ts'
import { standingActs, standingRoutes } from './http/standing.ts'
import { storeRoutes } from './http/store.ts'
import { nameKept } from './members.ts'
import { within } from './proxies.ts'
import { startRetirement } from './retirement.ts'
import { serverName } from './server-name.ts'
import { shareLimits } from './share.ts'
import { oidcOf } from './sign-in-settings.ts'
import { assertNotMoved, storeUrl } from './store/move.ts'
import { openStore, shownUrl } from './store/open.ts'
import type { Store } from './store/store.ts'
import { openTls } from './tls/open.ts'
import type { Tls } from './tls/tls.ts'
import { type Trust, trustOf } from './tls/trust.ts'
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
  /** Reads certificates again, where they come from files. */
  readonly reload: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** A call of the API; the answer's body. @throws CommandError with the API's own words where it was refused */
export type Call = (method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown) => Promise<unknown>

/** The collector's parts without an open door: what both `run` and the commands on a stopped collector use. */
export type BuiltCollector = {
  readonly app: FastifyInstance
  /** Every route, and who may come to it. */
  readonly guarded: readonly GuardedRoute[]
  readonly core: Core
  readonly store: Store
  readonly events: Events
  /** Left out where plain text is served. */
  readonly tls: Tls | undefined
  readonly close: () => Promise<void>
}

/** Opens the store, loads the fleet and listens. @throws where the address needs TLS, the store cannot be opened, or the port is taken */
export async function startCollector(deps: CollectorDeps): Promise<RunningCollector> {
  const { config, log, clock = systemClock } = deps
  demandTls(config)
  const { host, port } = addressOf(config.values.listen)
  const built = await buildCollector(deps)
  const closers = new Closers()
  closers.add(built.close)
  try {
    closers.add(() => built.core.stop())
    await built.core.watch.start()
    await built.app.listen({ host, port })
    built.tls?.serve(built.app.server as SecureServer, () => built.core.welcomeAgain())
    const prefix = prefixOf(config.values.publicUrl)
    built.app.server.on('upgrade', request => {
      request.url = withoutPrefix(prefix, request.url ?? '/')
    })
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
  const agentUrl = listenedAt(built.app, config) ?? ''
  const url = agentUrl.replace(/^ws/, 'http')
  log.info({ url, hosts: built.core.fleet.size }, 'collector listens')
  const reload = async () => built.tls?.look()
  return { url, agentUrl, core: built.core, admin: callInProcess(built.app), reload, stop: () => closers.close() }
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
    const members = membersOf(config)
    const server = await serverName(store, { configured: values.name, kept: members && (await nameKept(members)), machine: hostname() })
    const tls = await openTls(config, { store, clock, events, server })
    closers.add(async () => tls?.stop())
    const trust = await trustOf(config, tls)
    const core = new Core({
      store,
      clock,
      events,
      supportTable: values.osSupport === null ? shippedSupportTable() : readSupportTable(await readFile(values.osSupport, 'utf8')),
      overrides: values.thresholds,
      software: { required: values['software.required'], forbidden: values['software.forbidden'] },
      server,
      authorities: () => trust.authorities(),
      beatMs: values.beat,
      maxBytes: values['limits.ingestBytes'],
      maxConnections: values['limits.connections'],
      admission: {
        handshakes: { perSecond: values['limits.handshakes'], burst: values['limits.handshakes'] },
        handshakesOfAddress: { perSecond: values['limits.handshakes'] / 2, burst: Math.max(1, values['limits.handshakes'] / 2) },
        strangersOfAddress: values['limits.strangersPerAddress'],
      },
      hostFrames: { ...shareLimits.frames, perSecond: values['limits.hostFrames'] },
      detail: values.detail,
      isProxy: within(values.trustedProxies),
      members,
    })
    await core.start()
    metrics.observe(core, () => clock.now())
    const { app, guarded } = await routes(config, { core, store, clock, events, metrics, tls, trust, server })
    closers.add(() => app.close())
    return { app, guarded, core, store, events, tls, close: () => closers.close() }
  } catch (error) {
    await closers.close()
    throw error
  }
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
  readonly tls: Tls | undefined
  readonly trust: Trust
  readonly server: string
}

async function routes(
  config: CollectorConfig,
  { core, store, clock, events, metrics, tls, trust, server }: RouteDeps,
): Promise<{ app: FastifyInstance; guarded: readonly GuardedRoute[] }> {
  const { values } = config
  const { host } = addressOf(values.listen)
  const secure = values.publicUrl?.startsWith('https:') ?? false
  const prefix = prefixOf(values.publicUrl)
  const isProxy = within(values.trustedProxies)
  const app = await createApp({ tls: tls?.options, secure, prefix, isProxy, version: VERSION, failed: events.failed })
  const guarded = guardRoutes(app)
  recordActs(app, core.audit)
  const now = () => clock.now()
  const oidc = await oidcOf(values)
  const ttl = { ttlMs: values['oidc.sessionTtl'], idleMs: values['oidc.sessionIdle'] }
  const kept = new Sessions({ values: store.values, clock, ...ttl })
  const sessions = oidc && kept
  const access = new Access({
    store,
    clock,
    events,
    loopbackOnly: isLoopbackHost(host),
    sessions,
    cookie: cookiesOf(secure).session,
    origin: values.publicUrl === null ? undefined : new URL(values.publicUrl).origin,
    refusePage,
    beyondRole: (request, identity, needed) => recordBeyondRole(core.audit, request, identity, needed),
  })
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
    prefix,
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
    way: () => ({ urls: agentAddresses(app, config), server, pin: trust.pin() }),
  })
  // Before the scopes that forms have: they take over only what was there before them.
  await authorityRoutes(app, { access, authorities: () => trust.authorities(), renew: tls && (usedInMs => tls.renew(usedInMs)) })
  await storeRoutes(app, { store, access, frozen: () => core.frozen, freeze: why => core.freeze(why) })
  const acts = standingActs(core, now)
  await standingRoutes(app, { core, access, acts })
  await formRoutes(app, { access, acts })
  await auditRoutes(app, { store, access })
  await peopleRoutes(app, { access, sessions: kept })
  if (oidc && sessions) {
    const provider = new IdentityProvider(oidc, clock)
    await signInRoutes(app, { access, sessions, provider, audit: core.audit, events, secure, now })
  }
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
  return { app, guarded }
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
