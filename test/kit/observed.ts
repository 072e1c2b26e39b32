import { type Clock, systemClock } from '@fettle/kit'
import { openStateDir } from '../../agent/src/host/state.ts'
import { openIdentity } from '../../agent/src/identity.ts'
import { Link } from '../../agent/src/link.ts'
import { Outbox } from '../../agent/src/outbox.ts'
import { testLog } from './log.ts'

/** The fact that says how far an observer has counted. */
export const KEY = 'clock/chrony'

/** The agent's own outbox and link, with a machine whose state is a number. */
export type Observer = {
  readonly hostId: string
  readonly outbox: Outbox
  readonly connected: boolean
  /** The machine changes to this. Resolves once the outbox has it for good. */
  observe(value: number): Promise<void>
  stop(): Promise<void>
  /** Ends without writing anything any more, as a crash does. */
  crash(): Promise<void>
}

export type ObserverParts = {
  /** State folder. */
  readonly folder: string
  /** Of the collector, whole. */
  readonly url: string
  readonly token: string
  readonly instance?: string
  readonly clock?: Clock
  /** PEM of the authority that the collector's certificate comes from. */
  readonly ca?: string
  /** Interval of the looks, ms. */
  readonly everyMs?: number
  /** Random numbers 0..1 for the pauses between tries. */
  readonly random?: () => number
}

/** What the state folder of an observer holds. */
export async function openOutbox(folder: string, clock: Clock = systemClock): Promise<Outbox> {
  return await Outbox.open({ state: await openStateDir(folder), clock, log: testLog('observer'), fresh: false })
}

/** Opens the state folder and connects. */
export async function openObserver(parts: ObserverParts): Promise<Observer> {
  const { folder, url, token, instance = 'observer', clock = systemClock, ca, everyMs = 300_000, random } = parts
  const log = testLog('observer')
  const state = await openStateDir(folder)
  const identity = await openIdentity(state)
  const outbox = await Outbox.open({ state, clock, log, fresh: identity.fresh })
  const enrol = { token, publicKey: identity.publicKey, instance, labels: {} }
  const link = new Link({
    target: () => ({ urls: [url], ca: ca ?? null }),
    identity,
    outbox,
    clock,
    log,
    version: 'test',
    introduction: () => ({ enrol }),
    onWelcome: async () => true,
    server: () => null,
    onRefresh: () => {},
    ...(random ? { random } : {}),
  })
  link.start()
  const observe = (value: number) => outbox.observe({ key: KEY, at: clock.now(), everyMs, tookMs: 1, outcome: 'ok', data: dataOf(value) })
  return {
    hostId: identity.hostId,
    outbox,
    get connected() {
      return link.connected
    },
    observe,
    async stop() {
      await link.stop()
      await outbox.close()
    },
    crash: () => link.stop(),
  }
}

function dataOf(stratum: number) {
  return { synchronized: true, service: 'chronyd', enabled: true, reference: null, stratum, offsetSeconds: 0, lastSyncAt: null }
}
