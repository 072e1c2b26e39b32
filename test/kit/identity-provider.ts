import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider, { type Configuration } from 'oidc-provider'
import { secretMade } from './secrets.ts'

/** Somebody whom the provider knows. */
export type Account = { readonly email: string; readonly verified?: boolean; groups: string[] }

/** A certified provider of OpenID Connect on loopback, with people of its own; whoever types a name is signed in as that person. */
export type TestProvider = {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  readonly accounts: Map<string, Account>
  /** Answers nothing any more, until it is started again at the same address. */
  stop(): Promise<void>
  start(): Promise<void>
}

/** @param redirectUri where the collector takes people back; @param idTokenClaims whether groups are told in the ID token, or at the user-info endpoint alone */
export async function startProvider(
  redirectUri: string,
  idTokenClaims: 'in-id-token' | 'at-userinfo' = 'at-userinfo',
): Promise<TestProvider> {
  const clientSecret = secretMade('s3cret-of-the-client-0123456789abcdef')
  const accounts = new Map<string, Account>()
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const issuer = `http://127.0.0.1:${port}`
  const configuration: Configuration = {
    clients: [
      {
        client_id: 'fettle',
        client_secret: clientSecret,
        redirect_uris: [redirectUri],
        grant_types: ['authorization_code'],
        response_types: ['code'],
      },
    ],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups', 'realm'] },
    conformIdTokenClaims: idTokenClaims === 'at-userinfo',
    cookies: { keys: ['a key of the test'] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 3600, IdToken: 600, Interaction: 600, Session: 3600 },
    pkce: { required: () => true },
    findAccount: (_ctx, id) => ({
      accountId: id,
      claims: () => {
        const account = accounts.get(id)
        const groups = account?.groups ?? []
        return { sub: id, email: account?.email, email_verified: account?.verified ?? true, groups, realm: { roles: groups } }
      },
    }),
    async loadExistingGrant({ oidc: { provider, client, session } }) {
      const grant = new provider.Grant({ clientId: client?.clientId ?? '', accountId: session?.accountId ?? '' })
      grant.addOIDCScope('openid email profile groups')
      await grant.save()
      return grant
    },
  }
  const provider = new Provider(issuer, configuration)
  const answer = provider.callback()
  server.on('request', (request, response) => {
    if (request.url?.startsWith('/interaction/')) void interact(provider, request, response)
    else void answer(request, response)
  })
  return {
    issuer,
    clientId: 'fettle',
    clientSecret,
    accounts,
    async stop() {
      server.closeAllConnections()
      await new Promise<void>(resolve => server.close(() => resolve()))
    },
    async start() {
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
    },
  }
}

/** The provider's own page: whoever types a name is that person; `nobody` says no. */
async function interact(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'POST') {
    response.setHeader('Content-Type', 'text/html; charset=utf-8')
    response.end(
      '<!doctype html><title>Provider</title><form method="post"><input name="login" aria-label="Name"><button>Sign in</button></form>',
    )
    return
  }
  let body = ''
  for await (const chunk of request) body += chunk
  const accountId = new URLSearchParams(body).get('login') ?? ''
  const result = accountId === 'nobody' ? { error: 'access_denied', error_description: 'said no' } : { login: { accountId } }
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false })
}
