import { readFile } from 'node:fs/promises'
import { optionalText, type Settings } from '@fettle/kit'
import * as v from 'valibot'
import type { OidcSettings } from './http/oidc.ts'
import { hasPrefix, wantedPrefix } from './http/prefix.ts'
import { durationWithin } from './spans.ts'

const groups = v.optional(v.array(v.pipe(v.string(), v.minLength(1))), [])
/** TLS, or a provider and a collector on this very machine. */
const webAddress = v.nullable(
  v.pipe(
    v.string(),
    v.check(
      text => URL.canParse(text) && /^(https:\/\/|http:\/\/(localhost|127\.\d+\.\d+\.\d+|\[::1\])[:/]?)/.test(text),
      'wanted an address like https://fettle.example.com; http only on loopback',
    ),
    v.transform(text => text.replace(/\/+$/, '')),
  ),
)

/** Settings of how people sign in. */
export const signInSettings = {
  publicUrl: {
    schema: v.pipe(webAddress, v.check(hasPrefix, `wanted ${wantedPrefix}`)),
    default: null,
    env: 'FETTLE_PUBLIC_URL',
    doc: 'Where people come to, as they type it, with the path prefix of a proxy where one has it (https://example.com/fettle). The identity provider sends them back to this address and /sign-in/callback; agents are told to come there where this collector serves no TLS itself.',
    example: 'https://fettle.example.com',
  },
  'oidc.issuer': {
    schema: webAddress,
    default: null,
    env: 'FETTLE_OIDC_ISSUER',
    doc: 'Identity provider that people sign in with (OpenID Connect); needs publicUrl, oidc.clientId and oidc.roles.',
    example: 'https://login.example.com/realms/company',
  },
  'oidc.clientId': {
    schema: optionalText,
    default: null,
    env: 'FETTLE_OIDC_CLIENT_ID',
    doc: 'What the provider calls this collector.',
    example: 'fettle',
  },
  'oidc.clientSecret': {
    schema: optionalText,
    default: null,
    env: 'FETTLE_OIDC_CLIENT_SECRET',
    doc: 'Secret that the provider gave; better in a file. Without one the collector is a public client.',
    example: 'from the provider',
    secret: true,
  },
  'oidc.clientSecretFile': {
    schema: optionalText,
    default: null,
    env: 'FETTLE_OIDC_CLIENT_SECRET_FILE',
    doc: 'File with that secret.',
    example: '/etc/fettle/oidc.secret',
  },
  'oidc.scopes': {
    schema: v.pipe(
      v.array(v.pipe(v.string(), v.regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'wanted a scope without blanks'))),
      v.includes('openid', 'wanted openid among the scopes'),
    ),
    default: ['openid', 'profile', 'email'],
    doc: 'What is asked of the provider; many tell groups only where asked for: add groups.',
  },
  'oidc.groupsClaim': {
    schema: v.pipe(v.string(), v.minLength(1)),
    default: 'groups',
    doc: 'Claim that lists the groups of a person; inner ones by dots, like realm_access.roles.',
  },
  'oidc.roles': {
    schema: v.strictObject({ viewer: groups, operator: groups, admin: groups }, 'wanted groups of viewer, operator and admin'),
    default: {},
    doc: 'Groups of each role; the highest wins. Who is in none of them is let in nowhere.',
    example: { viewer: ['staff'], operator: ['helpdesk'], admin: ['it-admins'] },
  },
  'oidc.sessionTtl': {
    schema: durationWithin('5m', '30d'),
    default: '12h',
    doc: 'A person signs in again after this long; changes of groups take effect then.',
  },
  'oidc.sessionIdle': { schema: durationWithin('5m', '30d'), default: '2h', doc: 'And after this long without a look.' },
} as const satisfies Settings

type Read = { readonly [P in keyof typeof signInSettings]: v.InferOutput<(typeof signInSettings)[P]['schema']> }

/** What signing in needs, put together; undefined where no provider is configured. @throws where something is missing, or the secret cannot be read */
export async function oidcOf(values: Read): Promise<OidcSettings | undefined> {
  const issuer = values['oidc.issuer']
  if (issuer === null) return undefined
  const [publicUrl, clientId, roles] = [values.publicUrl, values['oidc.clientId'], values['oidc.roles']]
  const cannot = (wanted: string) => new Error(`Cannot let people sign in with ${issuer}: ${wanted}`)
  if (publicUrl === null) throw cannot('set publicUrl to the address that people type, like https://fettle.example.com')
  if (clientId === null) throw cannot('set oidc.clientId to what the provider calls this collector')
  if (Object.values(roles).every(list => list.length === 0)) throw cannot('set oidc.roles, or nobody has any role')
  return {
    issuer,
    clientId,
    clientSecret: await secretOf(values),
    scopes: values['oidc.scopes'],
    groupsClaim: values['oidc.groupsClaim'],
    roles,
    redirectUri: `${publicUrl}/sign-in/callback`,
  }
}

async function secretOf(values: Read): Promise<string | null> {
  const file = values['oidc.clientSecretFile']
  if (file === null) return values['oidc.clientSecret']
  if (values['oidc.clientSecret'] !== null)
    throw new Error('Cannot tell which secret holds: set oidc.clientSecret or oidc.clientSecretFile, not both')
  try {
    const text = (await readFile(file, 'utf8')).trim()
    if (text !== '') return text
  } catch (error) {
    throw new Error(`Cannot read oidc.clientSecretFile ${file}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`, {
      cause: error,
    })
  }
  throw new Error(`Cannot use oidc.clientSecretFile ${file}: it is empty; wanted the secret that the provider gave`)
}
