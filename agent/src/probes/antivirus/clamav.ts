import type { FactTypes } from '@fettle/catalog'
import * as v from 'valibot'
import { type Host, NotInstalled } from '../../host.ts'
import { Absent, type Captured, defineProbe, type Inputs, type ParseContext, sole } from '../../probe.ts'
import { gatherSchedule, scheduledIn } from './clamav-schedule.ts'

type Product = FactTypes['antivirus']['products'][number]

const options = v.object({
  databaseDirectory: v.optional(v.string(), '/var/lib/clamav'),
  /** systemd units that are the scanner. */
  units: v.optional(v.array(v.string()), ['clamav-daemon.service', 'clamd@scan.service', 'clamd.service']),
})
type Options = v.InferOutput<typeof options>

/** A header is 512 bytes; see "CVD" in ClamAV's documentation of signatures. */
const HEADER_BYTES = 512
/** Where the updater's cron job lives in packages that have no unit for it. */
const CRON = '/etc/cron.d'

/**
 * ClamAV: age of the daily signatures, scanner, on-access scanner and updater; see clamd(8), clamonacc(8), freshclam(1). main.cvd is old by
 * design and file times say when a file came, so only the header of the daily database counts.
 */
export default defineProbe<'antivirus', Options>({
  subject: 'antivirus',
  source: 'clamav',
  platforms: ['linux'],
  every: '30m',
  timeout: '30s',
  setting: {
    schema: options,
    default: {},
    doc: 'Where ClamAV keeps its signatures, and which systemd units are its scanner.',
    example: { databaseDirectory: '/var/lib/clamav', units: ['clamav-daemon.service'] },
  },
  blind:
    'Third-party signatures; whether the on-access scanner watches all folders; when scheduled scans ran, which folders they scan and what they found.',
  inputs: {
    daily: { from: '/var/lib/clamav/daily.{cvd,cld}', recognise: text => text.startsWith('ClamAV-VDB:') },
    sigtool: { from: 'sigtool --info /var/lib/clamav/daily.cvd', recognise: text => /^Build time: /m.test(text) },
    version: { from: 'clamscan --version', recognise: text => /^ClamAV \d/.test(text) },
    database: { from: 'ls /var/lib/clamav', recognise: text => /^[\w.-]+\.(cvd|cld|ndb|hdb|ldb|dat)$/m.test(text) },
    units: {
      from: 'systemctl list-units --all --plain --no-legend …',
      recognise: text => /^\S{0,80}clam\S{0,80}\.(service|timer)\s/m.test(text),
    },
    processes: { from: 'ps -e -o pid=,comm=', recognise: text => /^ {0,12}1 \S{1,64}\s*$/m.test(text) },
    cron: { from: `ls ${CRON}` },
    enabled: { from: 'systemctl is-enabled clamav-daemon.service' },
    daemon: { from: 'clamd --version' },
    schedules: { from: 'files of cron and services of timers that start clamscan' },
    timers: { from: 'systemctl is-active TIMER …' },
    hidden: { from: 'folders of cron that may not be read' },
  },
  parse: parseClamav,

  async read(host: Host, { databaseDirectory, units }: Options) {
    const version = await versionOf(host, databaseDirectory)
    const names = await host.list(databaseDirectory, { missing: [] })
    const daily = []
    for (const name of names) if (/^daily\.(cvd|cld)$/.test(name)) daily.push(await header(host, `${databaseDirectory}/${name}`))
    const inputs: Inputs = {
      version: [version],
      database: [listing(databaseDirectory, names)],
      daily,
      units: await perhaps(host, ['systemctl', 'list-units', '--all', '--plain', '--no-legend', '*clam*', ...units]),
      processes: await perhaps(host, ['ps', '-e', '-o', 'pid=,comm=']),
      cron: [listing(CRON, await host.list(CRON, { missing: [] }))],
    }
    const stands = scannerRuns(inputs, units) !== false
    const all = stands ? inputs : { ...inputs, ...(await gatherSchedule(host, units)) }
    return parseClamav(all, { now: host.now(), hostname: host.hostname, options: { databaseDirectory, units } })
  },
})

/** The first of its programs that is there. @throws Absent */
async function versionOf(host: Host, databaseDirectory: string): Promise<Captured> {
  for (const argv of [
    ['clamscan', `--database=${databaseDirectory}`, '--version'],
    ['clamd', '--version'],
    ['freshclam', '--version'],
  ]) {
    const [captured] = await perhaps(host, argv)
    if (captured) return captured
  }
  throw new Absent('ClamAV is not installed')
}

async function header(host: Host, path: string): Promise<Captured> {
  const bytes = await host.bytes(path, HEADER_BYTES)
  return { text: Buffer.from(bytes).toString('latin1'), stderr: '', code: null, name: path, modifiedAt: null }
}

async function perhaps(host: Host, argv: readonly string[]): Promise<Captured[]> {
  try {
    return [await host.run(argv)]
  } catch (error) {
    if (error instanceof NotInstalled) return []
    throw error
  }
}

function listing(path: string, names: readonly string[]): Captured {
  return { text: names.map(name => `${name}\n`).join(''), stderr: '', code: null, name: path, modifiedAt: null }
}

/** @throws where an input is no such thing, or none says anything of ClamAV */
export function parseClamav(inputs: Inputs, context: ParseContext<Options>): FactTypes['antivirus'] {
  const running = scannerRuns(inputs, context.options.units)
  const onAccess = runs(inputs, 'clamonacc', unit => /^(clamav-)?clamonacc\.service$/.test(unit))
  const signatures = newest(inputs)
  const engine = engineOf(sole(inputs, 'version'))
  if (!engine && !signatures && running === null) throw new Error('Cannot tell anything of ClamAV: wanted its version, signatures or units')
  const scheduled = running === false ? scheduledIn(inputs) : undefined
  const product: Product = {
    name: 'ClamAV',
    vendor: 'Cisco Talos',
    version: engine?.version ?? null,
    kind: 'antivirus',
    running,
    realtime: both(running, onAccess),
    passive: false,
    signaturesVersion: signatures?.version ?? engine?.signatures ?? null,
    signaturesAt: signatures?.at ?? null,
    signaturesCurrent: null,
    updaterRunning: updaterRuns(inputs),
    tamperProtection: null,
    degraded: degradedBy(inputs, signatures),
    quickScanAt: null,
    fullScanAt: null,
    activeThreats: null,
    detections: null,
    tellsScans: false,
    ...(scheduled === undefined ? {} : { scheduled }),
  }
  return { products: [product] }
}

function scannerRuns(inputs: Inputs, units: readonly string[]): boolean | null {
  return runs(inputs, 'clamd', unit => units.includes(unit))
}

type Signatures = { readonly version: string; readonly at: number }

/** The newest of the daily databases; the engine loads that one. @throws where one is given and none can be read */
function newest(inputs: Inputs): Signatures | undefined {
  const told = [...(inputs.daily ?? []).map(headerOf), ...(inputs.sigtool ?? []).map(sigtoolOf)]
  const read = told.filter(one => one !== undefined).sort((a, b) => b.at - a.at)
  if (told.length > 0 && read.length === 0) throw new Error('Cannot read the header of the daily signatures: wanted ClamAV-VDB:…')
  return read[0]
}

/** `ClamAV-VDB:time:version:signatures:level:md5:signature:builder:epoch`; the time has a dash, since colons part the fields. */
function headerOf({ text }: Captured): Signatures | undefined {
  const [magic, , version = '', , , , , , epoch = ''] = text.slice(0, HEADER_BYTES).split(':')
  const at = Number(/^\d{9,11}/.exec(epoch)?.[0]) * 1000
  return magic === 'ClamAV-VDB' && /^\d{1,12}$/.test(version) && at > 0 ? { version, at } : undefined
}

function sigtoolOf({ text }: Captured): Signatures | undefined {
  const built = /^Build time: (\d\d \w{3} \d{4} \d\d)[:-](\d\d \S{1,6})\s*$/m.exec(text)
  const version = /^Version: (\d{1,12})\s*$/m.exec(text)?.[1]
  const at = built ? Date.parse(`${built[1]}:${built[2]}`) : Number.NaN
  return version && at > 0 ? { version, at } : undefined
}

/** `ClamAV 1.4.6/27455/Fri Nov  7 …`; without a database the engine alone. The time there has no zone, so it is not read. */
function engineOf(captured: Captured | undefined): { version: string; signatures: string | null } | undefined {
  if (!captured) return undefined
  const [, version, signatures] = /^ClamAV (\d[^/\s]{0,60})(?:\/(\d{1,12})\/)?/m.exec(captured.text) ?? []
  if (!version) throw new Error(`Cannot read the version of ClamAV: ${(captured.text || captured.stderr).trim().split('\n')[0]}`)
  return { version, signatures: signatures ?? null }
}

function degradedBy(inputs: Inputs, signatures: Signatures | undefined): string | null {
  const names = sole(inputs, 'database')?.text.split('\n')
  if (names && !signatures && !names.some(name => /^daily\.(cvd|cld)$/.test(name))) return 'no signature database'
  return null
}

/**
 * Whether a program of ClamAV runs. Where systemd answers, its units decide: a process besides may belong to a container. `null` where neither
 * tells.
 */
function runs(inputs: Inputs, process: string, isUnit: (unit: string) => boolean): boolean | null {
  const units = unitsOf(sole(inputs, 'units'))
  const processes = processesOf(sole(inputs, 'processes'))
  if (units?.some(([unit, state]) => isUnit(unit) && state === 'active')) return true
  const seen = processes?.has(process)
  if (units) return seen ? null : false
  return seen ?? null
}

function updaterRuns(inputs: Inputs): boolean | null {
  const runsNow = runs(inputs, 'freshclam', unit => /^(clamav-)?freshclam(-once)?\.(service|timer)$/.test(unit))
  const byCron = sole(inputs, 'cron')
    ?.text.split('\n')
    .some(name => /clam/.test(name))
  return runsNow === false && byCron ? null : runsNow
}

/** Unit and state of `systemctl list-units`; undefined where systemd does not run this machine. */
function unitsOf(captured: Captured | undefined): [string, string][] | undefined {
  if (!captured || (captured.code ?? 0) !== 0 || captured.stderr.trim() !== '') return undefined
  const rows = captured.text.split('\n').map(line => line.replace(/^[●*\s]+/, '').split(/\s+/))
  return rows.filter(row => row.length >= 4).map(row => [row[0] ?? '', row[2] ?? ''])
}

/** Names of processes; undefined where the list is not whole (process 1 is hidden from us). */
function processesOf(captured: Captured | undefined): Set<string> | undefined {
  const rows = captured?.text.split('\n').map(line => line.trim().split(/\s+/)) ?? []
  return rows.some(([pid]) => pid === '1') ? new Set(rows.map(row => row[1] ?? '')) : undefined
}

/** The on-access scanner only passes files on to the scanner. */
function both(running: boolean | null, onAccess: boolean | null): boolean | null {
  if (running === false || onAccess === false) return false
  return running && onAccess ? true : null
}
