import * as v from 'valibot'
import { amount, list, maybe, text, time } from '../../shapes.ts'

/** Error counts of memory with ECC. A machine without a driver for it has no fact: absent, never 0. */
export const memoryFact = v.object({
  controllers: list(
    v.object({
      id: text(64),
      kind: maybe(text(128)),
      /** Since `since`. */
      correctable: amount,
      uncorrectable: amount,
      /** When the counters were last reset (boot or module load), epoch ms. */
      since: maybe(time),
      dimms: list(v.object({ label: text(128), correctable: maybe(amount), uncorrectable: maybe(amount) }), 128),
    }),
    64,
  ),
})
export type MemoryFact = v.InferOutput<typeof memoryFact>
