/** One look: when, s, and what was seen. */
export type Point = readonly [at: number, value: number]

/** Where a quantity is going. */
export type Trend = {
  readonly mean: number
  /** Growth an hour, in the unit of the quantity. */
  readonly perHour: number
  /** The same as a share of the mean; so much more or less, with 99 %. */
  readonly share: number
  readonly give: number
  /** `grows`: surely faster than the limit. `unclear`: too short or too noisy to tell. */
  readonly verdict: 'steady' | 'grows' | 'unclear'
}

/** Standard errors on each side that hold 99 % of what might be (normal distribution). */
const SURE = 2.58
/** A trend that is known less exactly than so many limits is none. */
const UNCLEAR = 5
const HOUR = 3600
/** Fewest looks that say anything. */
const FEWEST = 8

/**
 * The least-squares slope over time, and how sure it is: looks at memory follow each other closely, so that many of them say little more than a few; the
 * number is corrected by the correlation of neighbours (lag 1).
 * @param limit share of the mean an hour that is too much @throws with too few points
 */
export function trendOf(points: readonly Point[], limit: number): Trend {
  if (points.length < FEWEST) throw new Error(`Cannot tell a trend of ${points.length} looks: wanted at least ${FEWEST}`)
  const n = points.length
  const [t, y] = [0, 1].map(i => points.reduce((sum, point) => sum + (point[i] ?? 0), 0) / n) as [number, number]
  const spread = points.reduce((sum, [at]) => sum + (at - t) ** 2, 0)
  const slope = points.reduce((sum, [at, value]) => sum + (at - t) * (value - y), 0) / spread
  const rest = points.map(([at, value]) => value - y - slope * (at - t))
  const squares = rest.reduce((sum, value) => sum + value * value, 0)
  const neighbours = rest.slice(1).reduce((sum, value, i) => sum + value * (rest[i] ?? 0), 0)
  const alike = squares > 0 ? Math.min(0.99, Math.max(0, neighbours / squares)) : 0
  const effective = Math.max(3, (n * (1 - alike)) / (1 + alike))
  const error = Math.sqrt(squares / (effective - 2) / (spread * (effective / n)))
  const [perHour, give] = [slope * HOUR, SURE * error * HOUR].map(value => value / (y || 1)) as [number, number]
  const verdict = perHour - give > limit ? 'grows' : give > UNCLEAR * limit ? 'unclear' : 'steady'
  return { mean: y, perHour: slope * HOUR, share: perHour, give, verdict }
}
