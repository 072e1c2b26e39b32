import { hash } from 'node:crypto'

/** What a fact says, without when it was looked at: equal hashes mean nothing changed. 128 bits of SHA-256 over canonical JSON, hex. */
export function factHash(fact: { readonly outcome: string; readonly reason?: string | undefined; readonly data?: unknown }): string {
  return hash('sha256', canonical([fact.outcome, fact.reason ?? null, fact.data ?? null]), 'hex').slice(0, 32)
}

/** JSON with sorted keys: the same value gives the same text whatever the order it was built in. */
export function canonical(value: unknown): string {
  // Written as loops: it runs over every report of the fleet.
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null'
  if (typeof value === 'boolean') return value ? 'true' : 'false'
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  let text = ''
  if (Array.isArray(value)) {
    for (const item of value) text += text === '' ? canonical(item) : `,${canonical(item)}`
    return `[${text}]`
  }
  const record = value as Readonly<Record<string, unknown>>
  for (const name of Object.keys(record).sort()) {
    const item = record[name]
    if (item === undefined) continue
    text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${canonical(item)}`
  }
  return `{${text}}`
}
