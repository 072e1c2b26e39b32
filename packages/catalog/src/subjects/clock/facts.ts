import * as v from 'valibot'
import { maybe, quantity, text, time } from '../../shapes.ts'

/** Whether the clock is kept right, by the time service's own word. */
export const clockFact = v.object({
  /** null where the source cannot tell (inside a container, another service in charge). */
  synchronized: maybe(v.boolean()),
  /** The service in charge: `systemd-timesyncd`, `chronyd`, `w32time` …; null where none is known. */
  service: maybe(text(64)),
  /** Whether a time service is switched on. */
  enabled: maybe(v.boolean()),
  /** The reference in use: server name, address or clock id. */
  reference: maybe(text(253)),
  stratum: maybe(quantity),
  /** System clock minus true time in seconds, positive = fast. */
  offsetSeconds: maybe(quantity),
  /** Last update from the reference, epoch ms. */
  lastSyncAt: maybe(time),
})
export type ClockFact = v.InferOutput<typeof clockFact>
