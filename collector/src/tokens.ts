import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Token } from './store/store.ts'

/** What a new token is made for. */
export type TokenWish = Pick<Token, 'kind' | 'expiresAt' | 'usesLeft' | 'labels' | 'role' | 'note'> & { readonly approve?: boolean }

/** A new token, and the string that is shown once: `<id>.<secret>`, 192 random bits in the secret. */
export function newToken(wish: TokenWish, now: number, id = newTokenId()): { readonly token: Token; readonly shown: string } {
  const secret = randomBytes(24).toString('base64url')
  return { token: { approve: false, ...wish, id, secretHash: hashOf(secret), createdAt: now }, shown: `${id}.${secret}` }
}

/** The public part of a token, by which it is told in lists and in the audit log. */
export function newTokenId(): string {
  return randomBytes(8).toString('hex')
}

/** Compares in constant time; an unknown token costs the same as a wrong secret. The secret has full entropy, so a plain hash is enough. */
export function isSecretOf(secret: string, token: Token | undefined): boolean {
  const expected = Buffer.from(token?.secretHash ?? hashOf(''), 'hex')
  const given = Buffer.from(hashOf(secret), 'hex')
  return timingSafeEqual(expected, given) && token !== undefined
}

/** A link token: 192 random bits that a host shows at its next connection, and the hash that is kept of it. */
export function newLink(): { readonly token: string; readonly hash: string } {
  const token = randomBytes(24).toString('base64url')
  return { token, hash: hashOf(token) }
}

/** What is kept of a link token; null for none. */
export function linkHash(token: string | undefined): string | null {
  return token === undefined ? null : hashOf(token)
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}
