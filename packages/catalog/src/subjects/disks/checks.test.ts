import { expect, test } from 'vitest'
import { days, hours } from '../../duration.ts'
import { findingOf, judgesEach, NOW, type Rows } from '../../testing.ts'
import * as checks from './checks.ts'
import type { Disk, DisksFact } from './facts.ts'

const disk = (more: Partial<Disk> = {}): Disk => ({
  id: 'wwn-1',
  device: '/dev/sda',
  model: 'Model',
  serial: null,
  firmware: null,
  interface: 'sata',
  media: 'hdd',
  sizeBytes: null,
  standing: 'read',
  reason: null,
  hint: null,
  readAt: NOW,
  passed: true,
  temperatureCelsius: 30,
  powerOnHours: null,
  enduranceUsedRatio: null,
  availableSpareRatio: null,
  availableSpareThresholdRatio: null,
  criticalWarning: null,
  mediaErrors: null,
  reallocatedSectors: 0,
  pendingSectors: 0,
  uncorrectableSectors: 0,
  endToEndErrors: null,
  reportedUncorrectable: null,
  commandTimeouts: null,
  spinRetries: null,
  reallocationEvents: null,
  interfaceCrcErrors: 0,
  writtenBytes: null,
  unsafeShutdowns: null,
  failingNow: [],
  failedBefore: [],
  selfTest: null,
  ...more,
})
const nvme = (more: Partial<Disk> = {}): Disk =>
  disk({ interface: 'nvme', media: 'ssd', reallocatedSectors: null, mediaErrors: 0, criticalWarning: 0, ...more })
const of = (...disks: Disk[]): { disks: DisksFact } => ({ disks: { disks } })
const silent = { passed: null, readAt: null, temperatureCelsius: null } as const
const unreadable = disk({ ...silent, standing: 'unreadable', reason: 'behind a USB bridge', hint: 'try -d sat' })
const virtual = disk({ ...silent, interface: 'virtual', standing: 'unsupported' })
const selfTest = (result: 'passed' | 'failed') => ({ result, atHours: null, detail: null })

const logged = (events: DisksFact['events'], own: Partial<Disk> = {}) => ({
  disks: { disks: [disk({ device: 'PhysicalDrive0', ...own })], events },
})
const event = (kind: NonNullable<DisksFact['events']>[number]['kind'], count = 1) => ({
  kind,
  device: 'PhysicalDrive0',
  count,
  lastAt: null,
})

const cases: Rows = [
  [checks.disksLogged, 'no source reads a log', of(disk()), 'not-applicable'],
  [checks.disksLogged, 'a log that could not be read', logged(null), 'unknown'],
  [checks.disksLogged, 'nothing logged', logged([]), 'ok'],
  [checks.disksLogged, 'one repeated command', logged([event('retried')]), 'ok'],
  [checks.disksLogged, 'five resets', logged([event('reset', 5)]), 'warning'],
  [checks.disksLogged, 'a hundred', logged([event('controller', 100)]), 'critical'],
  [checks.disksLogged, 'one bad block', logged([event('bad-block')]), 'warning'],
  [checks.disksLogged, 'a predicted failure', logged([event('predicted')]), 'warning'],
  [checks.disksLogged, 'a USB disk that was unplugged', logged([event('paging', 20)], { interface: 'usb' }), 'ok'],
  [checks.disksLogged, 'a bad block of a USB disk', logged([event('bad-block')], { interface: 'usb' }), 'warning'],
  [checks.disksLogged, 'removals', logged([event('removed', 200)]), 'ok'],
  [checks.disksHealth, 'passed', of(disk()), 'ok'],
  [checks.disksHealth, 'failed', of(disk({ passed: false }), disk()), 'critical'],
  [checks.disksHealth, 'NVMe warns', of(nvme({ criticalWarning: 4 })), 'critical'],
  [checks.disksHealth, 'an attribute fails', of(disk({ failingNow: ['Reallocated_Sector_Ct'] })), 'critical'],
  [checks.disksHealth, 'an attribute failed once', of(disk({ failedBefore: ['Airflow_Temperature_Cel'] })), 'warning'],
  [checks.disksHealth, 'wrong green 17: no verdict (USB, RAID) is not "passed"', of(disk({ passed: null })), 'unknown'],
  [checks.disksHealth, 'one of two could not be read', of(disk(), unreadable), 'unknown'],
  [checks.disksHealth, 'wrong green 18: asleep, with what it said last', of(disk({ standing: 'asleep', readAt: NOW - hours(5) })), 'ok'],
  [checks.disksHealth, 'asleep, and never read', of(disk({ ...silent, standing: 'asleep' })), 'unknown'],
  [checks.disksHealth, 'asleep for a month', of(disk({ standing: 'asleep', readAt: NOW - days(30) })), 'unknown'],
  [checks.disksHealth, 'wrong green 20: a virtual disk', of(virtual), 'not-applicable'],
  [checks.disksErrors, 'none', of(disk()), 'ok'],
  [checks.disksErrors, 'pending sectors', of(disk({ pendingSectors: 2 })), 'warning'],
  [checks.disksErrors, 'wrong green 21: media errors although passed', of(nvme({ mediaErrors: 3 })), 'warning'],
  [
    checks.disksErrors,
    'wrong green 22: many entries in the error log are none',
    of(Object.assign(nvme(), { errorLogEntries: 9999 })),
    'ok',
  ],
  [checks.disksErrors, 'not readable', of(unreadable), 'unknown'],
  [checks.disksWear, 'new', of(nvme({ enduranceUsedRatio: 0.03 })), 'ok'],
  [checks.disksWear, 'worn', of(nvme({ enduranceUsedRatio: 0.93 })), 'warning'],
  [checks.disksWear, 'worn out', of(nvme({ enduranceUsedRatio: 1.2 })), 'critical'],
  [checks.disksWear, 'a spinning disk', of(disk()), 'not-applicable'],
  [checks.disksWear, 'not readable', of(unreadable), 'unknown'],
  [checks.disksSpare, 'full', of(nvme({ availableSpareRatio: 1, availableSpareThresholdRatio: 0.1 })), 'ok'],
  [checks.disksSpare, 'short', of(nvme({ availableSpareRatio: 0.15, availableSpareThresholdRatio: 0.1 })), 'warning'],
  [checks.disksSpare, 'at the threshold', of(nvme({ availableSpareRatio: 0.1, availableSpareThresholdRatio: 0.1 })), 'critical'],
  [checks.disksSpare, 'not readable', of(unreadable), 'unknown'],
  [checks.disksTemperature, 'cool', of(disk()), 'ok'],
  [checks.disksTemperature, 'warm', of(disk({ temperatureCelsius: 52 })), 'warning'],
  [checks.disksTemperature, 'hot', of(disk({ temperatureCelsius: 61 })), 'critical'],
  [checks.disksTemperature, 'warm for a spinning disk is cool for flash', of(nvme({ temperatureCelsius: 61 })), 'not-applicable'],
  [checks.disksTemperature, 'not readable', of(unreadable), 'unknown'],
  [checks.disksTemperatureFlash, 'cool', of(nvme({ temperatureCelsius: 61 })), 'ok'],
  [checks.disksTemperatureFlash, 'warm', of(nvme({ temperatureCelsius: 72 })), 'warning'],
  [checks.disksTemperatureFlash, 'hot', of(nvme({ temperatureCelsius: 85 })), 'critical'],
  [checks.disksTemperatureFlash, 'not readable', of(unreadable), 'unknown'],
  [checks.disksCable, 'old errors', of(disk({ interfaceCrcErrors: 7 })), 'ok'],
  [checks.disksCable, 'not readable', of(unreadable), 'unknown'],
  [checks.disksUnreadable, 'all tell', of(disk(), virtual), 'ok'],
  [checks.disksUnreadable, 'one does not', of(disk(), unreadable), 'unknown'],
  [checks.disksSelftest, 'passed', of(disk({ selfTest: selfTest('passed') })), 'ok'],
  [checks.disksSelftest, 'failed', of(disk({ selfTest: selfTest('failed') })), 'critical'],
  [checks.disksSelftest, 'none', of(disk()), 'not-applicable'],
  [checks.disksSelftest, 'not readable', of(unreadable), 'unknown'],
]
judgesEach(cases)

test('an unreadable disk gives its own reason and hint', () => {
  expect(findingOf(checks.disksUnreadable, of(unreadable))).toMatchObject({
    reason: 'Model (/dev/sda): behind a USB bridge',
    hint: 'try -d sat',
  })
})

test('errors that grow are critical for 30 days, standing ones a warning', () => {
  const first = findingOf(checks.disksErrors, of(disk({ reallocatedSectors: 8 })))
  const grown = findingOf(checks.disksErrors, of(disk({ reallocatedSectors: 9 })), { previous: first, now: NOW + days(1) })
  const later = findingOf(checks.disksErrors, of(disk({ reallocatedSectors: 9, readAt: NOW + days(20) })), {
    previous: grown,
    now: NOW + days(20),
  })
  const calm = findingOf(checks.disksErrors, of(disk({ reallocatedSectors: 9, readAt: NOW + days(32) })), {
    previous: later,
    now: NOW + days(32),
  })
  expect([first, grown, later, calm].map(finding => finding.status)).toEqual(['warning', 'critical', 'critical', 'warning'])
})

test('the baseline of errors outlives a time without facts', () => {
  const first = findingOf(checks.disksErrors, of(disk({ reallocatedSectors: 8 })))
  const blind = findingOf(checks.disksErrors, { 'disks/test': { outcome: 'timeout' } }, { previous: first, now: NOW + days(1) })
  const grown = findingOf(checks.disksErrors, of(disk({ reallocatedSectors: 9 })), { previous: blind, now: NOW + days(2) })
  expect([blind.status, grown.status]).toEqual(['unknown', 'critical'])
})

test('a cable that makes new errors warns for a week', () => {
  const first = findingOf(checks.disksCable, of(disk({ interfaceCrcErrors: 7 })))
  const grown = findingOf(checks.disksCable, of(disk({ interfaceCrcErrors: 8 })), { previous: first })
  const calm = findingOf(checks.disksCable, of(disk({ interfaceCrcErrors: 8 })), { previous: grown, now: NOW + days(8) })
  expect([first, grown, calm].map(finding => finding.status)).toEqual(['ok', 'warning', 'ok'])
})

test('a temperature at the limit does not flap', () => {
  const warm = findingOf(checks.disksTemperature, of(disk({ temperatureCelsius: 50 })))
  const less = findingOf(checks.disksTemperature, of(disk({ temperatureCelsius: 48 })), { previous: warm })
  const cool = findingOf(checks.disksTemperature, of(disk({ temperatureCelsius: 47 })), { previous: less })
  expect([warm, less, cool].map(finding => finding.status)).toEqual(['warning', 'warning', 'ok'])
})
