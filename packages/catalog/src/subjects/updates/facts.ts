import * as v from 'valibot'
import { amount, count, list, maybe, text, time } from '../../shapes.ts'

/** The kind of an update, told by the vendor's category, never by its title. `other`: the source does not tell. */
export const updateClasses = ['security', 'quality', 'feature', 'driver', 'firmware', 'definition', 'other'] as const

/** Most pending updates that one fact lists; more are counted in `more`. */
export const MOST_PENDING = 1500

const pendingUpdate = v.object({
  /** Package, KB or label that names it for ever: with `candidate` it is the update's key in the fleet. */
  name: text(200),
  installed: maybe(text(128)),
  candidate: maybe(text(128)),
  class: v.picklist(updateClasses),
  severity: maybe(v.picklist(['critical', 'important', 'moderate', 'low'])),
  /** Vendor's publication, epoch ms; null: age counts from the first moment that any host of the fleet saw it. */
  published: maybe(time),
  /** Where it comes from: `Debian-Security:12/stable-security`, `baseos`, `WSUS` … */
  origin: maybe(text(256)),
  /** Why it would not be installed now; null: it would be. Withheld updates are counted apart. */
  withheld: maybe(v.picklist(['held', 'phased', 'hidden', 'deferred', 'subscription', 'pinned'])),
  /** Whether installing needs a restart; null where not told before. */
  restart: maybe(v.boolean()),
})
export type PendingUpdate = v.InferOutput<typeof pendingUpdate>

/** What waits to be installed, and how good that knowledge is. */
export const updatesFact = v.object({
  pending: list(pendingUpdate, MOST_PENDING),
  /** Updates beyond the list's limit. */
  more: count,
  /** Whether the source tells security updates apart. False: their classes are `other` and nothing may be said of security. */
  classified: v.boolean(),
  /** Last successful check for updates (age of lists, WUA's last search), epoch ms. Null: not known, and then "nothing pending" means nothing. */
  lastCheckAt: maybe(time),
  /** Error of the last check where that failed; null where it went well or is not known. */
  lastCheckError: maybe(text()),
  /** Last successful installation of updates, epoch ms. */
  lastInstallAt: maybe(time),
  lastInstallSucceeded: maybe(v.boolean()),
  /**
   * Updates whose delivery failed in the last 30 days and has not gone well since; null where the log of it could not be read, left out by sources
   * that read no log.
   */
  failing: v.optional(
    maybe(
      list(
        v.object({
          name: text(200),
          step: v.picklist(['download', 'install']),
          /** Error of the newest failure, as the source names it: `0x80248007`. */
          code: maybe(text(64)),
          count,
          firstAt: maybe(time),
          lastAt: maybe(time),
        }),
        64,
      ),
    ),
  ),
  automatic: v.object({
    /** Whether security updates are installed without anyone doing it; null: could not be told. */
    enabled: maybe(v.boolean()),
    /** What is done: in the source's words. */
    detail: maybe(text()),
    lastRunAt: maybe(time),
  }),
  /** Why nothing can be installed at all (interrupted dpkg, broken dependencies); null where nothing is known to be broken. */
  broken: maybe(text()),
  /** Sources that cannot be trusted any more: expired or failing repositories. */
  badSources: list(text(), 64),
  /** The server or policy that decides (WSUS host, MDM delay); null where the machine decides. */
  managedBy: maybe(text(253)),
  /** Days for which a policy hides updates that mend security after they were published; missing where none is known to. */
  deferralDays: v.optional(amount),
})
export type UpdatesFact = v.InferOutput<typeof updatesFact>

/** The key by which the fleet remembers when it first saw an update. */
export function updateKey(source: string, update: Pick<PendingUpdate, 'name' | 'candidate'>): string {
  return `${source}:${update.name}@${update.candidate ?? ''}`
}
