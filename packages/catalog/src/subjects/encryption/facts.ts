import * as v from 'valibot'
import { amount, list, maybe, text } from '../../shapes.ts'

/** Which volumes are encrypted at rest, and whether that protects them now. */
export const encryptionFact = v.object({
  volumes: list(
    v.object({
      /** Mount point, drive letter or device. */
      name: text(128),
      role: v.picklist(['system', 'home', 'swap', 'data']),
      /** `suspended`: encrypted, but the key lies open. `encrypting`/`decrypting`: under way, so not protected yet. */
      state: v.picklist(['on', 'off', 'suspended', 'encrypting', 'decrypting', 'unknown']),
      method: maybe(text(64)),
      /** How far a conversion is, 0..1. */
      progressRatio: maybe(amount),
      detail: maybe(text()),
    }),
    128,
  ),
})
export type EncryptionFact = v.InferOutput<typeof encryptionFact>
