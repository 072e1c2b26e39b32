import assert from 'node:assert/strict'

/** Throws with what was promised where it does not hold. */
export function promised(holds: boolean, what: string, seen: unknown = undefined): void {
  assert.ok(holds, seen === undefined ? what : `${what}; seen: ${JSON.stringify(seen)}`)
}

/** What was observed is there: all of it, in its order, nothing twice. @throws */
export function sameOrder(arrived: readonly number[], observed: readonly number[]): void {
  assert.deepEqual(arrived, observed, 'every change arrives, once and in order')
}

/** What is left of the history is in order and nothing of it twice. @throws */
export function partOf(arrived: readonly number[], observed: readonly number[]): void {
  const places = arrived.map(value => observed.indexOf(value))
  promised(!places.includes(-1), 'nothing arrives that was never observed', arrived)
  promised(
    places.every((place, i) => i === 0 || place > (places[i - 1] ?? -1)),
    'what is left of the history is in order, nothing twice',
    arrived,
  )
}

/** Seconds with one decimal, for people. */
export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
