import { type Host, NotInstalled } from '../../host.ts'
import { Absent, type Captured, Denied, Failed } from '../../probe.ts'
import { type ArrayState, blankArray, countMembers, detailOf, type Member, type MemberState, type RaidArray, raidFact } from './array.ts'

/** A physical drive as a controller's tool tells of it; what it does not tell is null. */
export type Drive = {
  /** Place behind the controller: `c0 252:3`, `0 1I:1:2`. */
  readonly slot: string
  /** The group of drives it belongs to, as volumes name theirs; null for a drive of its own. */
  readonly group: string | null
  readonly state: MemberState
  /** The tool's own word for the state. */
  readonly word: string
  readonly model: string | null
  readonly serial: string | null
  readonly firmware: string | null
  readonly wwn: string | null
  readonly interface: 'sata' | 'sas' | 'nvme' | 'unknown'
  readonly media: 'ssd' | 'hdd' | 'unknown'
  readonly sizeBytes: number | null
  readonly temperatureCelsius: number | null
  readonly mediaErrors: number | null
  /** Whether the drive has flagged itself; null where the tool does not say. */
  readonly alert: boolean | null
  readonly powerOnHours: number | null
  readonly enduranceUsedRatio: number | null
}

/** A volume of a controller. */
export type Volume = {
  readonly name: string
  readonly group: string | null
  readonly level: string | null
  readonly state: ArrayState
  readonly word: string
  /** Drives it was made of, where told. */
  readonly required: number | null
  readonly errors: number | null
  readonly sync: RaidArray['sync']
  readonly note: string | null
}

/** All that a tool's output tells of its controllers. */
export type Report = {
  readonly volumes: readonly Volume[]
  readonly drives: readonly Drive[]
  /** What the controller says of itself that is not good: a dead battery, a controller that failed. */
  readonly faults: readonly { readonly name: string; readonly state: ArrayState; readonly detail: string }[]
}

/** A drive of which only the place is known. */
export function blankDrive(slot: string): Drive {
  const nothing = {
    model: null,
    serial: null,
    firmware: null,
    wwn: null,
    sizeBytes: null,
    temperatureCelsius: null,
    mediaErrors: null,
    alert: null,
  }
  return {
    slot,
    group: null,
    state: 'unknown',
    word: '',
    interface: 'unknown',
    media: 'unknown',
    ...nothing,
    powerOnHours: null,
    enduranceUsedRatio: null,
  }
}

/** Reports of several outputs as one: what a fuller output tells of a drive counts. */
export function joinReports(reports: readonly Report[]): Report {
  const drives = new Map<string, Drive>()
  for (const drive of reports.flatMap(report => report.drives)) {
    const known = drives.get(drive.slot)
    drives.set(drive.slot, known ? fuller(known, drive) : drive)
  }
  const volumes = new Map(reports.flatMap(report => report.volumes).map(volume => [`${volume.name} ${volume.group}`, volume]))
  return { volumes: [...volumes.values()], drives: [...drives.values()], faults: reports.flatMap(report => report.faults) }
}

function fuller(known: Drive, drive: Drive): Drive {
  const told = Object.fromEntries(Object.entries(drive).filter(([, value]) => value !== null && value !== 'unknown' && value !== ''))
  return { ...known, ...told }
}

/** Volumes as arrays with the drives of their groups; groups whose volume was not told say nothing good. @throws Absent where there is none */
export function arraysOf(implementation: string, { volumes, drives, faults }: Report) {
  const groups = new Set(volumes.map(volume => volume.group))
  const orphans = [...new Set(drives.map(drive => drive.group))].filter(group => group !== null && !groups.has(group))
  const arrays = [
    ...volumes.map(volume => volumeArray(implementation, volume, drives)),
    ...orphans.map(group =>
      orphanArray(
        implementation,
        `group ${group}`,
        drives.filter(drive => drive.group === group),
      ),
    ),
    ...faults.map(fault => ({
      ...blankArray(implementation, fault.name),
      level: 'controller',
      state: fault.state,
      detail: detailOf(fault.detail),
    })),
  ]
  return raidFact(arrays, drives.length > 0 ? 'the controller has drives, but no array' : 'the controller has no array')
}

const memberOf = ({ slot, model, state }: Drive): Member => ({ name: model ? `${slot} ${model}` : slot, state })

function volumeArray(implementation: string, volume: Volume, all: readonly Drive[]): RaidArray {
  const own = all.filter(drive => volume.group !== null && drive.group === volume.group)
  const members = own.map(memberOf)
  const bad = own.filter(drive => drive.state === 'failed' || drive.state === 'missing' || drive.state === 'rebuilding')
  const flagged = own.filter(drive => drive.alert === true)
  const state = volume.state === 'ok' && bad.length > 0 ? 'degraded' : volume.state
  const counted = countMembers(members, volume.required)
  const working = members.length - (counted.spare ?? 0)
  return {
    ...blankArray(implementation, volume.name),
    level: volume.level?.slice(0, 32) ?? null,
    state,
    disks: {
      ...counted,
      missing: volume.required !== null && members.length > 0 ? Math.max(counted.missing ?? 0, volume.required - working) : counted.missing,
    },
    sync: volume.sync ?? (own.some(drive => drive.state === 'rebuilding') ? { action: 'recovery', ratio: null } : null),
    errors: volume.errors,
    members,
    detail: detailOf(
      state !== 'ok' && volume.word,
      ...bad.slice(0, 8).map(drive => `${drive.slot} is ${drive.word}`),
      ...flagged.slice(0, 8).map(drive => `${drive.slot} predicts its failure`),
      volume.note,
    ),
  }
}

/** Drives of a group whose volume was not told: one that is lost shows, that all is well does not. */
function orphanArray(implementation: string, name: string, own: readonly Drive[]): RaidArray {
  const members = own.map(memberOf)
  const bad = own.filter(drive => drive.state === 'failed' || drive.state === 'missing' || drive.state === 'rebuilding')
  return {
    ...blankArray(implementation, name),
    state: bad.length > 0 ? 'degraded' : 'unknown',
    disks: countMembers(members, null),
    members,
    detail: detailOf('its volumes were not told', ...bad.slice(0, 8).map(drive => `${drive.slot} is ${drive.word}`)),
  }
}

/** What a controller's tool is called, and which kernel drivers its controllers have. */
export type Tool = {
  readonly programs: readonly string[]
  /** Drivers under /sys/bus/pci/drivers that mean: such a controller is here. */
  readonly drivers: readonly string[]
  /** Another tool that reads the same controllers: where it is installed this one is not missed. */
  readonly instead?: readonly string[]
}

/** A day's work for some controllers: 2 to 20 s each. */
const TOOL_TIMEOUT_MS = 90_000

/** Runs the tool with each of the arguments where such a controller is here. @throws Absent without one, Failed where nobody watches it */
export async function askTool(host: Host, tool: Tool, calls: readonly (readonly string[])[]): Promise<Captured[]> {
  if (!(await hasController(host, tool))) throw new Absent(`no controller of the driver ${tool.drivers.join(' or ')} is here`)
  const program = await findProgram(host, tool, calls[0] ?? [])
  const rest: Captured[] = []
  for (const call of calls.slice(1)) rest.push(await host.run([program.name, ...call], { timeoutMs: TOOL_TIMEOUT_MS }))
  return [program.first, ...rest]
}

async function findProgram(host: Host, tool: Tool, call: readonly string[]): Promise<{ readonly name: string; readonly first: Captured }> {
  for (const name of tool.programs) {
    try {
      return { name, first: await host.run([name, ...call], { timeoutMs: TOOL_TIMEOUT_MS }) }
    } catch (error) {
      if (!(error instanceof NotInstalled)) throw error
    }
  }
  for (const other of tool.instead ?? [])
    if (await host.stat(other, { missing: undefined })) throw new Absent(`the controller is read by ${other}`)
  throw new Failed(
    `a RAID controller is here, but ${tool.programs[0]} is not installed`,
    `Install ${tool.programs.join(' or ')} of the controller's vendor in /usr/local/sbin, or switch this source off.`,
  )
}

async function hasController(host: Host, { drivers }: Tool): Promise<boolean> {
  for (const driver of drivers) {
    const names = await host.list(`/sys/bus/pci/drivers/${driver}`, { missing: [] as string[] })
    if (names.some(name => /^[0-9a-f]{4,8}:[0-9a-f]{2}:/.test(name))) return true
  }
  return false
}

/** The output, where there is one. @throws Denied where a right is missing, Error where it is empty */
export function printed({ text, stderr, code }: Captured, tool: string): string {
  if (
    /(need|requires?|must) .{0,40}\b(root|administrator|privilege)|permission denied|not permitted/i.test(`${stderr}${text.slice(0, 400)}`)
  )
    throw new Denied(`${tool} may not ask the controller`, 'Run the agent as root.')
  if (text.trim() !== '') return text
  throw new Error(
    `Cannot read ${tool}: it printed nothing${code === null ? '' : ` and ended with ${code}`}${stderr ? `: ${stderr.trim().slice(0, 200)}` : ''}`,
  )
}

/** `14.551 TB`, `223.0 GB`: as tools round it, in binary units (`binary`) or decimal ones. */
export function sizeOf(text: string | undefined, base: 1000 | 1024): number | null {
  const [, digits, unit = 'B'] = /^\s*(\d{1,9}(?:\.\d{1,6})?) ?([KMGTP])i?B\b/.exec(text ?? '') ?? []
  return digits === undefined ? null : Math.round(Number(digits) * base ** ' KMGTP'.indexOf(unit))
}
