import { createHash, randomBytes } from 'node:crypto'
import type { Clock } from '@fettle/kit'
import { StoreUnavailable, type Values } from '../store/store.ts'
import type { ApiRole } from './auth.ts'

/** Somebody who signed in, with the role that their groups gave them then. */
export type Person = {
  /** The provider's name of the person, for ever the same. */
  readonly subject: string
  /** For people to read: the mail address where the provider tells one. */
  readonly name: string
  readonly role: ApiRole
}
/** A session as it is kept. */
export type Kept = Person & {
  /** Its end at the latest, epoch ms. */
  readonly endsAt: number
}

/** How long a session that was looked up is believed, ms: one that was ended elsewhere is over within this. */
const BELIEVED_MS = 5_000
/** Sessions that are remembered between two looks. */
const MOST_REMEMBERED = 1_000

type Remembered = { session: Kept | undefined; at: number; seenAt: number; renewedAt: number }

/**
 * Sessions of people, in the store, so that every collector knows them. The store holds a hash of what the browser shows, never the value. That a
 * session was used lately is a value of its own: renewing it can never bring back a session that was ended meanwhile.
 */
export class Sessions {
  readonly #values: Values
  readonly #clock: Clock
  /** Longest life of a session, ms. */
  readonly ttlMs: number
  readonly #idleMs: number
  readonly #remembered = new Map<string, Remembered>()

  constructor(deps: { values: Values; clock: Clock; ttlMs: number; idleMs: number }) {
    this.#values = deps.values
    this.#clock = deps.clock
    this.ttlMs = deps.ttlMs
    this.#idleMs = deps.idleMs
  }

  /** @returns what the browser is to show from now on: 192 random bits */
  async begin(person: Person): Promise<string> {
    const shown = randomBytes(24).toString('base64url')
    const name = hashOf(shown)
    const kept: Kept = { ...person, endsAt: this.#clock.now() + this.ttlMs }
    await this.#values.put(`session-seen:${name}`, '1', this.#idleMs)
    await this.#values.put(`session:${name}`, JSON.stringify(kept), this.ttlMs)
    return shown
  }

  /** Whether this session is remembered here, so that finding it costs the store little. */
  isRemembered(shown: string): boolean {
    return this.#remembered.get(hashOf(shown))?.session !== undefined
  }

  /** @returns undefined where there is no such session, or none any more. @throws StoreUnavailable */
  async find(shown: string): Promise<Person | undefined> {
    const name = hashOf(shown)
    const now = this.#clock.now()
    const before = this.#remembered.get(name)
    const found = before && now - before.at < BELIEVED_MS ? before : await this.#look(name, before)
    if (!found.session || found.session.endsAt <= now || now - found.seenAt > this.#idleMs) return undefined
    found.seenAt = now
    if (now - found.renewedAt > this.#idleMs / 10) {
      found.renewedAt = now
      await this.#values.put(`session-seen:${name}`, '1', this.#idleMs).catch(unlessAway)
    }
    return found.session
  }

  /** Who is signed in now, by name. */
  async list(): Promise<Kept[]> {
    const now = this.#clock.now()
    return (await this.#all()).flatMap(({ kept }) => (kept.endsAt > now ? [kept] : [])).sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** Ends all sessions of a person. @param person name or subject. @returns how many there were */
  async endAll(person: string): Promise<number> {
    const theirs = (await this.#all()).filter(({ kept }) => kept.name === person || kept.subject === person)
    for (const { name } of theirs) await this.#end(name)
    return theirs.length
  }

  async #all(): Promise<{ name: string; kept: Kept }[]> {
    const names = await this.#values.names('session:')
    const texts = await Promise.all(names.map(name => this.#values.get(name)))
    return names.flatMap((name, i) => {
      const text = texts[i]
      return text === undefined ? [] : [{ name: name.slice('session:'.length), kept: JSON.parse(text) as Kept }]
    })
  }

  async end(shown: string): Promise<void> {
    await this.#end(hashOf(shown))
  }

  async #end(name: string): Promise<void> {
    this.#remembered.delete(name)
    await this.#values.take(`session:${name}`)
    await this.#values.take(`session-seen:${name}`)
    this.#remembered.delete(name)
  }

  async #look(name: string, before: Remembered | undefined): Promise<Remembered> {
    try {
      const [text, seen] = await Promise.all([this.#values.get(`session:${name}`), this.#values.get(`session-seen:${name}`)])
      const now = this.#clock.now()
      const session = text === undefined || seen === undefined ? undefined : (JSON.parse(text) as Kept)
      const found = { session, at: now, seenAt: now, renewedAt: before?.renewedAt ?? Number.NEGATIVE_INFINITY }
      // Only real sessions take a place: what anybody can make up would push them out.
      if (session) this.#remember(name, found)
      else this.#remembered.delete(name)
      return found
    } catch (error) {
      // While the store is away who was signed in before stays so; nobody else gets in.
      if (before?.session && error instanceof StoreUnavailable) return before
      throw error
    }
  }

  #remember(name: string, found: Remembered): void {
    this.#remembered.delete(name)
    this.#remembered.set(name, found)
    const oldest = this.#remembered.keys().next().value
    if (this.#remembered.size > MOST_REMEMBERED && oldest !== undefined) this.#remembered.delete(oldest)
  }
}

function unlessAway(error: unknown): void {
  if (!(error instanceof StoreUnavailable)) throw error
}

function hashOf(shown: string): string {
  return createHash('sha256').update(shown).digest('hex')
}
