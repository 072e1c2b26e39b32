import { createHash } from 'node:crypto'

/** What a fact says, without when it was looked at: equal hashes mean nothing changed. 128 bits of SHA-256 over canonical JSON, hex. */
export function factHash(fact: { readonly outcome: string; readonly reason?: string | undefined; readonly data?: unknown }): string {
  return createHash('sha256')
    .update(canonical([fact.outcome, fact.reason ?? null, fact.data ?? null]))
    .digest('hex')
    .slice(0, 32)
}

/** JSON with sorted keys: the same value gives the same text whatever the order it was built in. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(item => canonical(item)).join(',')}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  const entries = Object.entries(value).filter(([, item]) => item !== undefined)
  return `{${entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, item]) => `${JSON.stringify(name)}:${canonical(item)}`)
    .join(',')}}`
}
