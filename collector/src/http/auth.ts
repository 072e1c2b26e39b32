import type { Clock } from '@fettle/kit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Events } from '../events.ts'
import type { Store, Token } from '../store/store.ts'
import { isSecretOf } from '../tokens.ts'
import {
  type Credentials,
  cookieOf,
  credentials,
  formTokenOf,
  isForwarded,
  isLoopback,
  isSame,
  namesThisMachine,
  origin,
} from './credentials.ts'
import { Limiter } from './limiter.ts'
import type { Sessions } from './sessions.ts'

export type ApiRole = 'viewer' | 'operator' | 'admin'
const rank: Record<ApiRole, number> = { viewer: 1, operator: 2, admin: 3 }

/** How often each identity may ask; beyond it the answer is 429 with `Retry-After`. The administrator's socket is not bounded. */
export const apiLimits = {
  /** Credentials that are none: by address, and by the token whose id was named. Whoever shows a right one is let in all the same. */
  wrong: { burst: 30, perSecond: 0.5 },
  /** Whatever is asked with one token or by one person. */
  calls: { burst: 600, perSecond: 20 },
  /** Scrapes and their targets: one for each host and scrape where Prometheus is given each as a target. */
  scrapes: { burst: 5_000, perSecond: 1_000 },
  /** Whatever changes something. */
  acts: { burst: 120, perSecond: 2 },
  /** Acts beyond the role: each is an entry of the audit log, which is bounded. */
  beyondRole: { burst: 10, perSecond: 1 / 60 },
  /** Sign-ins that are begun or ended from one address, and by one person. */
  signIns: { burst: 20, perSecond: 0.2 },
} as const

/** How long a token that was looked up is believed, ms: revoking one takes effect within this. */
const TOKEN_CACHE_MS = 5_000

/** Whose request it is. */
export type Identity = {
  /** As the audit log names them: `token:<id>`, `person:<name>`, `socket`, `local`. */
  readonly who: string
  readonly role: ApiRole
  /** What forms of this identity have to carry; null where the browser sends no credentials by itself. */
  readonly formToken: string | null
  /** Whether it is a session of a person, shown by a cookie. */
  readonly session: boolean
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Whose request it is, once `Access.need` has let it through. */
    identity?: Identity
  }
  interface FastifyContextConfig {
    /** Refusals are told as a page, for people. */
    page?: true
    /** Comes from a form: `Access.form` looks at its token. */
    form?: true
  }
}

/** A hook that lets in whoever has the role; the role stands on it, so that a test can ask each route. */
export type RoleHook = ((request: FastifyRequest, reply: FastifyReply) => Promise<void>) & { readonly role: ApiRole }

type Deps = {
  readonly store: Store
  readonly clock: Clock
  readonly events: Events
  readonly loopbackOnly: boolean
  /** There where people can sign in. */
  readonly sessions?: Sessions | undefined
  /** Name of the cookie that shows a session. */
  readonly cookie: string
  /** Where people come to, where that is configured: `https://fettle.example.com`. */
  readonly origin?: string | undefined
  /** Answers a page that somebody may not see. */
  refusePage(request: FastifyRequest, reply: FastifyReply, status: number, why: string): unknown
  /** An act was refused for want of the role. */
  beyondRole(request: FastifyRequest, identity: Identity, needed: ApiRole): Promise<void>
}

/** Who may see and do what. Reading needs `viewer`, acts on hosts `operator`, tokens and the audit log `admin`. */
export class Access {
  readonly #deps: Deps
  /** Without any API token, whoever is on this machine may read. */
  readonly #loopbackReads: boolean
  readonly #limiters: Readonly<Record<keyof typeof apiLimits, Limiter>>
  #tokens: { at: number; list: Promise<readonly Token[]> } | undefined

  constructor(deps: Deps) {
    this.#deps = deps
    this.#loopbackReads = deps.loopbackOnly && !deps.sessions
    const limiter = (name: keyof typeof apiLimits) => new Limiter(apiLimits[name], () => deps.clock.monotonic())
    this.#limiters = {
      wrong: limiter('wrong'),
      calls: limiter('calls'),
      scrapes: limiter('scrapes'),
      acts: limiter('acts'),
      beyondRole: limiter('beyondRole'),
      signIns: limiter('signIns'),
    }
  }

  /** Forgets what it knows of tokens: one was made or revoked here. */
  changed(): void {
    this.#tokens = undefined
  }

  /** A fastify hook: answers 401, 403 or 429 where the request lacks the role, always the same for every reason. */
  need(role: ApiRole): RoleHook {
    const hook = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
      const found = await this.#identify(request)
      if (typeof found === 'number') return this.tooMany(request, reply, found)
      if (!found) return this.#stranger(request, reply)
      const wait = this.#spend(request, found)
      if (wait > 0) return this.tooMany(request, reply, wait)
      if (rank[found.role] < rank[role]) return this.#beyond(request, reply, found, role)
      const foreign = isAct(request) && found.formToken !== null ? this.#foreign(request, found) : undefined
      if (foreign) return this.#refuse(request, reply, 403, foreign)
      request.identity = found
    }
    return Object.assign(hook, { role })
  }

  /** A fastify hook after the body was read: a form must carry the token that its page was given. */
  readonly form = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const expected = request.identity?.formToken ?? null
    const given = (request.body as Record<string, unknown> | null)?.token
    if (expected !== null && typeof given === 'string' && isSame(expected, given)) return
    return this.#refuse(request, reply, 403, 'this form is not one of yours, or your session is over: open the page again')
  }

  /** Takes one of what an identity or an address has left for signing in. @returns 0, or how long to wait, ms */
  spendSignIn(identity: string): number {
    return this.#limiters.signIns.take(identity)
  }

  /** @returns how long to wait where too much was wrong, ms; undefined for nobody */
  async #identify(request: FastifyRequest): Promise<Identity | number | undefined> {
    if (isAdminSocket(request)) return { who: 'socket', role: 'admin', formToken: null, session: false }
    const tokens = (await this.#known()).filter(token => token.kind === 'api')
    const given = credentials(request.headers.authorization)
    if (given) return this.#byToken(given, tokens) ?? this.#wrong(request, given.text.split('.')[0] ?? '')
    const shown = this.#deps.sessions && cookieOf(request.headers.cookie, this.#deps.cookie)
    if (shown) return this.#bySession(request, shown)
    const local =
      this.#loopbackReads &&
      tokens.length === 0 &&
      isLoopback(request.ip) &&
      !isForwarded(request) &&
      namesThisMachine(request.headers.host)
    return local ? { who: 'local', role: 'viewer', formToken: null, session: false } : undefined
  }

  #byToken({ text, byBrowser }: Credentials, tokens: readonly Token[]): Identity | undefined {
    const [id = '', secret = ''] = text.split('.')
    const token = tokens.find(candidate => candidate.id === id)
    if (!isSecretOf(secret, token) || !token?.role || (token.expiresAt !== null && token.expiresAt <= this.#deps.clock.now()))
      return undefined
    return { who: `token:${id}`, role: token.role, formToken: byBrowser ? formTokenOf(text) : null, session: false }
  }

  async #bySession(request: FastifyRequest, shown: string): Promise<Identity | number | undefined> {
    const { sessions } = this.#deps
    // Each look at the store for a session that was made up is paid for by whoever made it up.
    const wait = sessions?.isRemembered(shown) ? 0 : this.#limiters.wrong.wait(origin(request.ip))
    if (wait > 0) return wait
    const person = await sessions?.find(shown)
    if (!person) return this.#wrong(request, undefined)
    return { who: `person:${person.name}`, role: person.role, formToken: formTokenOf(shown), session: true }
  }

  #wrong(request: FastifyRequest, tokenId: string | undefined): number | undefined {
    this.#deps.events.unauthorized(tokenId === undefined ? 'session' : 'api-token')
    const waits = [origin(request.ip), ...(tokenId === undefined ? [] : [`token:${tokenId.slice(0, 32)}`])].map(one =>
      this.#limiters.wrong.take(one),
    )
    return Math.max(...waits) || undefined
  }

  #spend(request: FastifyRequest, { who }: Identity): number {
    if (who === 'socket' || who === 'local') return 0
    const scrape = /^\/(metrics|sd)(\/|\?|$)/.test(request.url)
    return this.#limiters[scrape ? 'scrapes' : 'calls'].take(who) || (isAct(request) ? this.#limiters.acts.take(who) : 0)
  }

  /**
   * Why an act may not have been meant by whom the browser shows. Browsers say where a request was made: Fetch Metadata, and Origin of RFC 6454. What
   * says neither is no browser. A cookie alone changes nothing: pages send forms with a token.
   */
  #foreign(request: FastifyRequest, { session }: Identity): string | undefined {
    const { 'sec-fetch-site': site, origin: from, host } = request.headers
    const own = from === undefined || from === this.#deps.origin || (URL.canParse(from) && new URL(from).host === host)
    if (site === undefined ? !own : site !== 'same-origin') return 'this request was made by another site'
    return session && !request.routeOptions.config.form ? 'acts of the API need an API token; people use the pages' : undefined
  }

  async #beyond(request: FastifyRequest, reply: FastifyReply, identity: Identity, role: ApiRole): Promise<void> {
    const wait = isAct(request) && identity.who !== 'local' ? this.#limiters.beyondRole.take(identity.who) : 0
    if (wait > 0) return this.tooMany(request, reply, wait)
    if (isAct(request) && identity.who !== 'local') await this.#deps.beyondRole(request, identity, role)
    return this.#refuse(request, reply, 403, `this needs ${identity.session ? 'somebody' : 'a token'} with the role ${role}`)
  }

  #stranger(request: FastifyRequest, reply: FastifyReply): void {
    // Who can sign in is led there; a browser's own box asks for a token elsewhere.
    if (this.#deps.sessions && request.routeOptions.config.page)
      return void reply.redirect(`/sign-in?to=${encodeURIComponent(request.url)}`, 303)
    reply.header('WWW-Authenticate', 'Basic realm="fettle", charset="UTF-8"')
    void reply.code(401).send({ error: 'a valid API token is needed' })
  }

  /** Answers 429, and when to come back. */
  tooMany(request: FastifyRequest, reply: FastifyReply, waitMs: number): void {
    this.#deps.events.unauthorized('rate')
    reply.header('Retry-After', String(Math.ceil(waitMs / 1000)))
    this.#refuse(request, reply, 429, 'too many requests: come back later')
  }

  #refuse(request: FastifyRequest, reply: FastifyReply, status: number, why: string): void {
    if (request.routeOptions.config.page) return void this.#deps.refusePage(request, reply, status, why)
    void reply.code(status).send({ error: why })
  }

  #known(): Promise<readonly Token[]> {
    const { clock, store } = this.#deps
    if (!this.#tokens || clock.now() - this.#tokens.at > TOKEN_CACHE_MS) {
      const before = this.#tokens?.list
      const list = store.tokens().catch(error => {
        // While the store is away what was known before holds on; knowing nothing means nobody gets in.
        if (before) return before
        throw error
      })
      list.catch(() => {
        this.#tokens = undefined
      })
      this.#tokens = { at: clock.now(), list }
    }
    return this.#tokens.list
  }
}

/** What a request made inside this process gives as its peer; no peer of a network has an address that is none. */
export const IN_PROCESS = 'in-process'

/** The admin socket is a Unix socket that only its owner may open: whoever comes through it, or from this process, is the administrator. */
function isAdminSocket({ raw }: FastifyRequest): boolean {
  return (raw.socket as { adminSocket?: true }).adminSocket === true || raw.socket.remoteAddress === IN_PROCESS
}

function isAct({ method }: FastifyRequest): boolean {
  return method !== 'GET' && method !== 'HEAD'
}
