import * as v from 'valibot'
import { count, list, maybe, text } from '../../shapes.ts'

/** Who administers the machine by a local account: names only where a check needs them. */
export const accountsFact = v.object({
  /** Members of the groups of administrators, and the superuser's equals; at most 256, `administratorCount` has all. */
  administrators: list(v.object({ name: text(64), via: text(64) }), 256),
  administratorCount: count,
  /** Accounts other than root with all of its rights (UID 0). */
  superusers: list(text(64), 64),
  /** Accounts that let in without a password; null where that could not be read. */
  emptyPasswords: maybe(list(text(64), 64)),
  /** Who may become root without giving a password; null where that could not be read. */
  passwordless: maybe(list(text(64), 64)),
})
export type AccountsFact = v.InferOutput<typeof accountsFact>
