import * as v from 'valibot'
import { amount, list, maybe, text, time } from '../../shapes.ts'

/** Products that look for malicious software, and whether they really do. */
export const antivirusFact = v.object({
  products: list(
    v.object({
      name: text(64),
      vendor: maybe(text(64)),
      version: maybe(text(64)),
      kind: v.picklist(['antivirus', 'edr']),
      /** The engine or service runs. */
      running: maybe(v.boolean()),
      /** It watches files as they are opened. */
      realtime: maybe(v.boolean()),
      /** It stands aside for another product (passive mode, EDR block mode). */
      passive: maybe(v.boolean()),
      signaturesVersion: maybe(text(64)),
      /** When the signatures in use were published, epoch ms; from inside the file, never its mtime. */
      signaturesAt: maybe(time),
      /** The product's own word, where it gives no date. */
      signaturesCurrent: maybe(v.boolean()),
      /** The updater of signatures runs; null where it has none of its own. */
      updaterRunning: maybe(v.boolean()),
      tamperProtection: maybe(v.boolean()),
      /** Why it protects less than it seems (reduced functionality, expired licence); null where nothing says so. */
      degraded: maybe(text()),
      /** Whether something (timer, cron) starts its scans, where it has no service that should run; null where that could not be told. */
      scheduled: v.optional(maybe(v.boolean())),
      /** False where the source never tells of scans: then a time that is missing says nothing. */
      tellsScans: v.optional(v.boolean()),
      quickScanAt: maybe(time),
      fullScanAt: maybe(time),
      activeThreats: maybe(amount),
      detections: maybe(amount),
    }),
    32,
  ),
})
export type AntivirusFact = v.InferOutput<typeof antivirusFact>
