import { isIP } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Store, Token } from '../store/store.ts'
import { isSecretOf } from '../tokens.ts'

export type ApiRole = 'viewer' | 'operator' | 'admin'
const rank: Record<ApiRole, number> = { viewer: 1, operator: 2, admin: 3 }

/** How long a token that was looked up is believed, ms: revoking one takes effect within this. */
const TOKEN_CACHE_MS = 5_000

/** Who may see and do what. Reading needs `viewer`, removing a host `operator`, tokens `admin`. */
export class Access {
  readonly #store: Store
  readonly #now: () => number
  /** Without any API token, whoever is on this machine may read. */
  readonly #loopbackReads: boolean
  #tokens: { at: number; list: Promise<readonly Token[]> } | undefined

  constructor(deps: { store: Store; now: () => number; loopbackOnly: boolean }) {
    this.#store = deps.store
    this.#now = deps.now
    this.#loopbackReads = deps.loopbackOnly
  }

  /** Forgets what it knows of tokens: one was made or revoked here. */
  changed(): void {
    this.#tokens = undefined
  }

  /** A fastify hook: answers 401 or 403 where the request lacks the role, always the same for every reason. */
  need(role: ApiRole) {
    return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
      const has = await this.#roleOf(request)
      if (has && rank[has] >= rank[role]) return
      if (has) return reply.code(403).send({ error: `this needs a token with the role ${role}` })
      return reply
        .code(401)
        .header('WWW-Authenticate', 'Basic realm="fettle", charset="UTF-8"')
        .send({ error: 'a valid API token is needed' })
    }
  }

  async #roleOf(request: FastifyRequest): Promise<ApiRole | undefined> {
    if (isAdminSocket(request)) return 'admin'
    const tokens = (await this.#known()).filter(token => token.kind === 'api')
    const given = credentials(request.headers.authorization)
    if (given) {
      const [id = '', secret = ''] = given.split('.')
      const token = tokens.find(candidate => candidate.id === id)
      const valid = isSecretOf(secret, token) && token !== undefined && (token.expiresAt === null || token.expiresAt > this.#now())
      return valid ? (token.role ?? undefined) : undefined
    }
    const local = this.#loopbackReads && tokens.length === 0 && isLoopback(request.ip) && namesThisMachine(request.headers.host)
    return local ? 'viewer' : undefined
  }

  #known(): Promise<readonly Token[]> {
    if (!this.#tokens || this.#now() - this.#tokens.at > TOKEN_CACHE_MS) {
      const before = this.#tokens?.list
      const list = this.#store.tokens().catch(error => {
        // While the store is away what was known before holds on; knowing nothing means nobody gets in.
        if (before) return before
        throw error
      })
      list.catch(() => {
        this.#tokens = undefined
      })
      this.#tokens = { at: this.#now(), list }
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

/** `Bearer <token>`, or Basic with the token as the password, so that a browser can ask for it. */
function credentials(header: string | undefined): string | undefined {
  const [scheme = '', value = ''] = (header ?? '').split(' ')
  if (scheme.toLowerCase() === 'bearer') return value
  if (scheme.toLowerCase() !== 'basic') return undefined
  const text = Buffer.from(value, 'base64').toString('utf8')
  return text.slice(text.indexOf(':') + 1)
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.')
}

/** Refuses names that a foreign page made to point at loopback (DNS rebinding). */
function namesThisMachine(host = ''): boolean {
  const name = host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')
  return name === 'localhost' || (isIP(name) !== 0 && isLoopback(name))
}
