import { type Captured, Failed } from '../../probe.ts'
import { shortText, type Tree } from '../sysfs.ts'
import { blockFacts } from './devices.ts'
import { type Disk, type Report, readReport, reportFrom, valuesOf } from './smartctl-json.ts'
import { isScanText, scanDocument, textDocument } from './smartctl-text.ts'

/** Own exit status for a sleeping disk: smartctl's default 2 is also "open failed". */
export const ASLEEP_EXIT = 3
export const NO_RIGHT = /Permission denied|Operation not permitted/
const SLEEPING = /^Device is in (?!ACTIVE|IDLE)[A-Z _]+ mode/
/** smartctl's words for a device that it cannot talk to as a disk: bridges, RAID volumes, unknown types. */
const NO_ACCESS =
  /Unable to detect device type|Unknown USB bridge|unsupported (scsi|field)|please (specify|try)|Unsupported USB bridge|RAID controller/i
const RAID_VOLUME = /megaraid|RAID controller|-d (cciss|areca|3ware|aacraid)/i

/** A disk as one output of smartctl shows it. @throws Failed where smartctl is too old, Error where it is no output of smartctl */
export function diskOf(captured: Captured, tree: Tree, now: number): Disk {
  if (captured.text.trim() === '' && /^(\S*\/)?smartctl /.test(captured.name)) return silent(captured, tree)
  const report = reportOf(captured.text)
  const exit = report.smartctl.exit_status ?? captured.code ?? 0
  const device = deviceOf(report, captured.name)
  const known = deviceFacts(tree, device)
  const values = valuesOf(report, exit)
  const judged = judge(report, exit, captured.name)
  const merged = {
    ...values,
    model: values.model ?? shortText(known?.model, 128),
    serial: values.serial ?? shortText(known?.serial, 128),
    firmware: values.firmware ?? shortText(known?.firmware, 64),
    sizeBytes: values.sizeBytes ?? known?.sizeBytes ?? null,
    interface: known?.usb ? ('usb' as const) : judged.volume ? ('raid' as const) : values.interface,
    media:
      values.media !== 'unknown' || known?.usb !== false || known.rotational === null ? values.media : known.rotational ? 'hdd' : 'ssd',
  } satisfies Partial<Disk>
  const id = known?.id ?? wwnOf(report) ?? modelAndSerial(merged) ?? device ?? merged.model ?? 'unknown'
  const { standing, reason, hint } = judged
  return { id, device: shortText(device, 128), ...merged, standing, reason, hint, readAt: standing === 'read' ? now : null }
}

/** A report of JSON or plain text. @throws Failed where smartctl was asked for JSON and is too old, Error where it is something else */
export function reportOf(text: string): Report {
  if (/UNRECOGNIZED OPTION/.test(text)) throw new Failed('smartctl is too old: it prints no JSON', 'Install smartmontools 7.0 or newer.')
  if (isScanText(text)) return reportFrom(scanDocument(text))
  return /^smartctl \d/.test(text) ? reportFrom(textDocument(text)) : readReport(text)
}

/** A disk that printed nothing: the command hung, or its controller is lost. */
function silent({ name, stderr, code }: Captured, tree: Tree): Disk {
  const device = /(\/dev\/\S+)(?: \S+)?$/.exec(name)?.[1] ?? null
  const slot = slotOf(/ -d (\S+)/.exec(name)?.[1])
  const known = deviceFacts(tree, device)
  const values = valuesOf({ smartctl: {} } as Report, 0)
  const full = device && slot ? `${device} ${slot}` : device
  const merged = {
    ...values,
    model: shortText(known?.model, 128),
    serial: shortText(known?.serial, 128),
    sizeBytes: known?.sizeBytes ?? null,
  }
  return {
    id: (slot ? null : known?.id) ?? modelAndSerial(merged) ?? full ?? 'unknown',
    device: full,
    ...merged,
    interface: known?.usb ? 'usb' : / -d nvme /.test(name) ? 'nvme' : / -d sat /.test(name) ? 'sata' : 'unknown',
    standing: 'unreadable',
    reason: shortText(stderr, 512) ?? `smartctl printed nothing and ended with ${code}`,
    hint: 'See whether the disk hangs: look for I/O errors in the kernel log.',
    readAt: null,
  }
}

type Judged = Pick<Disk, 'standing' | 'reason' | 'hint'> & { readonly volume?: true }

function judge(report: Report, exit: number, name: string): Judged {
  const messages = report.smartctl.messages ?? []
  const errors = messages.filter(({ severity }) => severity === 'error').map(message => message.string)
  const reason = shortText(errors[0], 512)
  if (isAsleep(report, exit, name)) return { standing: 'asleep', reason: 'left sleeping; the values are the last known', hint: null }
  if (hasHealth(report, exit)) return { standing: 'read', reason, hint: null }
  if (errors.some(text => NO_RIGHT.test(text)))
    return {
      standing: 'unreadable',
      reason,
      hint: 'Run the agent as root, or give its unit CAP_SYS_RAWIO, CAP_SYS_ADMIN and access to the disks.',
    }
  if (errors.some(text => NO_ACCESS.test(text)))
    return errors.some(text => RAID_VOLUME.test(text))
      ? {
          standing: 'unsupported',
          reason,
          hint: 'It is a RAID volume: the health of its members is read behind the controller.',
          volume: true,
        }
      : { standing: 'unsupported', reason, hint: 'Name the right -d type of smartctl in the setting disks.smartctl, under types.' }
  if (exit & 2) return { standing: 'unreadable', reason: reason ?? 'smartctl could not open it', hint: null }
  const support = report.smart_support
  if (support?.available === false) return { standing: 'unsupported', reason: 'it has no SMART', hint: null }
  if (support?.enabled === false)
    return { standing: 'unsupported', reason: 'SMART is switched off', hint: 'Switch it on: smartctl -s on DEVICE.' }
  if (exit & 1 || !report.device)
    return { standing: 'unreadable', reason: reason ?? `smartctl ended with ${exit} and told nothing`, hint: null }
  return { standing: 'unsupported', reason: reason ?? 'it answers, but gives no health data', hint: null }
}

function isAsleep(report: Report, exit: number, name: string): boolean {
  const messages = report.smartctl.messages ?? []
  if (messages.some(message => SLEEPING.test(message.string))) return true
  const argv = report.smartctl.argv?.join(' ') ?? name
  const failed = messages.some(({ severity }) => severity === 'error')
  return exit === ASLEEP_EXIT && argv.includes(`standby,${ASLEEP_EXIT}`) && !failed && !hasHealth(report, 0)
}

function hasHealth(report: Report, exit: number): boolean {
  return (
    report.smart_status?.passed !== undefined ||
    (report.ata_smart_attributes?.table.length ?? 0) > 0 ||
    report.nvme_smart_health_information_log !== undefined ||
    report.scsi_error_counter_log !== undefined ||
    report.scsi_grown_defect_list !== undefined ||
    (exit & 8) !== 0
  )
}

/** `/dev/sda`, or `/dev/bus/0 megaraid,4` behind a controller. */
function deviceOf(report: Report, name: string): string | null {
  const argv = report.smartctl.argv ?? (/^(\S*\/)?smartctl /.test(name) ? name.split(' ') : [])
  const device = report.device?.name ?? argv.findLast(word => word.startsWith('/dev/'))
  if (!device) return null
  const slot = slotOf(report.device?.type ?? argv[argv.indexOf('-d') + 1])
  return slot ? `${device} ${slot}` : device
}

/** The place behind a controller that a `-d` type names: `megaraid,4` of `sat+megaraid,4`. */
function slotOf(type: string | undefined): string | null {
  return /(?:[a-z0-9]+\+)?([a-z0-9]+,[\d,/]+)/.exec(type?.slice(0, 64) ?? '')?.[1] ?? null
}

/** A disk behind a controller shares the device of its volume: sysfs knows nothing of it. */
function deviceFacts(tree: Tree, device: string | null): ReturnType<typeof blockFacts> | undefined {
  return device && !device.includes(' ') ? blockFacts(tree, device) : undefined
}

/** World-wide names as the kernel writes them in sysfs: `naa.5000c500a1b2c3d4`, `eui.0025385a11b2c3d4`. */
function wwnOf(report: Report): string | null {
  const { wwn, logical_unit_id: unit } = report
  if (wwn && wwn.oui > 0 && wwn.id > 0) return `naa.${wwn.naa.toString(16)}${hex(wwn.oui, 6)}${hex(wwn.id, 9)}`
  if (unit && /^0x[0-9a-f]{16,32}$/i.test(unit) && !/0{12,}/.test(unit)) return `naa.${unit.slice(2).toLowerCase()}`
  const eui = report.nvme_namespaces?.[0]?.eui64
  return eui && eui.ext_id > 0 ? `eui.${hex(eui.oui, 6)}${hex(eui.ext_id, 10)}` : null
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0').slice(0, 16)

function modelAndSerial({ model, serial }: Pick<Disk, 'model' | 'serial'>): string | null {
  return model && serial ? `${model}_${serial}`.replace(/\s+/g, '_').slice(0, 128) : null
}
