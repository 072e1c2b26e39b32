import type { FactTypes } from '@fettle/catalog'
import * as v from 'valibot'
import { type Host, NotInstalled, TimedOut } from '../../host.ts'
import { Absent, type Captured, Denied, defineProbe, Failed, type Inputs, type ParseContext, type Probe } from '../../probe.ts'
import { asCaptured, shortText, sysfsTree } from '../sysfs.ts'
import { findDisks, isVirtual, type Target } from './devices.ts'
import { recall } from './last-known.ts'
import type { Disk, Report } from './smartctl-json.ts'
import { isScanText } from './smartctl-text.ts'
import { ASLEEP_EXIT, diskOf, NO_RIGHT, reportOf } from './standing.ts'

const MOST_DISKS = 256
/** A healthy disk answers within 0.2 s, a dying one within 30 s or never. */
const DISK_TIMEOUT_MS = 30_000
const RIGHTS = 'Run the agent as root, or give its unit CAP_SYS_RAWIO, CAP_SYS_ADMIN and access to the disks.'

const optionsSchema = v.object({
  types: v.optional(
    v.record(
      v.string(),
      v.pipe(v.string(), v.regex(/^[a-z0-9]+([,+/][a-z0-9]+)*$/i, 'wanted a -d type of smartctl, like sat or megaraid,4')),
    ),
    {},
  ),
})
type Options = v.InferOutput<typeof optionsSchema>

export default smartctlProbe()

/** What disks say of themselves, by smartctl(8) of smartmontools 7.0 and newer. Each probe remembers the last values of disks that sleep. */
export function smartctlProbe(): Probe {
  const lastKnown = new Map<string, Disk>()
  return defineProbe<'disks', Options>({
    subject: 'disks',
    source: 'smartctl',
    platforms: ['linux'],
    every: '1h',
    timeout: '15m',
    heavy: true,
    setting: {
      schema: optionsSchema,
      default: {},
      doc: 'Types of disks that smartctl cannot tell itself, by device: its -d option.',
      example: { types: { '/dev/sdc': 'sntjmicron' } },
    },
    privilege: 'root, or CAP_SYS_RAWIO (ATA, SCSI) and CAP_SYS_ADMIN (NVMe): the kernel lets nobody else send commands to disks',
    blind:
      'Disks behind RAID controllers other than MegaRAID are seen only as volumes. Sleeping disks are not woken: their values are the last ones read since the agent started.',
    inputs: {
      disk: {
        from: 'smartctl --json=c -n standby,3 -d TYPE -i -H -A -l error -l selftest DEVICE',
        recognise: text => isSmartctl(text) && !isScan(text),
      },
      scan: { from: 'smartctl --scan --json=c', recognise: text => isSmartctl(text) && isScan(text) },
      sysfs: { from: '/sys/block/*/device/{wwid,model,vendor}' },
    },

    parse: parseSmartctl,

    async read(host: Host, options: Options) {
      const { targets, sysfs } = await findDisks(host)
      const scan = await scanned(host)
      const disk: Captured[] = []
      for (const target of [...targets, ...membersOf(scan)]) disk.push(await ask(host, withType(target, options)))
      const { disks } = parseSmartctl({ disk, scan: [scan], sysfs }, { now: host.now(), hostname: host.hostname, options })
      return { disks: disks.map(found => steady(recall(lastKnown, found))) }
    },
  })
}

const isSmartctl = (text: string): boolean => /"smartctl"\s*:|^smartctl \d/m.test(text) || isScanText(text)
const isScan = (text: string): boolean => /"--scan(-open)?"/.test(text) || /^[ \t]*"devices"\s*:/m.test(text) || isScanText(text)

async function scanned(host: Host): Promise<Captured> {
  try {
    return await host.run(['smartctl', '--scan', '--json=c'], { timeoutMs: DISK_TIMEOUT_MS })
  } catch (error) {
    if (!(error instanceof NotInstalled)) throw error
    // Not absent: the disks are there, and nobody watches them.
    throw new Failed('disks are there, but smartctl is not installed', 'Install the package smartmontools.')
  }
}

/** Disks behind a controller, which only the scan knows. */
function membersOf(scan: Captured): Target[] {
  const devices = reportOf(scan.text).devices ?? []
  return devices.flatMap(({ name, type }) => (type?.includes(',') && /^\/dev\/\S+$/.test(name) ? { device: name, type } : []))
}

const withType = (target: Target, { types }: Options): Target => ({ ...target, type: types[target.device] ?? target.type })

/** One disk: that it hangs is its own trouble and no other disk's. */
async function ask(host: Host, { device, type, dead }: Target): Promise<Captured> {
  const health = ['-i', '-H', '-A', '-l', 'error', '-l', 'selftest']
  const argv = ['smartctl', '--json=c', '-n', `standby,${ASLEEP_EXIT}`, '-d', type, ...health, device]
  if (dead) return { ...asCaptured(argv.join(' '), ''), stderr: dead }
  try {
    return await host.run(argv, { timeoutMs: DISK_TIMEOUT_MS })
  } catch (error) {
    if (!(error instanceof TimedOut)) throw error
    return { ...asCaptured(argv.join(' '), ''), stderr: `it did not answer within ${DISK_TIMEOUT_MS / 1000} s` }
  }
}

/** @throws Absent where only virtual disks answer, Denied where no disk may be opened, Failed where smartctl is too old */
export function parseSmartctl(inputs: Inputs, context: ParseContext<unknown>): FactTypes['disks'] {
  const tree = sysfsTree(inputs.sysfs ?? [])
  const captures = inputs.disk ?? []
  const asked = captures.filter(({ text }) => !isScan(text))
  const scans = [...(inputs.scan ?? []), ...captures.filter(({ text }) => isScan(text))]
  if (asked.length + scans.length === 0) throw new Error('Cannot judge without the input disk')
  const disks =
    asked.length > 0
      ? asked.map(captured => tolerant(captured, asked.length, () => diskOf(captured, tree, context.now)))
      : scans.flatMap(listed)
  const real = disks.filter(disk => !isVirtual(disk.device, disk.model))
  if (real.length === 0) throw new Absent(disks.length > 0 ? 'only virtual disks: there is no health to read' : 'smartctl finds no disk')
  if (real.every(disk => disk.standing === 'unreadable' && NO_RIGHT.test(disk.reason ?? '')))
    throw new Denied('smartctl may not open the disks', RIGHTS)
  return { disks: bounded(told(real)) }
}

/** Of several disks one whose output is broken is unreadable; alone it is a failure. */
function tolerant(captured: Captured, among: number, read: () => Disk): Disk {
  try {
    return read()
  } catch (error) {
    if (among === 1 || error instanceof Failed || !captured.name.startsWith('smartctl ')) throw error
    const reason = error instanceof Error ? error.message : String(error)
    return diskOf({ ...captured, text: '', stderr: reason }, new Map(), 0)
  }
}

/** Disks that only a scan shows: that they are healthy is not said. */
function listed(captured: Captured): Disk[] {
  const { devices = [] }: Report = reportOf(captured.text)
  return devices.map(({ name, type, protocol, open_error }) => {
    const argv = `smartctl -d ${type ?? 'auto'} ${name}`
    const reason = open_error ?? 'it is listed by the scan; its health was not read'
    const disk = diskOf({ ...asCaptured(argv, ''), stderr: reason }, new Map(), 0)
    return { ...disk, interface: protocol === 'NVMe' ? 'nvme' : disk.interface, hint: NO_RIGHT.test(reason) ? RIGHTS : null }
  })
}

/** Ids that tell all disks apart: a disk with two paths is one disk, two disks with one name get their device added. */
function told(disks: readonly Disk[]): Disk[] {
  const byId = new Map<string, Disk>()
  for (const disk of disks) {
    const same = byId.get(disk.id)
    if (!same) byId.set(disk.id, disk)
    else if (same.serial !== null && same.serial === disk.serial) byId.set(disk.id, same.standing === 'read' ? same : disk)
    else {
      const id = `${disk.id.slice(0, 64)} ${(disk.serial ?? disk.device ?? String(byId.size)).slice(0, 60)}`
      byId.set(id, { ...disk, id })
    }
  }
  return [...byId.values()]
}

function bounded(disks: Disk[]): Disk[] {
  if (disks.length <= MOST_DISKS) return disks
  const [first] = disks
  const left = disks.length - MOST_DISKS + 1
  const rest = first && diskOf({ ...asCaptured('smartctl (more)', ''), stderr: `${left} more disks than a fact may carry` }, new Map(), 0)
  return rest ? [...disks.slice(0, MOST_DISKS - 1), { ...rest, id: 'more' }] : disks
}

const HOURS_STEP = 24
const BYTES_STEP = 1e9
const DAY_MS = 86_400_000

/** The disk with values that an idle machine does not change: hours and the time of a reading to the day, bytes to the gigabyte. */
function steady(disk: Disk): Disk {
  const floor = (value: number | null, step: number) => (value === null ? null : Math.floor(value / step) * step)
  return {
    ...disk,
    reason: shortText(disk.reason, 512),
    temperatureCelsius: disk.temperatureCelsius === null ? null : Math.round(disk.temperatureCelsius),
    powerOnHours: floor(disk.powerOnHours, HOURS_STEP),
    writtenBytes: floor(disk.writtenBytes, BYTES_STEP),
    readAt: disk.standing === 'read' ? floor(disk.readAt, DAY_MS) : disk.readAt,
  }
}
