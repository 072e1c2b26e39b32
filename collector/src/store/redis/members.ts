import { instanceCandidates, noNameLeft } from '../instances.ts'
import { BUCKETS, bucketOf, FEED_KEPT, type HostMeta, type LinkAnswer, type Standing, type Token } from '../store.ts'
import type { Keys } from './keys.ts'
import { metaText, readMeta, readToken, standingText, tokenText } from './rows.ts'
import type { scripts } from './scripts.ts'

/** What was removed is not restored for this long, s: longer than a collector is cut off and still trusts its memory. */
const GONE_SECONDS = 30 * 24 * 3600
/** Hosts restored by one script call. */
const PAGE = 100

export type Run = (script: keyof typeof scripts, base: string, args: readonly (string | number)[]) => Promise<unknown>

/**
 * Who belongs to the fleet: names and tokens under one hash tag, the host's record in its bucket. Nothing spans both at once on a Cluster, so
 * the steps are ordered so that a crash between them leaves nothing half usable and the same call again completes it.
 */
export class Members {
  readonly #run: Run
  readonly #keys: Keys

  constructor(run: Run, keys: Keys) {
    this.#run = run
    this.#keys = keys
  }

  async enrol(tokenId: string, host: Omit<HostMeta, 'enrolledAt'>, now: number): Promise<HostMeta | undefined> {
    const candidates = instanceCandidates(host.instance, host.hostId)
    const name = await this.#run('enrolName', this.#keys.fleet, [tokenId, host.hostId, now, ...candidates])
    if (name === 0) return undefined
    if (name === 1) throw noNameLeft(host.instance)
    const meta = { ...host, instance: String(name) }
    const args = [host.hostId, metaText(meta), now, FEED_KEPT, standingText(host.standing)]
    const [enrolled = '', standing = ''] = (await this.#run('enrolHost', this.#keys.bucketOf(host.hostId), args)) as string[]
    return readMeta(host.hostId, metaText(meta), enrolled, standing)
  }

  async setStanding(hostId: string, standing: Standing): Promise<HostMeta | undefined> {
    const text = standingText(standing)
    const told = (await this.#run('setStanding', this.#keys.bucketOf(hostId), [hostId, text, FEED_KEPT])) as [string, string] | null
    return told ? readMeta(hostId, told[0], told[1], text) : undefined
  }

  /** @param record of the host as it is stored; undefined where there is none */
  async rename(hostId: string, instance: string, record: () => Promise<HostMeta | undefined>): Promise<'renamed' | 'taken' | 'gone'> {
    const named = (await this.#run('renameName', this.#keys.fleet, [hostId, instance])) as 'renamed' | 'taken' | 'gone'
    if (named !== 'renamed') return named
    for (;;) {
      const meta = await record()
      if (!meta) return 'gone'
      const after = metaText({ ...meta, instance })
      if ((await this.#run('renameHost', this.#keys.bucketOf(hostId), [hostId, metaText(meta), after, FEED_KEPT])) === 1) return 'renamed'
    }
  }

  async takeLink(hostId: string, shown: string | null, offered: string): Promise<LinkAnswer> {
    return (await this.#run('takeLink', this.#keys.bucketOf(hostId), [hostId, shown ?? '', offered])) as LinkAnswer
  }

  async keepLink(hostId: string, offered: string): Promise<void> {
    await this.#run('keepLink', this.#keys.bucketOf(hostId), [hostId, offered])
  }

  async clearLink(hostId: string): Promise<void> {
    await this.#run('clearLink', this.#keys.bucketOf(hostId), [hostId])
  }

  async remove(hostId: string): Promise<boolean> {
    const named = await this.#run('removeMark', this.#keys.fleet, [hostId, GONE_SECONDS])
    const stored = await this.#run('removeHost', this.#keys.bucketOf(hostId), [hostId, FEED_KEPT])
    await this.#run('removeName', this.#keys.fleet, [hostId])
    return named === 1 || stored === 1
  }

  async restore(hosts: readonly HostMeta[], tokens: readonly Token[]): Promise<void> {
    for (const token of tokens) await this.#putToken(token, 'restore')
    const named: HostMeta[] = []
    for (const page of pages(hosts)) named.push(...(await this.#restoreNames(page)))
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      for (const page of pages(named.filter(host => bucketOf(host.hostId) === bucket))) {
        const args = page.flatMap(host => [host.hostId, metaText(host), host.enrolledAt, standingText(host.standing)])
        await this.#run('restoreHosts', this.#keys.bucket(bucket), [FEED_KEPT, ...args])
      }
    }
  }

  async #restoreNames(hosts: readonly HostMeta[]): Promise<HostMeta[]> {
    const candidates = hosts.map(host => [host.hostId, ...instanceCandidates(host.instance, host.hostId)])
    const each = (candidates[0]?.length ?? 1) - 1
    const names = (await this.#run('restoreNames', this.#keys.fleet, [each, ...candidates.flat()])) as string[]
    return hosts.flatMap((host, i) => (names[i] ? [{ ...host, instance: names[i] }] : []))
  }

  async putToken(token: Token): Promise<void> {
    await this.#putToken(token, 'write')
  }

  async #putToken(token: Token, how: 'write' | 'restore'): Promise<void> {
    await this.#run('putToken', this.#keys.fleet, [token.id, tokenText(token), token.usesLeft ?? '', how])
  }

  /** @param ids none: all of them */
  async tokens(ids: readonly string[]): Promise<Token[]> {
    const reply = (await this.#run('readTokens', this.#keys.fleet, ids)) as string[]
    const found: Token[] = []
    for (let i = 0; i < reply.length; i += 2) found.push(readToken(reply[i] ?? '', reply[i + 1] ?? ''))
    return found.sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
  }

  async removeToken(id: string): Promise<boolean> {
    return (await this.#run('removeToken', this.#keys.fleet, [id, GONE_SECONDS])) === 1
  }
}

function* pages<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < all.length; start += PAGE) yield all.slice(start, start + PAGE)
}
