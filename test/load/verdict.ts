import type { Figure } from '../bench/figure.ts'
import { kept } from '../bench/figure.ts'
import type { Told } from './simulator/tally.ts'

/** Least share of the target rate that the simulator must reach, or what was measured is another load than was meant. */
const LEAST_ACHIEVED = 0.95
/** Where the simulator's own event loop stands still for longer, its times are its own and not the collector's, ms. */
const MOST_LAG_MS = 100
/** A simulator process that takes this share of a core has no time left to be on time. */
const MOST_CPU = 0.97

/** What must be so whatever the figures are. */
export type Expectation = { readonly what: string; readonly met: boolean; readonly seen: string }

/** What a scenario gave. */
export type Outcome = {
  readonly scenario: string
  readonly figures: readonly Figure[]
  readonly expectations: readonly Expectation[]
  /** Why what was measured cannot be believed; empty where it can. */
  readonly invalid: readonly string[]
  /** Where the time went, how the load was split: a line each. */
  readonly notes: readonly string[]
}

export const exitCodes = { met: 0, failed: 1, invalid: 2 } as const

/** 0: measured, and all is as expected. 1: an expectation or a budget was missed. 2: the measurement is worth nothing, whatever it shows. */
export function exitCodeOf(outcomes: readonly Outcome[]): number {
  if (outcomes.length === 0 || outcomes.some(one => one.invalid.length > 0)) return exitCodes.invalid
  return outcomes.every(isMet) ? exitCodes.met : exitCodes.failed
}

/** Whether every expectation was met and every budget kept. */
export function isMet({ figures, expectations }: Outcome): boolean {
  return expectations.every(one => one.met) && figures.every(figure => kept(figure) !== false)
}

/** Why a paced run cannot be believed: the simulator fell short, or its machine stood still. What the collector refused is a result. */
export function invalidIn(told: Told, what: string): string[] {
  const why: string[] = []
  const possible = told.due - told.heldBack
  if (told.due > 0 && possible > 0 && told.sent < LEAST_ACHIEVED * possible)
    why.push(`${what}: the simulator sent ${told.sent} of ${possible} reports that were due`)
  if (told.stalls > 0) why.push(`${what}: the clock of the simulator stood still ${told.stalls} times`)
  if (told.lagMs > MOST_LAG_MS) why.push(`${what}: the event loop of a simulator was late by ${Math.round(told.lagMs)} ms (99 %)`)
  if (told.cpu > MOST_CPU) why.push(`${what}: a simulator took ${Math.round(told.cpu * 100)} % of a core`)
  return why
}
