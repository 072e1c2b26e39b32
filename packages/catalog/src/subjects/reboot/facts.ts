import * as v from 'valibot'
import { list, maybe, text, time } from '../../shapes.ts'

/** Whether a restart is due, since when, and why. */
export const rebootFact = v.object({
  /** null: no source could tell. A missing flag file alone is never "no". */
  required: maybe(v.boolean()),
  /** Epoch ms since which it is due, by the evidence's own time; null where not told (the collector keeps its own). */
  since: maybe(time),
  reasons: list(
    v.object({ kind: v.picklist(['flag', 'kernel', 'libraries', 'firmware', 'update', 'rename', 'other']), detail: text() }),
    64,
  ),
  kernel: v.object({
    running: maybe(text(128)),
    /** Newest installed of the running flavour. */
    newest: maybe(text(128)),
    /** A live patch is applied, which changes what an old kernel means. */
    livePatched: maybe(v.boolean()),
  }),
  /** Services that still run replaced code; null: could not be told. */
  services: maybe(list(text(128))),
})
export type RebootFact = v.InferOutput<typeof rebootFact>
