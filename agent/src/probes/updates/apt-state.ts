import type { Captured } from '../../probe.ts'
import { noRelease, type Release } from './apt-policy.ts'

/** How much later than the machine's clock a file's time may be before it says nothing, ms. */
const CLOCK_TOLERANCE_MS = 10 * 60_000
/** Time zones are multiples of this, ms. */
const ZONE_STEP_MS = 15 * 60_000
const WIDEST_ZONE_MS = 15 * 3_600_000

/** Time of a stamp by the end of its path, or null. */
export function stampOf(stamps: readonly Captured[], ending: string, now: number): number | null {
  const at = stamps.find(stamp => stamp.name.endsWith(ending))?.modifiedAt ?? null
  return at !== null && at > 0 && at <= now + CLOCK_TOLERANCE_MS ? at : null
}

/**
 * When the package lists were last fetched. The stamps are written on success only. Else pkgcache.bin, which installing a package writes as well, and
 * lists/partial, which a failed attempt touches as well: the older of the two is never too fresh. Never an InRelease file: apt gives it the server's time.
 */
export function lastCheck(stamps: readonly Captured[], now: number): number | null {
  const told = ['/periodic/update-success-stamp', '/periodic/update-stamp'].flatMap(ending => stampOf(stamps, ending, now) ?? [])
  if (told.length > 0) return Math.max(...told)
  const hints = ['/pkgcache.bin', '/lists/partial'].flatMap(ending => stampOf(stamps, ending, now) ?? [])
  return hints.length > 0 ? Math.min(...hints) : null
}

/** Header of a Release or InRelease file: who publishes it, and until when it may be believed; see the Debian wiki, DebianRepository/Format. */
export function parseRelease(text: string): Release & { readonly validUntil: number | null } {
  const field = (name: string) => new RegExp(`^${name}: (.{1,200})$`, 'm').exec(text)?.[1]?.trim() ?? ''
  const validUntil = Date.parse(field('Valid-Until'))
  return {
    ...noRelease,
    origin: field('Origin'),
    label: field('Label'),
    archive: field('Suite'),
    codename: field('Codename'),
    version: field('Version'),
    validUntil: Number.isFinite(validUntil) ? validUntil : null,
  }
}

/**
 * The last `Upgrade:` of /var/log/apt/history.log, and whether it ended well. The log's times are local without a zone: the file's own time, taken when
 * its last line was written, tells the zone, so that a capture reads the same anywhere. Null: the log tells of no upgrade.
 */
export function parseHistory(captured: Captured): { readonly lastGoodAt: number | null; readonly lastSucceeded: boolean | null } | null {
  const runs = captured.text.split(/\n\s*\n/).map(readRun)
  const upgrades = runs.filter(run => run.isUpgrade)
  const last = upgrades.at(-1)
  if (!last) return null
  const offset = zoneOffset(runs.findLast(run => run.end !== null)?.end ?? null, captured.modifiedAt)
  const good = upgrades.findLast(run => run.end !== null && !run.failed)
  return {
    lastGoodAt: good?.end == null ? null : toEpoch(good.end, offset),
    lastSucceeded: last.failed ? false : last.end === null ? null : true,
  }
}

type Run = { readonly isUpgrade: boolean; readonly failed: boolean; readonly end: Date | null }

function readRun(text: string): Run {
  const end = /^End-Date: (\d{4})-(\d\d)-(\d\d) {1,3}(\d\d):(\d\d):(\d\d)/m.exec(text)
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = end?.slice(1).map(Number) ?? []
  return {
    isUpgrade: /^Upgrade: /m.test(text),
    failed: /^Error: /m.test(text),
    end: end ? new Date(Date.UTC(year, month - 1, day, hour, minute, second)) : null,
  }
}

/** Zone of the log, ms east of UTC; null where the file's time cannot tell. */
function zoneOffset(lastEnd: Date | null, modifiedAt: number | null): number | null {
  if (!lastEnd || modifiedAt === null) return null
  const offset = Math.round((lastEnd.getTime() - modifiedAt) / ZONE_STEP_MS) * ZONE_STEP_MS
  return Math.abs(offset) <= WIDEST_ZONE_MS ? offset : null
}

/** `local` carries local wall time in its UTC fields. */
function toEpoch(local: Date, offset: number | null): number {
  if (offset !== null) return local.getTime() - offset
  return new Date(
    local.getUTCFullYear(),
    local.getUTCMonth(),
    local.getUTCDate(),
    local.getUTCHours(),
    local.getUTCMinutes(),
    local.getUTCSeconds(),
  ).getTime()
}

/** `dpkg --audit` prints nothing on a sound system; else this tells what it found. */
export function auditFinding(captured: Captured | undefined): string | null {
  if (!captured) return null
  const lines = captured.text
    .split('\n')
    .map(line => line.trim())
    .filter(Boolean)
  if (lines.length > 0) return `dpkg --audit: ${lines.join(' ')}`.slice(0, 500)
  return captured.code === null || captured.code === 0
    ? null
    : `dpkg --audit ended with ${captured.code}: ${captured.stderr.trim()}`.slice(0, 500)
}
