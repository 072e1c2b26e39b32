import { bad, type Check, defineCheck, type Limit, tiers, watchGrowth } from '../../check.ts'
import { age, days, minutes } from '../../duration.ts'
import { type Answer, notApplicable, ok, unknown, worstOr } from '../../finding.ts'
import type { FactsBySubject } from '../../view.ts'
import type { Disk, DiskEvent, DisksFact } from './facts.ts'

/** What a sleeping disk said longer ago than this is no evidence any more, ms. */
const OLDEST_READING = days(14)
/** A cable that made no new error for so long is mended, ms. */
const CABLE_FORGIVEN = days(7)

const named = (disk: Disk): string => [disk.model, disk.device && `(${disk.device})`].filter(Boolean).join(' ') || disk.id
const percent = (ratio: number): string => `${Math.round(ratio * 1000) / 10} %`

/** Judges each disk that can have health data. One that did not answer is unknown, with its own reason. */
function perDisk({ disks }: FactsBySubject, now: number, judge: (disk: Disk) => Answer): Answer {
  return worstOr(
    'the machine has no disk of its own',
    disks.flatMap(fact => fact.data.disks).map(disk => blindness(disk, now) ?? judge(disk)),
  )
}

/** Why nothing can be said of a disk; undefined where it can be judged. */
function blindness(disk: Disk, now: number): Answer | undefined {
  if (disk.interface === 'virtual') return notApplicable(`${named(disk)} is a virtual disk`)
  const hint = disk.hint ?? 'See whether the agent may read the disk, and how its controller passes SMART on (`smartctl -d`).'
  if (disk.standing === 'unreadable') return unknown(`${named(disk)}: ${disk.reason ?? 'it could not be read'}`, hint)
  if (disk.standing === 'unsupported') return unknown(`${named(disk)}: ${disk.reason ?? 'it tells nothing of its health'}`, hint)
  if (disk.standing === 'asleep' && disk.readAt === null) return unknown(`${named(disk)} sleeps and was never read`, disk.hint ?? undefined)
  if (disk.readAt !== null && now - disk.readAt > OLDEST_READING)
    return unknown(`${named(disk)} was last read ${age(now - disk.readAt)} ago`, hint)
  return undefined
}

export const disksHealth = defineCheck({
  name: 'disks-health',
  subject: 'disks',
  title: 'A disk says that it is failing',
  unit: 'state',
  thresholds: { critical: 1 },
  why: "The disk's own verdict (SMART status, NVMe critical warning, attributes under their threshold) comes late: most disks that give it die soon.",
  remedy: 'See that the backup is good, then replace the disk.',
  blind: 'Many disks die without ever saying so; `disks-errors` sees more.',

  evaluate: (facts, limit, now) =>
    perDisk(facts, now, disk => {
      const evidence = { disk: disk.id, passed: disk.passed, criticalWarning: disk.criticalWarning, failingNow: disk.failingNow }
      if (disk.passed === false) return bad(limit, `${named(disk)} failed its own health test`, evidence)
      if (disk.criticalWarning) return bad(limit, `${named(disk)} warns: ${nvmeWarnings(disk.criticalWarning)}`, evidence)
      if (disk.failingNow.length > 0) return bad(limit, `${named(disk)}: ${disk.failingNow.join(', ')} under the threshold`, evidence)
      if (disk.passed === null) return unknown(`${named(disk)} gives no verdict on its health`, disk.hint ?? undefined)
      if (disk.failedBefore.length > 0) {
        return { status: 'warning', reason: `${named(disk)}: ${disk.failedBefore.join(', ')} was under the threshold before`, evidence }
      }
      return ok('every disk passed its own health test')
    }),
})

const bits = ['spare low', 'temperature', 'reliability degraded', 'read-only', 'volatile backup failed', 'persistent memory read-only']

/** The bits of the NVMe critical warning in words; NVM Express base specification, SMART / Health log. */
function nvmeWarnings(warning: number): string {
  const said = bits.filter((_, bit) => warning & (1 << bit))
  return said.length > 0 ? said.join(', ') : `bits ${warning}`
}

export const disksErrors = defineCheck({
  name: 'disks-errors',
  subject: 'disks',
  title: 'A disk has lost or replaced data',
  unit: 'count',
  thresholds: { warning: 1, critical: 1 },
  why: 'Reallocated, pending and uncorrectable sectors, media and end-to-end errors foretell failure (ids 5, 10, 184, 187, 196, 197, 198). Errors that were there when first seen are a warning; errors that grow within 30 days are critical, as Checkmk judges them.',
  remedy: 'See that the backup is good. Growing errors: replace the disk. Standing ones: run a long self-test and watch.',
  blind: "NVMe's count of error log entries is ignored: it grows in health too.",

  evaluate: (facts, limit, now, { previous }) =>
    perDisk(facts, now, disk => {
      const counts = errorCounts(disk)
      const known = Object.entries(counts).filter(([, count]) => count !== null)
      if (known.length === 0) return unknown(`${named(disk)} counts no errors`, disk.hint ?? undefined)
      const found = known.filter(([, count]) => (count ?? 0) > 0)
      const total = found.reduce((sum, [, count]) => sum + (count ?? 0), 0)
      const growth = watchGrowth(disk.id, total, now, previous)
      const evidence = { disk: disk.id, ...Object.fromEntries(found) }
      const words = found.map(([name, count]) => `${count} ${name}`).join(', ')
      const more = { evidence, carry: growth.carry, changesAt: growth.changesAt }
      if (growth.grewAt !== undefined && limit.critical !== undefined && total >= limit.critical) {
        return { ...more, status: 'critical', reason: `${named(disk)}: ${words}, and growing since ${age(now - growth.grewAt)}` }
      }
      if (limit.warning !== undefined && total >= limit.warning) return { ...more, status: 'warning', reason: `${named(disk)}: ${words}` }
      return ok('no disk counts lost data', more)
    }),
})

const errorCounts = (disk: Disk) => ({
  'reallocated sectors': disk.reallocatedSectors,
  'pending sectors': disk.pendingSectors,
  'uncorrectable sectors': disk.uncorrectableSectors,
  'media errors': disk.mediaErrors,
  'end-to-end errors': disk.endToEndErrors,
  'reported uncorrectable errors': disk.reportedUncorrectable,
  'reallocation events': disk.reallocationEvents,
  'spin retries': disk.spinRetries,
})

export const disksWear = defineCheck({
  name: 'disks-wear',
  subject: 'disks',
  title: 'A flash disk is worn out',
  unit: 'ratio',
  thresholds: { warning: 0.9, critical: 1 },
  why: 'Past its rated endurance the maker promises nothing any more; Zabbix warns at 90 %.',
  remedy: 'Plan the replacement; see what writes so much.',

  evaluate: (facts, limit, now) =>
    perDisk(facts, now, disk => {
      if (disk.enduranceUsedRatio === null) return notApplicable(`${named(disk)} does not tell its wear`)
      return tiers(disk.enduranceUsedRatio, limit, {
        say: percent,
        reason: value => `${named(disk)} has used ${value} of its endurance`,
        evidence: { disk: disk.id, enduranceUsedRatio: disk.enduranceUsedRatio },
      })
    }),
})

export const disksSpare = defineCheck({
  name: 'disks-spare',
  subject: 'disks',
  title: 'A flash disk runs out of spare blocks',
  unit: 'ratio',
  thresholds: { warning: 0.1, critical: 0 },
  why: 'At the threshold of its vendor a disk is declared unreliable. The tiers count how much is left over that threshold.',
  remedy: 'Replace the disk.',

  evaluate: (facts, { warning, critical }, now) =>
    perDisk(facts, now, disk => {
      if (disk.availableSpareRatio === null) return notApplicable(`${named(disk)} does not tell its spare`)
      const left = disk.availableSpareRatio - (disk.availableSpareThresholdRatio ?? 0)
      const reason = `${named(disk)} has ${percent(disk.availableSpareRatio)} of its spare left`
      const evidence = { disk: disk.id, spare: disk.availableSpareRatio, threshold: disk.availableSpareThresholdRatio }
      if (critical !== undefined && left <= critical) return { status: 'critical', reason, evidence }
      if (warning !== undefined && left < warning) return { status: 'warning', reason, evidence }
      return ok(reason, { evidence })
    }),
})

const isFlash = (disk: Disk): boolean => disk.media === 'ssd' || disk.interface === 'nvme'

function temperature(disk: Disk, limit: Limit): Answer {
  if (disk.temperatureCelsius === null) return notApplicable(`${named(disk)} does not tell its temperature`)
  return tiers(disk.temperatureCelsius, limit, {
    say: value => `${value} °C`,
    reason: value => `${named(disk)} is at ${value}`,
    evidence: { disk: disk.id, celsius: disk.temperatureCelsius },
  })
}

const hot = {
  subject: 'disks',
  unit: 'celsius',
  hold: minutes(5),
  hysteresis: 0.05,
  why: 'Heat shortens the life of a disk and makes it slow down.',
  remedy: 'See to fans, dust and air; move the disk away from what heats it.',
  blind: 'A sleeping disk is not woken to be measured.',
} as const

export const disksTemperature = defineCheck({
  ...hot,
  name: 'disks-temperature',
  title: 'A spinning disk is too hot',
  thresholds: { warning: 50, critical: 60 },
  evaluate: (facts, limit, now) => perDisk(facts, now, disk => (isFlash(disk) ? notApplicable('a flash disk') : temperature(disk, limit))),
})

export const disksTemperatureFlash = defineCheck({
  ...hot,
  name: 'disks-temperature-flash',
  title: 'A flash disk is too hot',
  thresholds: { warning: 70, critical: 80 },
  evaluate: (facts, limit, now) =>
    perDisk(facts, now, disk => (isFlash(disk) ? temperature(disk, limit) : notApplicable('a spinning disk'))),
})

export const disksCable = defineCheck({
  name: 'disks-cable',
  subject: 'disks',
  title: 'The cable of a disk makes errors',
  unit: 'state',
  thresholds: { warning: 1 },
  why: 'Interface CRC errors (ATA 199) that grow come from the cable or the backplane, rarely from the disk.',
  remedy: 'Reseat or replace the cable; the count never goes back, and only growth within 7 days warns.',

  evaluate: (facts, limit, now, { previous }) =>
    perDisk(facts, now, disk => {
      if (disk.interfaceCrcErrors === null) return notApplicable(`${named(disk)} does not count interface errors`)
      const growth = watchGrowth(disk.id, disk.interfaceCrcErrors, now, previous)
      const { grewAt, carry } = growth
      if (grewAt === undefined || now - grewAt >= CABLE_FORGIVEN) return ok('no disk counts new interface errors', { carry })
      const answer = bad(limit, `${named(disk)}: interface errors grew to ${disk.interfaceCrcErrors}`, { disk: disk.id })
      return { ...answer, carry, changesAt: grewAt + CABLE_FORGIVEN }
    }),
})

export const disksUnreadable = defineCheck({
  name: 'disks-unreadable',
  subject: 'disks',
  title: 'The health of a disk cannot be read',
  unit: 'state',
  thresholds: {},
  why: 'A disk of which nothing is known looks healthy everywhere else. This check is never more than unknown.',
  remedy:
    'Give the agent the right to read the disk, or tell smartctl how its controller or USB bridge is reached; leave the disk out if neither can be.',

  evaluate: (facts, _, now) =>
    perDisk(facts, now, disk =>
      disk.passed === null && disk.standing === 'read'
        ? unknown(`${named(disk)} gives no verdict on its health${disk.reason ? `: ${disk.reason}` : ''}`, disk.hint ?? undefined)
        : ok('every disk tells its health'),
    ),
})

export const disksSelftest = defineCheck({
  name: 'disks-selftest',
  subject: 'disks',
  title: 'A disk failed its self-test',
  unit: 'state',
  thresholds: { critical: 1 },
  why: 'A self-test reads the whole disk; one that ends with an error has found sectors that are lost.',
  remedy: 'See that the backup is good, then replace the disk.',

  evaluate: (facts, limit, now) =>
    perDisk(facts, now, disk => {
      if (!disk.selfTest) return notApplicable(`${named(disk)} has logged no self-test`)
      if (disk.selfTest.result !== 'failed') return ok(`the newest self-test of every disk: ${disk.selfTest.result}`)
      return bad(limit, `${named(disk)}: self-test failed${disk.selfTest.detail ? `: ${disk.selfTest.detail}` : ''}`, disk.selfTest)
    }),
})

/** Kinds that tell of the disk itself, however rarely. */
const grave = new Set<DiskEvent['kind']>(['bad-block', 'predicted'])
const kinds: Readonly<Record<DiskEvent['kind'], string>> = {
  'bad-block': 'blocks that could not be read or written',
  predicted: 'predictions of its own failure',
  controller: 'errors of its controller',
  paging: 'errors while paging',
  retried: 'commands that had to be repeated',
  reset: 'resets of a device that did not answer',
  removed: 'removals without a word',
}

export const disksLogged = defineCheck({
  name: 'disks-logged',
  subject: 'disks',
  title: 'The system logs errors of a disk',
  unit: 'count',
  thresholds: { warning: 5, critical: 100 },
  why: 'Windows repeats what fails and resets what hangs without a word, until the disk or its cable is dead. A bad block or a predicted failure warns at once, the rest from five within seven days: single ones come with sleep and unplugging.',
  remedy: 'See that the backup is good; check cable, enclosure and firmware of the disk, then replace it.',
  blind:
    'A disk that was unplugged since may be told under the name of another. USB disks are judged by bad blocks alone: unplugging makes errors too.',

  evaluate: ({ disks }, limit) =>
    worstOr(
      'no source reads the log of the system',
      disks.flatMap(({ data }) => (data.events === undefined ? [] : loggedAnswers(data, data.events, limit))),
    ),
})

function loggedAnswers({ disks }: DisksFact, events: readonly DiskEvent[] | null, limit: Limit): Answer[] {
  if (events === null) return [unknown('the log of the system could not be read', 'Run the agent as a service (LocalSystem).')]
  const unplugged = new Set(disks.filter(disk => disk.interface === 'usb').map(disk => disk.device))
  return [ok('the log tells of no errors of disks'), ...events.map(event => loggedAnswer(event, unplugged.has(event.device), limit))]
}

function loggedAnswer(event: DiskEvent, usb: boolean, { warning, critical }: Limit): Answer {
  const { kind, device, count } = event
  const reason = `${device ?? 'a disk'}: ${count} ${kinds[kind]} within seven days`
  if (kind === 'removed' || (usb && !grave.has(kind))) return ok(`${reason}, which unplugging makes too`)
  if (critical !== undefined && count >= critical) return { status: 'critical', reason, evidence: event }
  const warns = warning !== undefined && (grave.has(kind) || count >= warning)
  return warns ? { status: 'warning', reason, evidence: event } : ok(reason)
}

export const disksChecks: readonly Check[] = [
  disksHealth,
  disksErrors,
  disksWear,
  disksSpare,
  disksTemperature,
  disksTemperatureFlash,
  disksCable,
  disksUnreadable,
  disksSelftest,
  disksLogged,
]
