import { createHash } from 'node:crypto'
import { type Clock, printable } from '@fettle/kit'
import * as oidc from 'openid-client'
import type { ApiRole } from './auth.ts'
import type { Person } from './sessions.ts'

export type OidcSettings = {
  readonly issuer: string
  readonly clientId: string
  /** null: a public client, by PKCE alone. */
  readonly clientSecret: string | null
  readonly scopes: readonly string[]
  /** Claim that lists the groups; inner ones by dots, like `realm_access.roles`. */
  readonly groupsClaim: string
  /** Groups of each role; the highest role wins. */
  readonly roles: Readonly<Record<ApiRole, readonly string[]>>
  /** Where the provider sends people back to. */
  readonly redirectUri: string
}

/** How long the provider may take to answer, s. */
const ANSWER_S = 10
/** How long what the provider says of itself is believed, ms. */
const DISCOVERY_MS = 60 * 60 * 1000
/** Longest name of a person that is kept, characters. */
const NAME_LENGTH = 200

/** Why nobody was signed in, in words for the person; `status` is that of HTTP. */
export class SignInError extends Error {
  override name = 'SignInError'
  readonly status: number
  constructor(message: string, status: number, cause?: unknown) {
    super(message, { cause })
    this.status = status
  }
}

/**
 * Sign-in by OpenID Connect Core 1.0, code flow with PKCE (RFC 7636), state and nonce. All three are made from one secret that only the browser keeps
 * while it is at the provider: nothing is stored for those who never come back, and any collector can take them.
 */
export class IdentityProvider {
  readonly settings: OidcSettings
  readonly #clock: Clock
  #found: { at: number; configuration: Promise<oidc.Configuration> } | undefined

  constructor(settings: OidcSettings, clock: Clock) {
    this.settings = settings
    this.#clock = clock
  }

  /** Where to send a browser that keeps `secret`. @throws SignInError where the provider cannot be reached */
  async begin(secret: string): Promise<URL> {
    const { redirectUri, scopes } = this.settings
    return oidc.buildAuthorizationUrl(await this.#configuration(), {
      redirect_uri: redirectUri,
      scope: scopes.join(' '),
      code_challenge: await oidc.calculatePKCECodeChallenge(derived('verifier', secret)),
      code_challenge_method: 'S256',
      state: derived('state', secret),
      nonce: derived('nonce', secret),
    })
  }

  /** Who came back with `query`, from a browser that kept `secret`. @throws SignInError */
  async complete(query: string, secret: string): Promise<Person> {
    const configuration = await this.#configuration()
    try {
      const tokens = await oidc.authorizationCodeGrant(configuration, new URL(`${this.settings.redirectUri}${query}`), {
        pkceCodeVerifier: derived('verifier', secret),
        expectedState: derived('state', secret),
        expectedNonce: derived('nonce', secret),
        idTokenExpected: true,
      })
      const claims = tokens.claims()
      if (!claims) throw new SignInError('the identity provider does not say who you are', 502)
      return this.#personOf(await this.#withGroups(configuration, tokens.access_token, claims))
    } catch (error) {
      throw signInErrorOf(error, this.settings.issuer)
    }
  }

  /** Many providers tell groups only at the user-info endpoint. */
  async #withGroups(configuration: oidc.Configuration, accessToken: string, claims: Claims): Promise<Claims> {
    if (claimOf(claims, this.settings.groupsClaim) !== undefined || !configuration.serverMetadata().userinfo_endpoint) return claims
    return { ...claims, ...(await oidc.fetchUserInfo(configuration, accessToken, claims.sub)) }
  }

  #personOf(claims: Claims): Person {
    const { roles, groupsClaim } = this.settings
    const name = nameOf(claims)
    const told = claimOf(claims, groupsClaim)
    const groups = (Array.isArray(told) ? told : [told]).filter(one => typeof one === 'string')
    const role = (['admin', 'operator', 'viewer'] as const).find(one => roles[one].some(group => groups.includes(group)))
    if (role) return { subject: claims.sub, name, role }
    const why =
      groups.length === 0
        ? `the identity provider tells no groups of yours (claim ${groupsClaim})`
        : 'none of your groups may see this fleet'
    throw new NoRoleError(`You are ${name}, and ${why}. Ask whoever looks after Fettle here.`, name)
  }

  #configuration(): Promise<oidc.Configuration> {
    const now = this.#clock.now()
    if (!this.#found || now - this.#found.at > DISCOVERY_MS) {
      const configuration = discovered(this.settings).catch(error => {
        this.#found = undefined
        throw signInErrorOf(error, this.settings.issuer)
      })
      this.#found = { at: now, configuration }
    }
    return this.#found.configuration
  }
}

/** Somebody whom the provider knows, and who may see nothing here. */
export class NoRoleError extends SignInError {
  override name = 'NoRoleError'
  readonly person: string
  constructor(message: string, person: string) {
    super(message, 403)
    this.person = person
  }
}

type Claims = { readonly sub: string; readonly [name: string]: unknown }

function discovered({ issuer, clientId, clientSecret }: OidcSettings): Promise<oidc.Configuration> {
  const url = new URL(issuer)
  const options = { timeout: ANSWER_S, ...(url.protocol === 'http:' ? { execute: [oidc.allowInsecureRequests] } : {}) }
  return oidc.discovery(url, clientId, undefined, authenticationOf(clientSecret), options)
}

/** As the provider takes it. One that does not say takes Basic: OpenID Connect Discovery 1.0, section 3. */
function authenticationOf(clientSecret: string | null): oidc.ClientAuth {
  if (clientSecret === null) return oidc.None()
  const [post, basic] = [oidc.ClientSecretPost(clientSecret), oidc.ClientSecretBasic(clientSecret)]
  return (server, ...more) => (server.token_endpoint_auth_methods_supported?.includes('client_secret_post') ? post : basic)(server, ...more)
}

/** A claim by its name, which may have dots, else inside others. */
function claimOf(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name]
  return name
    .split('.')
    .reduce<unknown>(
      (inner, part) => (typeof inner === 'object' && inner !== null && Object.hasOwn(inner, part) ? (inner as Claims)[part] : undefined),
      claims,
    )
}

/** A mail address only where the provider has not doubted it: the audit log knows people by this. */
function nameOf({ sub, email, email_verified: verified, preferred_username: username }: Claims): string {
  const said = [verified === false ? undefined : email, username].find(one => typeof one === 'string' && one !== '')
  return printable(String(said ?? sub)).slice(0, NAME_LENGTH)
}

/** State, nonce and verifier tell nothing of each other, nor of what they are made from. */
function derived(what: 'state' | 'nonce' | 'verifier', secret: string): string {
  return createHash('sha256').update(`fettle sign-in ${what}\0${secret}`).digest('base64url')
}

/** What of an error may be told to whoever signs in; the error itself goes to the log, by its message and code alone. */
function signInErrorOf(error: unknown, issuer: string): SignInError {
  if (error instanceof SignInError) return error
  if (error instanceof oidc.AuthorizationResponseError) {
    const told = error.error === 'access_denied' ? 'did not let you in' : `answered ${shortOf(error.error)}`
    return new SignInError(`the identity provider ${told}`, 403, error)
  }
  if (error instanceof oidc.ResponseBodyError)
    return new SignInError(`the identity provider refused: ${shortOf(error.error)}`, error.status >= 500 ? 503 : 403, error)
  const { code, name } = error as { code?: string; name?: string }
  if (unanswered.includes(code ?? '') || (name === 'TypeError' && !code))
    return new SignInError(`the identity provider ${new URL(issuer).host} does not answer as it should`, 503, error)
  return new SignInError('this is not the sign-in that was begun in this browser: begin again', 400, error)
}

/** Codes of openid-client for a provider that does not answer, or answers something else. */
const unanswered = ['OAUTH_TIMEOUT', 'OAUTH_RESPONSE_IS_NOT_CONFORM', 'OAUTH_RESPONSE_IS_NOT_JSON', 'OAUTH_PARSE_ERROR']

function shortOf(said: string): string {
  return said.replace(/[^\w .:-]/g, '').slice(0, 100)
}

/** Why a sign-in failed, for the log: messages and codes of the error and its causes, never what they carry. */
export function reasonOf(error: SignInError): string {
  const told = [error.message]
  for (let cause = error.cause; cause instanceof Error && told.length < 4; cause = cause.cause) {
    const { code } = cause as NodeJS.ErrnoException
    told.push(code ? `${cause.message} (${code})` : cause.message)
  }
  return told.join(': ')
}
