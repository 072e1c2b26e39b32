import * as v from 'valibot'
import { list, maybe, quantity, text } from '../../shapes.ts'

/** Temperatures, fans, voltages, power supplies. */
export const sensorsFact = v.object({
  sensors: list(
    v.object({
      /** Stable across boots: device path and label, never `hwmon3`. */
      id: text(128),
      chip: maybe(text(64)),
      label: maybe(text(128)),
      kind: v.picklist(['temperature', 'fan', 'voltage', 'current', 'power', 'supply', 'other']),
      /** °C, RPM, V, A, W by kind; null where the sensor gave none. */
      value: maybe(quantity),
      high: maybe(quantity),
      critical: maybe(quantity),
      low: maybe(quantity),
      /** As the firmware or chip judges it (alarm and fault flags, BMC state); `unknown` where it judges nothing. */
      state: v.picklist(['ok', 'warning', 'critical', 'unknown']),
      /** Whether the reading can be believed: has a label and limits, and lies in a possible range. */
      trusted: v.boolean(),
    }),
  ),
})
export type SensorsFact = v.InferOutput<typeof sensorsFact>
