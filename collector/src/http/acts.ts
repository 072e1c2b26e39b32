import { age } from '@fettle/catalog'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Act, Audit } from '../audit.ts'
import { newTokenId } from '../tokens.ts'
import type { ApiRole, Identity } from './auth.ts'

/** How a route is told in the audit log. What it takes from a request is never a secret. */
type Telling = {
  readonly what: string
  target(request: FastifyRequest): string
  detail?(request: FastifyRequest): string
}

const host = (what: string, detail?: Telling['detail']): Telling => ({
  what: `host.${what}`,
  target: request => (request.params as { instance: string }).instance,
  ...(detail ? { detail } : {}),
})
const said = (request: FastifyRequest, name: string) => String((request.body as Record<string, unknown> | null)?.[name] ?? '')
const approve = host('approve')
const deny = host('deny')
const revoke = host('revoke', request => said(request, 'why'))
const release = host('release')

/** Every route that changes something. One that is missing here keeps the collector from starting: no act goes unrecorded. */
const tellings: Readonly<Record<string, Telling>> = {
  'DELETE /api/v1/hosts/:instance': host('remove'),
  'POST /api/v1/hosts/:instance/refresh': host('refresh'),
  'POST /api/v1/hosts/:instance/approve': approve,
  'POST /api/v1/hosts/:instance/deny': deny,
  'POST /api/v1/hosts/:instance/revoke': revoke,
  'POST /api/v1/hosts/:instance/release': release,
  'POST /api/v1/hosts/:instance/rename': host('rename', request => `to ${said(request, 'name')}`),
  'POST /hosts/:instance/approve': approve,
  'POST /hosts/:instance/deny': deny,
  'POST /hosts/:instance/revoke': revoke,
  'POST /hosts/:instance/release': release,
  'POST /api/v1/tokens': { what: 'token.create', target: request => (request.body ? newTokenId() : ''), detail: wishOf },
  'DELETE /api/v1/tokens/:id': { what: 'token.revoke', target: request => (request.params as { id: string }).id },
  'POST /api/v1/authorities': {
    what: 'authority.renew',
    target: () => '',
    detail: request => `used in ${said(request, 'usedInMs')} ms`,
  },
  'POST /api/v1/store/freeze': { what: 'store.freeze', target: () => '', detail: request => said(request, 'why') },
  'POST /api/v1/store/moved': { what: 'store.moved', target: () => '', detail: request => said(request, 'to') },
  'DELETE /api/v1/sessions/:person': { what: 'session.end', target: request => (request.params as { person: string }).person },
  'POST /sign-out': { what: 'session.end', target: () => '' },
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The act that this request is, once it was written down. */
    act?: Act | undefined
  }
}

/** Writes every act down before it is done, and what was not done after all. Must be called before any route is added. */
export function recordActs(app: FastifyInstance, audit: Audit): void {
  app.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) {
      if (one === 'GET' || one === 'HEAD' || one === 'OPTIONS' || Object.hasOwn(tellings, `${one} ${url}`)) continue
      throw new Error(`Cannot serve ${one} ${url}: http/acts.ts does not say how the audit log tells it`)
    }
  })
  // After what the request says was checked and before any handler: an act without its entry is not done.
  app.addHook('preHandler', async request => {
    const { identity } = request
    const act = identity && actOf(request, identity)
    if (!act) return
    await audit.begin(act)
    request.act = act
  })
  app.addHook('onSend', async (request: FastifyRequest, reply: FastifyReply, payload: unknown) => {
    const { act } = request
    if (!act || reply.statusCode < 400) return
    request.act = undefined
    await audit.refused(act, whyOf(reply.statusCode, payload))
  })
}

/** Writes down that somebody tried an act beyond their role. */
export async function recordBeyondRole(audit: Audit, request: FastifyRequest, identity: Identity, needed: ApiRole): Promise<void> {
  const act = actOf(request, identity)
  if (act) await audit.refused(act, `it needs the role ${needed}, and ${identity.who} is ${identity.role}`)
}

function actOf(request: FastifyRequest, { who }: Identity): Act | undefined {
  const telling = tellings[`${request.method} ${request.routeOptions.url}`]
  if (!telling) return undefined
  const address = who === 'socket' ? '' : request.ip
  return { who, what: telling.what, target: telling.target(request), detail: telling.detail?.(request) ?? '', address }
}

/** What a token is made for, in words. */
function wishOf(request: FastifyRequest): string {
  // Refused before its body was read.
  if (!request.body) return ''
  const { kind, role, uses, expiresInMs, labels, approve: approval, note } = request.body as Record<string, unknown>
  const life = expiresInMs === null ? 'for ever' : `for ${age(Number(expiresInMs))}`
  const what =
    kind === 'api'
      ? `api token, ${role}`
      : `enrolment token, ${uses === null ? 'any number of hosts' : uses === 1 ? 'one host' : `${uses} hosts`}${approval ? ', demands approval' : ''}`
  const named = Object.entries((labels ?? {}) as Record<string, string>).map(([name, value]) => `${name}=${value}`)
  return [`${what}, ${life}`, ...named, ...(note ? [`note: ${note}`] : [])].join(', ')
}

function whyOf(status: number, payload: unknown): string {
  try {
    const { error } = JSON.parse(String(payload)) as { error?: string }
    return error ?? String(status)
  } catch {
    return String(status)
  }
}
