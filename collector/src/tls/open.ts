import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '@fettle/kit'
import type { CollectorConfig } from '../config.ts'
import type { Events } from '../events.ts'
import { storeUrl } from '../store/move.ts'
import { shownUrl } from '../store/open.ts'
import type { Store } from '../store/store.ts'
import { givenCertificate } from './given.ts'
import type { Source } from './served.ts'
import { Tls } from './tls.ts'

type Deps = {
  readonly store: Store
  readonly clock: Clock
  readonly events: Events /** What the collector calls itself. */
  readonly server: string
}

/** Whether the configuration says that TLS is served. */
export function isSecure({ values }: CollectorConfig): boolean {
  return values['tls.own'] || values['tls.cert'] !== null || values['tls.key'] !== null
}

/** TLS as the configuration says; undefined where plain text is served. @throws where what it names cannot be used */
export async function openTls(config: CollectorConfig, deps: Deps): Promise<Tls | undefined> {
  if (!isSecure(config)) return undefined
  const { clock, events } = deps
  const source = config.values['tls.own'] ? await ownSource(config, deps) : givenSource(config)
  return Tls.open({ source, clock, events, minVersion: config.values['tls.minVersion'] })
}

function givenSource({ values }: CollectorConfig): Source {
  const { 'tls.cert': cert, 'tls.key': key, 'tls.ca': ca } = values
  if (cert === null || key === null)
    throw new Error(`Cannot serve TLS with only ${cert === null ? 'tls.key' : 'tls.cert'}: set both tls.cert and tls.key`)
  return givenCertificate({ cert, key, ca })
}

async function ownSource(config: CollectorConfig, { store, clock, events, server }: Deps): Promise<Source> {
  const { values } = config
  if (values['tls.cert'] !== null || values['tls.key'] !== null)
    throw new Error('Cannot serve TLS with both tls.own and tls.cert: wanted either an own authority or given files')
  const url = storeUrl(config)
  // Loaded only here: what makes certificates takes 20 MB.
  const { Authority } = await import('./authority.ts')
  return Authority.open({
    values: store.values,
    clock,
    events,
    server,
    names: namesOf(config, server),
    passphrase: values['tls.passphrase'],
    file: url.startsWith('sqlite:') ? undefined : { path: join(values.data, 'authority.json'), storeName: shownUrl(url) },
  })
}

/** Every name that an agent may dial: those of the configuration, this machine's own, and loopback. */
export function namesOf({ values }: Pick<CollectorConfig, 'values'>, server: string): readonly [string, ...string[]] {
  const listened = values.listen.slice(0, values.listen.lastIndexOf(':')).replace(/^\[|\]$/g, '')
  const dialled = [...values.addresses, ...(values.publicUrl === null ? [] : [values.publicUrl])].map(address => hostOf(address))
  const wildcard = listened === '0.0.0.0' || listened === '::'
  const all = [...values['tls.names'], ...dialled, hostname(), server, ...(wildcard ? [] : [listened]), 'localhost', '127.0.0.1', '::1']
  const [first = 'localhost', ...others] = new Set(all.filter(isName))
  return [first, ...others]
}

function hostOf(address: string): string {
  try {
    return new URL(/^[a-z]+:\/\//i.test(address) ? address : `wss://${address}`).hostname.replace(/^\[|\]$/g, '')
  } catch {
    throw new Error(`Cannot use the address ${JSON.stringify(address)}: wanted wss://name or wss://name:port`)
  }
}

/** A DNS name, with a star in front perhaps, or an IP address: what a certificate can be for. A name of the collector may be any words. */
function isName(text: string): boolean {
  return /^(\*\.)?[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9])?$/i.test(text) || (/^[0-9a-f:.]+$/i.test(text) && text.includes(':'))
}
