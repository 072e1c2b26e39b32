import * as v from 'valibot'
import { amount, count, list, maybe, text, time } from '../../shapes.ts'

const word = maybe(text(128))

/** What the machine is made of, as its firmware tells: an inventory, never a verdict. Placeholders such as "To Be Filled By O.E.M." are null. */
export const hardwareFact = v.object({
  cpu: v.object({
    vendor: word,
    model: word,
    /** Processors in their sockets. */
    sockets: maybe(count),
    /** Physical cores of all of them; null where the source guesses. */
    cores: maybe(count),
    /** What the system can run at once. */
    threads: maybe(count),
  }),
  /** Modules of memory; null where the firmware may not be asked (on Linux by root only) or does not tell. */
  memory: maybe(
    list(
      v.object({
        /** Name of the slot on the board; null where none is told. */
        slot: word,
        sizeBytes: amount,
        /** `DDR4`, `LPDDR5` … */
        type: word,
        /** Mega-transfers a second that it runs at. */
        speed: maybe(count),
        vendor: word,
        part: word,
        serial: word,
        ecc: maybe(v.boolean()),
      }),
      128,
    ),
  ),
  /** Slots without a module; null where modules are. */
  emptySlots: maybe(count),
  board: v.object({ vendor: word, model: word, version: word, serial: word }),
  bios: v.object({ vendor: word, version: word, date: maybe(time) }),
  chassis: v.object({ vendor: word, type: word, serial: word, assetTag: word }),
  /** Graphics adapters; null where they were not asked for. */
  graphics: maybe(list(v.object({ vendor: word, model: word, driver: word }), 32)),
  /** Network adapters that are hardware. */
  network: maybe(list(v.object({ name: text(64), model: word, address: maybe(text(32)), kind: word }), 64)),
})
export type HardwareFact = v.InferOutput<typeof hardwareFact>
