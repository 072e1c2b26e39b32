import * as v from 'valibot'
import { count, list, maybe, text, time } from '../../shapes.ts'

/** Most packages that are listed; more are counted. */
export const MOST_PACKAGES = 6000

/** What is installed, by one package manager or registry of the system. */
export const softwareFact = v.object({
  packages: list(
    v.object({
      name: text(128),
      version: maybe(text(64)),
      arch: maybe(text(32)),
      /** Publisher or repository. */
      origin: maybe(text(128)),
      installedAt: maybe(time),
    }),
    MOST_PACKAGES,
  ),
  /** All that are installed, also those that the list has no room for. */
  total: count,
  /** Names of packages that are only half installed; null where the source does not tell. */
  broken: maybe(list(text(128), 64)),
  /** Why something may be installed that the list does not hold: `2 users are not logged in`. Null: the source saw all that it lists. */
  unseen: v.optional(maybe(text(256)), null),
})
export type SoftwareFact = v.InferOutput<typeof softwareFact>
