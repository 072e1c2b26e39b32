import * as v from 'valibot'
import { amount, count, list, maybe, quantity, text } from '../../shapes.ts'

/** Graphics processors and accelerators with a driver that tells of their health. */
export const gpuFact = v.object({
  gpus: list(
    v.object({
      /** The maker's unique id, else the PCI address; never its number, which changes with the slot. */
      id: text(128),
      name: maybe(text(128)),
      driver: maybe(text(64)),
      /** `read`: it answered. `asleep`: left sleeping. `lost`: the driver lost it ("fallen off the bus"). `unreadable`: it did not tell. */
      standing: v.picklist(['read', 'asleep', 'lost', 'unreadable']),
      reason: maybe(text()),
      temperatureCelsius: maybe(quantity),
      /** Where it slows itself down, °C, as it tells itself. */
      temperatureLimitCelsius: maybe(quantity),
      /** ECC errors over its life, else since the driver was loaded; null where it has no ECC, or ECC is off. */
      correctable: maybe(amount),
      uncorrectable: maybe(amount),
      /** Memory pages retired or rows remapped because of errors. */
      retired: maybe(count),
      /** A page or row waits to be retired until it is reset. */
      retirementPending: maybe(v.boolean()),
      /** It ran out of spare memory to remap to. */
      remapFailed: maybe(v.boolean()),
      /** What slows it down just now, beyond load and its own settings. */
      slowedBy: maybe(list(v.picklist(['heat', 'power', 'hardware']), 3)),
    }),
    128,
  ),
})
export type GpuFact = v.InferOutput<typeof gpuFact>
