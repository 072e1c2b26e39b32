import * as v from 'valibot'
import { amount, count, list, maybe, text, time } from '../../shapes.ts'

/** Arrays and pools with redundancy: md, ZFS, btrfs, Storage Spaces, controllers. */
export const raidFact = v.object({
  arrays: list(
    v.object({
      name: text(128),
      implementation: text(32),
      /** `raid1`, `raidz2`, `mirror` …; null where the array is not assembled. */
      level: maybe(text(32)),
      /** `degraded`: works without its full redundancy, rebuilding or not. `failed`: lost or not assembled. A running check is `ok`. */
      state: v.picklist(['ok', 'degraded', 'failed', 'unknown']),
      disks: v.object({ required: maybe(count), active: maybe(count), failed: maybe(count), spare: maybe(count), missing: maybe(count) }),
      /** What runs now; ratio 0..1, null while delayed or pending. */
      sync: maybe(v.object({ action: v.picklist(['check', 'resync', 'recovery', 'reshape', 'scrub', 'other']), ratio: maybe(amount) })),
      /** Data or checksum errors that the array counted; null where it does not count. */
      errors: maybe(amount),
      /** When it was last verified whole (scrub, check), epoch ms; null where not told or never. */
      lastScrubAt: maybe(time),
      members: list(
        v.object({ name: text(128), state: v.picklist(['active', 'spare', 'failed', 'missing', 'rebuilding', 'unknown']) }),
        256,
      ),
      detail: maybe(text()),
    }),
    256,
  ),
})
export type RaidFact = v.InferOutput<typeof raidFact>
