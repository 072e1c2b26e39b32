import { createPrivateKey, type KeyObject, randomBytes, X509Certificate } from 'node:crypto'
import { open, readFile, rename } from 'node:fs/promises'
import type { Clock } from '@fettle/kit'
import * as v from 'valibot'
import type { Events } from '../events.ts'
import { type Store, StoreUnavailable } from '../store/store.ts'
import { type KeyPair, makeAuthority, makeCertificate } from './certificates.ts'
import type { Served, Source } from './served.ts'

const DAY = 24 * 3_600_000
const YEAR = 365 * DAY

/** Every time in the life of an own authority, ms. */
export const authorityLimits = {
  lifeMs: 10 * YEAR,
  /** The next one is made, and told to agents, this long before the present one ends. */
  nextMs: 3 * YEAR,
  /** The next one is used from this long before the present one ends. */
  usedMs: YEAR,
  /** It is told at least this long before it is used, unless the present one ends sooner. */
  toldMs: YEAR,
  /** Life of a server's certificate. */
  certificateLifeMs: 90 * DAY,
  /** It is renewed this long before it ends. */
  renewMs: 30 * DAY,
  /** Certificates begin this long before they are made: clocks of agents differ. */
  earlierMs: DAY,
  /** How often it is looked whether something is due. */
  lookMs: 60_000,
} as const

/** Names of the values in the store begin so; the number of the generation follows. */
const VALUE = 'authority:'

const pairSchema = v.object({ key: v.string(), certificate: v.string(), usedFrom: v.optional(v.number()) })
const fileSchema = v.object({ store: v.string(), generations: v.record(v.string(), v.string()) })

/** One authority of those that follow each other. */
type Generation = {
  readonly number: number
  readonly text: string
  readonly certificate: X509Certificate
  readonly key: KeyObject
  /** When it replaces all before it, epoch ms; undefined where it follows in its time. */
  readonly usedFrom: number | undefined
}

type Deps = {
  readonly values: Store['values']
  readonly clock: Clock
  readonly events: Pick<Events, 'authority' | 'failed'>
  /** What the collector calls itself. */
  readonly server: string
  /** DNS names and addresses that agents dial. */
  readonly names: readonly [string, ...string[]]
  /** Seals the authorities' keys wherever they are kept; null: they are kept as they are. */
  readonly passphrase: string | null
  /** File that keeps them as well, beside a store that may be wiped, and the name of that store. */
  readonly file: { readonly path: string; readonly storeName: string } | undefined
}

/**
 * The collectors' own certificate authority. Its generations are kept where all collectors of a store find them: whoever makes one first makes it for
 * all, and what was made is never changed. Each collector signs its own certificate, whose key is in its memory only.
 */
export class Authority implements Source {
  readonly everyMs = authorityLimits.lookMs
  readonly #deps: Deps
  #generations: readonly Generation[] = []
  /** The same once the store had them. */
  #agreed: readonly Generation[] | undefined
  #issued: (KeyPair & { readonly by: Generation; readonly from: number; readonly until: number }) | undefined

  private constructor(deps: Deps) {
    this.#deps = deps
  }

  /** @throws where the store is away, or a key that is kept cannot be opened */
  static async open(deps: Deps): Promise<Authority> {
    const authority = new Authority(deps)
    authority.#generations = await authority.#fromFile()
    await authority.#agree()
    return authority
  }

  async read(): Promise<Served> {
    await this.#agree().catch(error => {
      // What is known suffices to serve and to sign until the store is back.
      if (!(error instanceof StoreUnavailable)) throw error
    })
    const now = this.#deps.clock.now()
    const used = inUse(this.#generations, now)
    const { key, certificate, until } = await this.#certificateOf(used, now)
    // One that replaced those before it before their time did so for a reason: nobody is to trust them any more.
    const isTrusted = (other: Generation) => other.number > used.number || used.usedFrom === undefined
    const others = this.#generations.filter(other => other !== used && ends(other) > now && isTrusted(other))
    return {
      cert: certificate + used.certificate.toString(),
      key,
      expiresAt: until,
      authorities: [used, ...others].map(one => one.certificate.toString()),
      authorityExpiresAt: ends(used),
    }
  }

  /** The next generation, for a key that may have been stolen: once it is used, agents are told of it alone. @throws where one is on its way already */
  async renew(usedInMs: number): Promise<void> {
    await this.#agree()
    const now = this.#deps.clock.now()
    const coming = this.#generations.find(one => one.usedFrom !== undefined && one.usedFrom > now)
    if (coming?.usedFrom !== undefined)
      throw new Error(`Cannot make another certificate authority: the next one is used from ${new Date(coming.usedFrom).toISOString()} on`)
    const last = Math.max(...this.#generations.map(one => one.number))
    await this.#put(await this.#made(last + 1, now + usedInMs), 'made')
    await this.#agree()
  }

  async #certificateOf(by: Generation, now: number): Promise<KeyPair & { readonly until: number }> {
    const { earlierMs, certificateLifeMs, renewMs } = authorityLimits
    const had = this.#issued
    if (had && had.by.number === by.number && now >= had.from && now < had.until - renewMs) return had
    const from = now - earlierMs
    const until = Math.min(now + certificateLifeMs, ends(by))
    if (had?.by.number === by.number && had.until === until) return had
    const pair = await makeCertificate({ key: by.key, certificate: by.certificate }, this.#deps.names, { from, until })
    this.#issued = { ...pair, by, from, until }
    return this.#issued
  }

  /** What the store has and what is known here become one; the store wins. Makes the next generation when it is due. */
  async #agree(): Promise<void> {
    const { values, clock } = this.#deps
    const before = this.#generations
    const found = new Map<number, Generation>()
    for (const name of await values.names(VALUE)) {
      const number = Number(name.slice(VALUE.length))
      const text = await values.get(name)
      if (text !== undefined) found.set(number, this.#taken(number, text))
    }
    for (const one of before) if (!found.has(one.number)) found.set(one.number, await this.#put(one, 'restored'))
    const last = Math.max(0, ...found.keys())
    const newest = found.get(last)
    if (!newest || clock.now() >= ends(newest) - authorityLimits.nextMs)
      found.set(last + 1, await this.#put(await this.#made(last + 1), 'made'))
    await this.#keep([...found.values()].sort((a, b) => a.number - b.number))
  }

  async #keep(generations: readonly Generation[]): Promise<void> {
    const { values, passphrase, events } = this.#deps
    const same = generations.length === this.#agreed?.length && generations.every((one, i) => one === this.#agreed?.[i])
    if (same) return
    const sealed: Generation[] = []
    for (const one of generations) {
      if (passphrase === null || isSealed(one)) sealed.push(one)
      else {
        const next = { ...one, text: textOf(one, passphrase) }
        await values.put(`${VALUE}${one.number}`, next.text, null)
        sealed.push(next)
      }
    }
    this.#generations = sealed
    this.#agreed = sealed
    await this.#toFile().catch(error => events.failed('cannot keep the certificate authority in a file', error))
  }

  async #made(number: number, usedFrom?: number): Promise<Generation> {
    const { clock, server, passphrase } = this.#deps
    const now = clock.now()
    const name = `Fettle ${server.slice(0, 40)} ${number} ${randomBytes(4).toString('hex')}`
    const pair = await makeAuthority(name, { from: now - authorityLimits.earlierMs, until: now + authorityLimits.lifeMs })
    const made = { number, certificate: new X509Certificate(pair.certificate), key: createPrivateKey(pair.key), usedFrom }
    return { ...made, text: textOf(made, passphrase) }
  }

  /** @returns the generation that holds now: another collector may have been faster */
  async #put(wanted: Generation, what: 'made' | 'restored'): Promise<Generation> {
    const { values, events } = this.#deps
    const text = await values.putFirst(`${VALUE}${wanted.number}`, wanted.text, null)
    if (text === wanted.text) events.authority(what, wanted.certificate.subject, ends(wanted))
    return text === wanted.text ? wanted : this.#taken(wanted.number, text)
  }

  /** What the store has. It is told where this collector knew another: agents that trust that one are cut off. */
  #taken(number: number, text: string): Generation {
    const known = this.#generations.find(one => one.number === number)
    if (known?.text === text) return known
    const taken = this.#opened(number, text)
    if (known && known.certificate.fingerprint256 !== taken.certificate.fingerprint256)
      this.#deps.events.authority('replaced', taken.certificate.subject, ends(taken))
    return taken
  }

  #opened(number: number, text: string): Generation {
    const { passphrase } = this.#deps
    const { key, certificate, usedFrom } = v.parse(pairSchema, JSON.parse(text))
    const sealed = key.includes('ENCRYPTED')
    if (sealed && passphrase === null)
      throw new Error(
        "Cannot open the key of the collector's certificate authority: it is encrypted; set tls.passphrase to what it was encrypted with",
      )
    try {
      const opened = createPrivateKey(sealed ? { key, passphrase: passphrase ?? '' } : key)
      return { number, text, certificate: new X509Certificate(certificate), key: opened, usedFrom }
    } catch (cause) {
      throw new Error("Cannot open the key of the collector's certificate authority: tls.passphrase is not what it was encrypted with", {
        cause,
      })
    }
  }

  async #fromFile(): Promise<Generation[]> {
    const { file, events } = this.#deps
    const text = file && (await readFile(file.path, 'utf8').catch(() => undefined))
    if (text === undefined) return []
    try {
      const { store, generations } = v.parse(fileSchema, JSON.parse(text))
      if (store !== file?.storeName) return []
      return Object.entries(generations).map(([number, one]) => this.#opened(Number(number), one))
    } catch (error) {
      events.failed(`cannot read ${file?.path}, and go on without it`, error)
      return []
    }
  }

  async #toFile(): Promise<void> {
    const { file } = this.#deps
    if (!file) return
    const kept = { store: file.storeName, generations: Object.fromEntries(this.#generations.map(one => [one.number, one.text])) }
    const part = await open(`${file.path}.part`, 'w', 0o600)
    try {
      await part.writeFile(JSON.stringify(kept))
      await part.sync()
    } finally {
      await part.close()
    }
    await rename(`${file.path}.part`, file.path)
  }
}

function ends({ certificate }: Pick<Generation, 'certificate'>): number {
  return certificate.validToDate.getTime()
}

function isSealed({ text }: Generation): boolean {
  return text.includes('ENCRYPTED')
}

function textOf({ key, certificate, usedFrom }: Omit<Generation, 'text' | 'number'>, passphrase: string | null): string {
  const seal = passphrase === null ? {} : { cipher: 'aes-256-cbc', passphrase }
  const pem = key.export({ type: 'pkcs8', format: 'pem', ...seal }).toString()
  return JSON.stringify({ key: pem, certificate: certificate.toString(), usedFrom })
}

/** Which generation signs now: the last one whose time has come. */
function inUse([first, ...later]: readonly Generation[], now: number): Generation {
  if (!first) throw new Error('Cannot serve TLS: there is no certificate authority')
  let used = first
  for (const next of later) if (now >= usedFrom(used, next)) used = next
  return used
}

function usedFrom(present: Generation, next: Generation): number {
  if (next.usedFrom !== undefined) return next.usedFrom
  const { usedMs, toldMs, earlierMs, certificateLifeMs } = authorityLimits
  const told = next.certificate.validFromDate.getTime() + earlierMs + toldMs
  return Math.min(Math.max(ends(present) - usedMs, told), ends(present) - certificateLifeMs)
}
