import { bad, type Check, defineCheck, type Limit, lasting, sinceTiers, tiers } from '../../check.ts'
import { days, hours, minutes } from '../../duration.ts'
import { type Answer, notApplicable, ok, unknown, worstOr } from '../../finding.ts'
import type { FactsBySubject, SourceFact } from '../../view.ts'
import type { PendingUpdate, UpdatesFact } from './facts.ts'
import { LISTS_GOOD_FOR, oldestWaiting } from './waiting.ts'

/** Sources of applications: the machine's own updates do not come from them. */
const applications = new Set(['snap', 'flatpak', 'winget', 'homebrew', 'mas', 'fwupd', 'office', 'windows-build', 'macos-release', 'munki'])

const perSource = ({ updates }: FactsBySubject, judge: (fact: SourceFact<UpdatesFact>) => Answer): Answer =>
  worstOr('no source of updates', updates.map(judge))

const install = 'Install the listed updates; if the machine is managed, see why its update window was missed.'
const isSecurity = (update: PendingUpdate) => update.class === 'security'

/** A source that does not tell security apart, while anything waits: nothing may be said of security. */
const unclassified = ({ source, data }: SourceFact<UpdatesFact>): Answer | undefined =>
  data.classified || (data.pending.length === 0 && data.more === 0)
    ? undefined
    : unknown(
        `${source} does not tell which of its ${data.pending.length + data.more} updates are for security`,
        'See `updates-late`; on CentOS-like systems use repositories that carry update information.',
      )

export const updatesSecurityLate = defineCheck({
  name: 'updates-security-late',
  subject: 'updates',
  title: 'Security updates wait too long',
  unit: 'milliseconds',
  thresholds: { warning: days(7), critical: days(14) },
  why: 'Known holes are exploited within days; UK Cyber Essentials demands 14 days.',
  remedy: install,
  blind: 'Updates that are withheld (held, pinned, hidden, behind a subscription) are judged by `updates-withheld`.',

  evaluate: (facts, limit, now, context) =>
    perSource(facts, fact => {
      const wanted = (update: PendingUpdate) => isSecurity(update) && update.withheld === null
      const answer = oldestWaiting(fact, wanted, 'security update', { limit, now, context })
      return answer.status === 'ok' ? (unclassified(fact) ?? answer) : answer
    }),
})

export const updatesCriticalLate = defineCheck({
  name: 'updates-critical-late',
  subject: 'updates',
  title: 'Security updates that the vendor calls critical wait too long',
  unit: 'milliseconds',
  thresholds: { warning: days(2), critical: days(7) },
  why: 'What the vendor calls critical is often exploited already when it is published.',
  remedy: install,
  blind: 'Only sources that tell a severity. Those that do not are judged by `updates-security-late` alone.',

  evaluate: (facts, limit, now, context) =>
    perSource(facts, fact => {
      const severe = (update: PendingUpdate) => isSecurity(update) && update.severity === 'critical' && update.withheld === null
      const answer = oldestWaiting(fact, severe, 'critical security update', { limit, now, context })
      const untold = fact.data.pending.filter(update => isSecurity(update) && update.severity === null).length
      if (answer.status === 'ok' && untold > 0) return notApplicable(`${fact.source} tells no severity of ${untold} security updates`)
      return answer.status === 'ok' && unclassified(fact) ? notApplicable(`${fact.source} tells no severities`) : answer
    }),
})

/** Drivers, firmware, features and definitions follow their own pace. */
const ordinary = new Set<PendingUpdate['class']>(['quality', 'other'])

export const updatesLate = defineCheck({
  name: 'updates-late',
  subject: 'updates',
  title: 'Updates wait for more than a month',
  unit: 'milliseconds',
  thresholds: { warning: days(30) },
  why: 'A machine that leaves out ordinary updates has a broken update window; some of them mend security without saying so.',
  remedy: install,
  blind: 'Drivers, firmware, feature upgrades and virus definitions are not counted.',

  evaluate: (facts, limit, now, context) =>
    perSource(facts, fact =>
      oldestWaiting(fact, update => ordinary.has(update.class) && update.withheld === null, 'update', { limit, now, context }),
    ),
})

/** A policy that hides updates for longer than they may be withheld: what it hides is on no list, so its length counts. */
function hiddenFor({ source, data }: SourceFact<UpdatesFact>, limit: Limit): Answer | undefined {
  if (data.deferralDays === undefined) return undefined
  const answer = tiers(days(data.deferralDays), limit, {
    reason: value => `${source}: a policy hides updates for ${value} after they were published`,
    evidence: { source, managedBy: data.managedBy, deferralDays: data.deferralDays },
  })
  return answer.status === 'ok' ? undefined : answer
}

export const updatesWithheld = defineCheck({
  name: 'updates-withheld',
  subject: 'updates',
  title: 'Security updates are withheld',
  unit: 'milliseconds',
  thresholds: { warning: days(14) },
  why: 'A held, hidden or deferred security update is a hole that someone chose; one behind a subscription (Ubuntu Pro) is a hole all the same, and so is one that device management hides for weeks.',
  remedy: 'Release the hold, attach the subscription, or accept the risk and lift the limit for this host.',
  blind: "Phased updates are the vendor's own delay and are not counted.",

  evaluate: (facts, limit, now, context) =>
    perSource(facts, fact => {
      const held = (update: PendingUpdate) => isSecurity(update) && update.withheld !== null && update.withheld !== 'phased'
      const hidden = hiddenFor(fact, limit)
      if (hidden) return hidden
      return fact.data.classified
        ? oldestWaiting(fact, held, 'withheld security update', { limit, now, context })
        : notApplicable(`${fact.source} does not tell security apart`)
    }),
})

export const updatesCheckStale = defineCheck({
  name: 'updates-check-stale',
  subject: 'updates',
  title: 'Nobody has looked for updates for days',
  unit: 'milliseconds',
  thresholds: { warning: days(3), critical: days(7) },
  why: 'Lists that are old say that nothing waits, whatever was published since.',
  remedy: 'See why the machine does not look: timer switched off, no network, mirror or update server gone.',

  evaluate: (facts, limit, now) =>
    perSource(facts, ({ source, data }) => {
      if (data.lastCheckAt === null)
        return unknown(`${source}: when updates were last looked for is not known`, 'Let the machine look for updates once.')
      return sinceTiers(data.lastCheckAt, now, limit, {
        reason: value => `${source} looked for updates ${value} ago`,
        evidence: { source, lastCheckAt: data.lastCheckAt },
      })
    }),
})

export const updatesCheckFailing = defineCheck({
  name: 'updates-check-failing',
  subject: 'updates',
  title: 'Looking for updates fails',
  unit: 'milliseconds',
  thresholds: { warning: hours(24), critical: days(3) },
  why: 'A machine whose update source is broken reports that nothing waits.',
  remedy: 'Read the error: mirror, proxy, certificate, WSUS server.',

  evaluate: (facts, limit, now, { previous }) =>
    perSource(facts, ({ source, data }) => {
      if (data.lastCheckError === null) return ok(`${source} tells no error`)
      const reason = (value: string) => `${source} has failed to look for updates for ${value}: ${data.lastCheckError}`
      return lasting(source, limit, now, previous, { reason, evidence: { source, error: data.lastCheckError } })
    }),
})

export const updatesInstallStale = defineCheck({
  name: 'updates-install-stale',
  subject: 'updates',
  title: 'Nothing was installed for weeks although updates wait',
  unit: 'milliseconds',
  thresholds: { warning: days(35), critical: days(60) },
  why: 'Every system gets updates monthly; one that installs none has lost its update window.',
  remedy: install,

  evaluate: (facts, limit, now) =>
    perSource(facts, ({ source, data }) => {
      const waits = data.more > 0 || data.pending.some(update => update.withheld === null)
      const asked = data.lastCheckAt !== null && now - data.lastCheckAt < LISTS_GOOD_FOR
      if (!waits && asked) return ok(`nothing waits in ${source}`)
      if (data.lastInstallAt === null) return unknown(`${source}: when updates were last installed is not known`)
      return sinceTiers(data.lastInstallAt, now, limit, {
        reason: value => `${source} last installed updates ${value} ago`,
        evidence: { source, lastInstallAt: data.lastInstallAt, waiting: data.pending.length + data.more },
      })
    }),
})

export const updatesInstallFailed = defineCheck({
  name: 'updates-install-failed',
  subject: 'updates',
  title: 'The last installation of updates failed',
  unit: 'state',
  thresholds: { warning: 1 },
  why: 'An update that fails every night looks busy and protects nothing.',
  remedy: 'Read the log of the updater, mend what it names, install again.',

  evaluate: (facts, limit) =>
    perSource(facts, ({ source, data }) => {
      if (data.lastInstallSucceeded === null) return notApplicable(`${source} does not tell how installations ended`)
      if (data.lastInstallSucceeded) return ok('the last installation went well')
      return bad(limit, `${source}: the last installation of updates failed`, { source, lastInstallAt: data.lastInstallAt })
    }),
})

/** The updater tries daily: a failure that did not come again for so long is over, ms. */
const FORGIVEN = days(7)

export const updatesDeliveryFailing = defineCheck({
  name: 'updates-delivery-failing',
  subject: 'updates',
  title: 'An update fails again and again',
  unit: 'milliseconds',
  thresholds: { warning: days(3), critical: days(14) },
  why: 'Windows Update retries a broken update for ever and says so in its log alone; a cumulative update that fails holds back all that come after it.',
  remedy: 'Look up the error code; free disk space, `DISM /Online /Cleanup-Image /RestoreHealth` and `sfc /scannow` mend most of them.',
  blind: 'A failure that came once; deliveries by other means than Windows Update; what the log no longer holds.',

  evaluate: ({ updates }, limit, now) =>
    worstOr(
      'no source tells how deliveries ended',
      updates.flatMap(({ source, data: { failing } }) => {
        if (failing === undefined) return []
        if (failing === null)
          return [unknown(`${source}: the log of its deliveries could not be read`, 'Run the agent as a service (LocalSystem).')]
        return [ok(`${source} tells of no update that fails again and again`), ...failing.map(one => repeated(one, limit, now))]
      }),
    ),
})

function repeated(one: NonNullable<UpdatesFact['failing']>[number], limit: Limit, now: number): Answer {
  const { name, step, code, count, firstAt, lastAt } = one
  if (count < 2 || firstAt === null || lastAt === null || now - lastAt >= FORGIVEN) return ok(`${name} has not failed again`)
  const answer = sinceTiers(firstAt, now, limit, {
    reason: value => `${name} fails to ${step} since ${value}, ${count} times${code === null ? '' : ` (${code})`}`,
    evidence: one,
  })
  return { ...answer, changesAt: Math.min(answer.changesAt ?? lastAt + FORGIVEN, lastAt + FORGIVEN) }
}

export const updatesAutomatic = defineCheck({
  name: 'updates-automatic',
  subject: 'updates',
  title: 'Security updates are not installed automatically',
  unit: 'state',
  thresholds: { default: { warning: 1 }, server: {} },
  why: 'A workstation that waits for its user to update waits for long. Servers are often updated in windows, so there it is only told.',
  remedy: 'Switch on unattended-upgrades, dnf-automatic or Windows Update; or let the management tool do it and lift the limit.',

  evaluate({ updates }, limit) {
    const own = updates.filter(fact => !applications.has(fact.source))
    return worstOr(
      'no source of updates of the system itself',
      own.map(({ source, data: { automatic, managedBy } }) => {
        if (automatic.enabled === null)
          return unknown(`${source} does not tell whether updates are automatic`, 'Let the agent read the configuration of the updater.')
        if (automatic.enabled) return ok(`${source} installs security updates by itself`)
        const detail = automatic.detail ? ` (${automatic.detail})` : ''
        return bad(limit, `${source} does not install security updates by itself${detail}`, { source, automatic, managedBy })
      }),
    )
  },
})

export const updatesBroken = defineCheck({
  name: 'updates-broken',
  subject: 'updates',
  title: 'Nothing can be installed',
  unit: 'state',
  thresholds: { critical: 1 },
  hold: minutes(30),
  why: 'An interrupted or broken package manager installs no security update either.',
  remedy: 'Mend it: `dpkg --configure -a`, `apt --fix-broken install`, `dnf check`, the Windows Update troubleshooter.',

  evaluate: (facts, limit) =>
    perSource(facts, ({ source, data }) =>
      data.broken === null ? ok('nothing is known to be broken') : bad(limit, `${source}: ${data.broken}`, { source, broken: data.broken }),
    ),
})

export const updatesSources = defineCheck({
  name: 'updates-sources',
  subject: 'updates',
  title: 'Repositories fail or cannot be trusted',
  unit: 'state',
  thresholds: { warning: 1 },
  why: 'What an expired, unsigned or unreachable repository would bring is missing without a word.',
  remedy: 'Remove the repository or renew its key and address.',

  evaluate: (facts, limit) =>
    perSource(facts, ({ source, data: { badSources } }) => {
      const [first] = badSources
      if (first === undefined) return ok('no repository is known to be bad')
      const more = badSources.length > 1 ? ` (and ${badSources.length - 1} more)` : ''
      return bad(limit, `${source}: ${first}${more}`, badSources.slice(0, 20))
    }),
})

export const updatesChecks: readonly Check[] = [
  updatesSecurityLate,
  updatesCriticalLate,
  updatesLate,
  updatesWithheld,
  updatesCheckStale,
  updatesCheckFailing,
  updatesInstallStale,
  updatesInstallFailed,
  updatesDeliveryFailing,
  updatesAutomatic,
  updatesBroken,
  updatesSources,
]
