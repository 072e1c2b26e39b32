/** The value at a share of the sorted values, by nearest rank: `quantile(values, 0.99)`. @throws where there is no value */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const value = sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))]
  if (value === undefined) throw new Error('Cannot tell a quantile of no values')
  return value
}

/** The middle value; of an even number of values the mean of the middle two. @throws where there is no value */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const upper = sorted[sorted.length >> 1]
  if (upper === undefined) throw new Error('Cannot tell the median of no values')
  const lower = sorted.length % 2 === 1 ? upper : (sorted[(sorted.length >> 1) - 1] ?? upper)
  return (lower + upper) / 2
}

/** A generator of numbers 0..1 that gives the same ones for the same seed (mulberry32): what is simulated is the same in each run. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
