import * as v from 'valibot'
import { count, list, maybe, text } from '../../shapes.ts'

/** What a system does not know at all, so that nobody could tell: Windows has no UID 0, and no list of empty passwords. */
export const untold = ['superusers', 'emptyPasswords', 'passwordless'] as const

/** Who administers the machine by a local account: names only where a check needs them. */
export const accountsFact = v.object({
  /** Members of the groups of administrators, and the superuser's equals; at most 256, `administratorCount` has all. */
  administrators: list(
    v.object({
      name: text(64),
      via: text(64),
      /** Whether the account can be used; null where that is not told: groups, and accounts of a directory. */
      enabled: v.optional(maybe(v.boolean()), null),
    }),
    256,
  ),
  administratorCount: count,
  /** Accounts other than root with all of its rights (UID 0). */
  superusers: list(text(64), 64),
  /** Accounts that let in without a password; null where that could not be read. */
  emptyPasswords: maybe(list(text(64), 64)),
  /** Who may become root without giving a password; null where that could not be read. */
  passwordless: maybe(list(text(64), 64)),
  /** Usable accounts that need not have a password, where the system does not tell whether they have one; null where it tells, or neither. */
  mayBeEmpty: v.optional(maybe(list(text(64), 64)), null),
  /** Which of the above this system never tells; their values say nothing. */
  untold: v.optional(list(v.picklist(untold), untold.length), []),
})
export type AccountsFact = v.InferOutput<typeof accountsFact>
