import * as v from 'valibot'
import { list, maybe, text } from '../../shapes.ts'

/** Whether a firewall filters what comes in. */
export const firewallFact = v.object({
  profiles: list(
    v.object({
      /** `input-ipv4`, `input-ipv6`, `ufw`, a zone, `domain`, `private`, `public`, `application` … */
      name: text(64),
      /** Filters: switched on **and** loaded; rules that only translate addresses do not count. */
      enabled: maybe(v.boolean()),
      /** Applies now (the profile of a connected network); null where all always apply. */
      inUse: maybe(v.boolean()),
      /** What happens to what no rule names. */
      inbound: maybe(v.picklist(['drop', 'reject', 'accept'])),
      detail: maybe(text()),
    }),
    64,
  ),
})
export type FirewallFact = v.InferOutput<typeof firewallFact>
