import * as v from 'valibot'
import { amount, list, maybe, text } from '../../shapes.ts'

/** Batteries that power the machine itself; those of mice and headsets, and UPSes, are not among them. A machine without one has no fact. */
export const batteryFact = v.object({
  batteries: list(
    v.object({
      /** `BAT0`, `internal`: unique on the machine. */
      name: text(64),
      vendor: maybe(text(128)),
      model: maybe(text(128)),
      serial: maybe(text(128)),
      /** Full capacity now relative to the capacity it was designed for; a new battery may exceed 1. Null where not told. */
      healthRatio: maybe(amount),
      /** Charge now relative to full, 0..1. */
      chargeRatio: maybe(amount),
      /** Charge cycles; null where not told, which many a firmware says as 0. */
      cycles: maybe(amount),
      state: v.picklist(['charging', 'discharging', 'full', 'not-charging', 'unknown']),
      /** Whether the maker's own judgement asks for service or replacement; null where it gives none. */
      service: maybe(v.boolean()),
      /** The maker's own word: `Normal`, `Service Recommended` … */
      condition: maybe(text(128)),
    }),
    16,
  ),
})
export type BatteryFact = v.InferOutput<typeof batteryFact>
