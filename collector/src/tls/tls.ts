import type { Server, ServerOptions } from 'node:https'
import type { Clock } from '@fettle/kit'
import type { Events } from '../events.ts'
import type { Served, Source } from './served.ts'

export type TlsVersion = '1.2' | '1.3'

type Deps = {
  readonly source: Source
  readonly clock: Clock
  readonly events: Pick<Events, 'certificate' | 'certificateFailed'>
  /** The oldest version of TLS that is spoken. */
  readonly minVersion: TlsVersion
}

/**
 * TLS of a running collector: serves what its source gives, and what it gives later without a restart. Connections that stand stay as they are. What
 * cannot be used is told, and what was served before goes on.
 */
export class Tls {
  readonly #deps: Deps
  #served: Served
  #server: Server | undefined
  #onTold: () => void = () => {}
  #cancel: () => void = () => {}
  #stopped = false
  #looking: Promise<void> = Promise.resolve()
  #told = ''

  private constructor(deps: Deps, served: Served) {
    this.#deps = deps
    this.#served = served
    deps.events.certificate(served)
  }

  /** @throws where there is nothing to serve with */
  static async open(deps: Deps): Promise<Tls> {
    const tls = new Tls(deps, await deps.source.read())
    if (tls.#served.expiresAt <= deps.clock.now()) deps.events.certificateFailed(ended(tls.#served), tls.#served)
    return tls
  }

  /** What the server is made with. */
  get options(): Pick<ServerOptions, 'cert' | 'key' | 'minVersion'> {
    const { cert, key } = this.#served
    return { cert, key, minVersion: `TLSv${this.#deps.minVersion}` }
  }

  /** PEM of what agents are to trust, the authority in use first; empty where their systems know it. */
  get authorities(): readonly string[] {
    return this.#served.authorities
  }

  /** From now on this server gets what is new. @param onTold called when agents are to be told of other authorities than before */
  serve(server: Server, onTold: () => void = () => {}): void {
    this.#server = server
    this.#onTold = onTold
    this.#later()
  }

  /** Looks now whether there is something new, and serves it. Never throws: what cannot be used is told. */
  look(): Promise<void> {
    this.#looking = this.#looking.then(() => this.#look())
    return this.#looking
  }

  /** Makes the next authority now, to be used after so many ms. @throws where the authority is no own one, or one is on its way already */
  async renew(usedInMs: number): Promise<void> {
    const { source } = this.#deps
    if (!source.renew) throw new Error('Cannot make another certificate authority: this collector has none of its own; set tls.own')
    await source.renew(usedInMs)
    await this.look()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel()
    await this.#looking
  }

  #later(): void {
    if (this.#stopped) return
    this.#cancel = this.#deps.clock.after(this.#deps.source.everyMs, () => void this.look().then(() => this.#later()))
  }

  async #look(): Promise<void> {
    const { source, events, clock } = this.#deps
    try {
      const next = await source.read()
      const before = this.#served
      const toldAnew = next.authorities.join() !== before.authorities.join()
      if (next.cert === before.cert && next.key === before.key && !toldAnew && this.#told === '') return
      if (next.expiresAt <= clock.now() && next.expiresAt < before.expiresAt) throw ended(next)
      this.#served = next
      this.#server?.setSecureContext(this.options)
      this.#told = ''
      events.certificate(next)
      if (toldAnew) this.#onTold()
    } catch (error) {
      // The same trouble is told once; the metric stays until it is over.
      const reason = (error as Error).message
      if (reason !== this.#told) events.certificateFailed(error, this.#served)
      this.#told = reason
    }
  }
}

function ended({ expiresAt }: Served): Error {
  return new Error(`the certificate ended at ${new Date(expiresAt).toISOString()}: renew it`)
}
