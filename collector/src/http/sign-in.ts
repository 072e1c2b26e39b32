import { randomBytes } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Audit } from '../audit.ts'
import type { Events } from '../events.ts'
import type { Access } from './auth.ts'
import { cookieOf, origin } from './credentials.ts'
import { readForms } from './forms.ts'
import { html } from './html.ts'
import { type IdentityProvider, NoRoleError, reasonOf, SignInError } from './oidc.ts'
import type { Person, Sessions } from './sessions.ts'
import { sendPage } from './shell.ts'

/** How long somebody may take at the provider, ms. */
const AT_PROVIDER_MS = 10 * 60 * 1000
/** Longest address of a page that is come back to, characters. */
const TO_LENGTH = 500

/** Names of the cookies. `__Host-` binds them to this very host over TLS, where no sister domain can set them (RFC 6265bis, section 4.1.3). */
export function cookiesOf(secure: boolean) {
  const prefix = secure ? '__Host-' : ''
  return {
    session: `${prefix}fettle`,
    begun: `${prefix}fettle-sign-in`,
    attributes: `Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`,
  }
}

type Deps = {
  readonly access: Access
  readonly sessions: Sessions
  readonly provider: IdentityProvider
  readonly audit: Audit
  readonly events: Events
  readonly secure: boolean
  now(): number
}

/** People come in by the company's identity provider, and go. */
export async function signInRoutes(app: FastifyInstance, deps: Deps): Promise<void> {
  const cookies = cookiesOf(deps.secure)
  const page = { config: { page: true, open: true }, schema: { hide: true } } as const
  const set = (reply: FastifyReply, name: string, value: string, seconds: number) =>
    reply.header('Set-Cookie', `${name}=${value}; Max-Age=${seconds}; ${cookies.attributes}`)

  app.get<{ Querystring: { to?: string } }>('/sign-in', page, async (request, reply) => welcome(request, reply, pathOf(request.query.to)))

  app.get<{ Querystring: { to?: string } }>('/sign-in/start', page, async (request, reply) => {
    const wait = deps.access.spendSignIn(origin(request.ip))
    if (wait > 0) return deps.access.tooMany(request, reply, wait)
    const begun = begunWith(pathOf(request.query.to), deps.now())
    try {
      const url = await deps.provider.begin(begun)
      return set(reply, cookies.begun, begun, AT_PROVIDER_MS / 1000).redirect(url.href, 303)
    } catch (error) {
      return failed(request, reply, error)
    }
  })

  app.get('/sign-in/callback', page, async (request, reply) => {
    const wait = deps.access.spendSignIn(origin(request.ip))
    if (wait > 0) return deps.access.tooMany(request, reply, wait)
    set(reply, cookies.begun, '', 0)
    try {
      const begun = cookieOf(request.headers.cookie, cookies.begun)
      const { to, at } = readBegun(begun)
      if (!begun || deps.now() - at > AT_PROVIDER_MS)
        throw new SignInError('this sign-in was not begun in this browser, or took too long: begin again', 400)
      const person = await deps.provider.complete(request.url.slice(request.url.indexOf('?')), begun)
      return await letIn(request, reply, person, to)
    } catch (error) {
      return failed(request, reply, error)
    }
  })

  async function letIn(request: FastifyRequest, reply: FastifyReply, person: Person, to: string) {
    const who = `person:${person.name}`
    const wait = deps.access.spendSignIn(`person:${person.subject}`)
    if (wait > 0) return deps.access.tooMany(request, reply, wait)
    await deps.audit.begin({ who, what: 'session.begin', target: person.subject, detail: `as ${person.role}`, address: request.ip })
    const shown = await deps.sessions.begin(person)
    // Both cookies: the one of the sign-in ends, that of the session begins.
    set(reply, cookies.session, shown, deps.sessions.ttlMs / 1000)
    return reply.redirect(to, 303)
  }

  async function failed(request: FastifyRequest, reply: FastifyReply, error: unknown) {
    if (!(error instanceof SignInError)) throw error
    deps.events.signInFailed(reasonOf(error))
    if (error instanceof NoRoleError) {
      const act = { who: `person:${error.person}`, what: 'session.begin', target: '', address: request.ip }
      if (deps.access.spendSignIn(act.who) === 0) await deps.audit.refused(act, 'no group of theirs has a role')
    }
    return welcome(request, reply.code(error.status), '/', error.message)
  }

  await app.register(async forms => {
    readForms(forms)
    const config = { page: true, form: true } as const
    const out = { ...page, config, onRequest: deps.access.need('viewer'), preValidation: deps.access.form }
    forms.post('/sign-out', out, async (request, reply) => {
      const shown = cookieOf(request.headers.cookie, cookies.session)
      if (shown) await deps.sessions.end(shown)
      return set(reply, cookies.session, '', 0).redirect('/sign-in', 303)
    })
  })

  function welcome(request: FastifyRequest, reply: FastifyReply, to: string, trouble?: string): FastifyReply {
    const { host } = new URL(deps.provider.settings.issuer)
    return sendPage(
      request,
      reply,
      'Sign in',
      html`${trouble && html`<p class="note critical">Nobody was signed in: ${trouble}</p>`}
<h1>Sign in to see the fleet</h1>
<p><a class="button" href="/sign-in/start?to=${encodeURIComponent(to)}">Sign in with ${host}</a></p>
<p class="quiet">What you may see and do here follows from your groups there. Programs come with an API token.</p>`,
      'still',
    )
  }
}

/** What a browser keeps while it is at the provider. Only this browser has it, so what stands in it need not be signed. */
function begunWith(to: string, now: number): string {
  return Buffer.from(JSON.stringify({ secret: randomBytes(32).toString('base64url'), at: now, to })).toString('base64url')
}

function readBegun(text = ''): { to: string; at: number } {
  try {
    const { to, at } = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as { to?: string; at?: number }
    return { to: pathOf(to), at: typeof at === 'number' ? at : 0 }
  } catch {
    return { to: '/', at: 0 }
  }
}

/** A path of this very server; anything else is its first page: nobody is sent elsewhere by a link to here. */
function pathOf(wanted: unknown): string {
  if (typeof wanted !== 'string' || wanted.length > TO_LENGTH || !/^\/[\x21-\x7e]*$/.test(wanted)) return '/'
  const here = 'http://here.invalid'
  const url = URL.canParse(wanted, here) ? new URL(wanted, here) : undefined
  return url?.origin === here && !url.pathname.startsWith('/sign-') ? `${url.pathname}${url.search}` : '/'
}
