const unitMs = { ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** `30s`, `5m`, `6h`, `1d` in ms. @throws on anything else, telling what was wanted */
export function parseDuration(span: string): number {
  const match = /^(\d{1,15}(?:\.\d{1,15})?)\s*(ms|s|m|min|h|d)$/.exec(span.trim())
  if (!match) throw new Error(`Cannot read the duration ${JSON.stringify(span)}: wanted a number and ms, s, m, h or d, like 30s or 6h`)
  return Number(match[1]) * unitMs[match[2] as keyof typeof unitMs]
}
