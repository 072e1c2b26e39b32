import type { Clock, Log } from '@fettle/kit'
import { type Enrolment, type Frame, readEnrolment } from '@fettle/protocol'
import { nextAuthorities, readAuthority } from './authorities.ts'
import type { AgentConfig } from './config.ts'
import { Dialler } from './dial.ts'
import type { StateDir } from './host/state.ts'
import type { Host } from './host.ts'
import type { Identity } from './identity.ts'
import { Link } from './link.ts'
import { type Membership, readMembership, writeMembership } from './membership.ts'
import type { Outbox } from './outbox.ts'
import { isVerified, readAddress, type Target } from './target.ts'
import { version } from './version.ts'

type Needs = {
  readonly config: Pick<AgentConfig, 'collector' | 'instance' | 'labels'>
  readonly host: Pick<Host, 'hostname' | 'text'>
  readonly clock: Clock
  readonly log: Log
  readonly state: StateDir
  readonly identity: Identity
  readonly outbox: Outbox
  onRefresh(keys: readonly string[]): void
  /** A connection stands again after none did. */
  onRestored(): void
}

/** The link to the collector that the configuration or an enrolment names; undefined where there is none yet. @throws where an address cannot be used */
export async function belong(needs: Needs): Promise<Link | undefined> {
  const { config, identity, log } = needs
  const place = await placeOf(needs)
  if (!place) {
    log.warn('no collector is known: enrol this machine with fettle-agent enroll')
    return undefined
  }
  const { instance, token } = place
  const dialler = diallerOf(needs)
  const keeper = new Keeper({ ...needs, dialler }, place)
  return new Link({
    ...needs,
    dialler,
    version,
    target: () => keeper.target(),
    introduction: () => ({
      ...(keeper.enrolled || !token ? {} : { enrol: { token, publicKey: identity.publicKey, instance, labels: config.labels } }),
      ...(keeper.known.linkToken === null ? {} : { linkToken: keeper.known.linkToken }),
    }),
    onRefused: () => {
      keeper.enrolled = false
    },
    server: () => keeper.known.server,
    onWelcome: (welcome, server, address) => keeper.welcomed(welcome, server, address),
  })
}

/** Opens connections as this machine is configured to. */
export function diallerOf({ config, host }: Pick<Needs, 'config' | 'host'>): Dialler {
  const { proxies, proxyPasswordFile, minVersion } = config.collector
  const own = proxies?.own
  return new Dialler({
    ...(proxies ? { proxies } : {}),
    ...(minVersion ? { minVersion } : {}),
    ...(proxyPasswordFile && own && own !== 'none' ? { password: async () => (await host.text(proxyPasswordFile)).trim() } : {}),
  })
}

/** Where this machine belongs, as far as it is known. */
type Place = {
  readonly membership: Membership
  /** Whether that is what an enrolment left on this machine. */
  readonly kept: boolean
  readonly pin: string | null
  readonly token: string | null
  readonly instance: string
}

async function placeOf({ config, host, state }: Needs): Promise<Place | undefined> {
  const { collector } = config
  const kept = await readMembership(state)
  const told: Enrolment | undefined = collector.enrolment ? readEnrolment(collector.enrolment) : undefined
  const instance = config.instance ?? kept?.instance ?? host.hostname
  const allowPlain = collector.allowPlain || kept?.allowPlain === true
  const wanted = collector.url === null ? (told?.urls ?? kept?.urls) : [collector.url, ...(collector.fallbacks ?? [])]
  if (!wanted) return undefined
  const urls = wanted.map(address => readAddress(address, allowPlain ? 'allowed' : 'refused'))
  const token = collector.token ?? told?.token ?? null
  // An enrolment string stays in the configuration of a machine that has long followed its collector to other authorities.
  const same = kept && (collector.url === null ? told === undefined || told.server === kept.server : kept.urls.includes(urls[0] ?? ''))
  const addresses = collector.url === null ? kept?.urls : urls
  if (same)
    return {
      membership: { ...kept, urls: addresses ?? urls, caFile: collector.caFile ?? kept.caFile, allowPlain },
      kept: true,
      pin: null,
      token,
      instance,
    }
  const { caFile } = collector
  const membership = { urls, caFile, authorities: [], allowPlain, instance, server: told?.server ?? null, linkToken: null }
  return { membership, kept: false, pin: told?.pin ?? null, token, instance }
}

/** What is known of the collector, on the disk and in memory. */
class Keeper {
  known: Membership
  /** The token is only shown where it is needed: before the first welcome, or where the collector has forgotten this machine. */
  enrolled: boolean
  readonly #needs: Needs & { readonly dialler: Dialler }
  readonly #pin: string | null
  #written: boolean

  constructor(needs: Needs & { readonly dialler: Dialler }, { membership, kept, pin }: Place) {
    this.#needs = needs
    this.known = membership
    this.#pin = pin
    this.#written = kept
    this.enrolled = kept
  }

  async target(): Promise<Target> {
    const { urls, authorities } = this.known
    const [first, ...others] = urls
    if (first === undefined) throw new Error('Cannot connect: no address of the collector is known; enrol this machine again')
    if (this.#pin !== null && authorities.length === 0) {
      const found = await findAuthority(urls, this.#pin, this.#needs.dialler)
      this.known = { ...this.known, authorities: [found.authority] }
      return { urls: [found.url, ...urls.filter(url => url !== found.url)], ca: found.authority }
    }
    const trusted = await this.#trusted()
    return { urls: [first, ...others], ca: trusted.length === 0 ? null : trusted.join('') }
  }

  /** What the file of the configuration holds, and what the collector has told since. */
  async #trusted(): Promise<string[]> {
    const { caFile, authorities } = this.known
    return [...(caFile === null ? [] : [await this.#needs.host.text(caFile)]), ...authorities]
  }

  /** @returns whether what the collector gave is on the disk now */
  async welcomed(welcome: Frame<'welcome'>, server: string, address: string): Promise<boolean> {
    const { log, state } = this.#needs
    const { known } = this
    // What came in plain text was verified by nobody.
    const present = known.urls.every(isVerified) ? await this.#trusted() : []
    const authorities = [...(nextAuthorities(welcome.authorities, present) ?? known.authorities)]
    const next = { ...known, authorities, instance: welcome.instance, server, linkToken: welcome.linkToken ?? known.linkToken }
    log.info({ url: address, instance: welcome.instance }, 'connected to the collector')
    this.enrolled = true
    if (this.#written && JSON.stringify(next) === JSON.stringify(known)) return true
    try {
      await writeMembership(state, next)
      this.known = next
      this.#written = true
      return true
    } catch (error) {
      // The collector is shown what is on the disk: a token that a restart forgets would look like a copy of this machine.
      this.known = { ...next, linkToken: known.linkToken }
      log.warn({ reason: (error as Error).message }, 'cannot keep the enrolment')
      return false
    }
  }
}

/** The first of some addresses that shows the authority of a pin, and that authority. @throws with what each of them said */
export async function findAuthority(
  urls: readonly string[],
  pin: string,
  dialler: Dialler,
): Promise<{ readonly url: string; readonly authority: string }> {
  const failures: string[] = []
  for (const url of urls) {
    try {
      return { url, authority: await readAuthority(url, pin, signal => dialler.open(url, signal)) }
    } catch (error) {
      failures.push(`${url}: ${(error as Error).message}`)
    }
  }
  throw new Error(failures.join('; '))
}
