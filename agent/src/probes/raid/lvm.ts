import { type Host, NotInstalled } from '../../host.ts'
import { Absent, type Captured, Denied, defineProbe, type Inputs } from '../../probe.ts'
import { untilHostError } from '../gather.ts'
import { documentIn, type Json, numberOf, objectOf, objectsOf, wordOf } from '../loose-json.ts'
import {
  type ArrayState,
  blankArray,
  boundedMembers,
  countMembers,
  detailOf,
  type Member,
  type RaidArray,
  raidFact,
  steadyRatio,
} from './array.ts'

const TIMEOUT_MS = 45_000
const VOLUMES = 'lv_name,vg_name,lv_attr,data_percent,metadata_percent,lv_health_status,sync_percent'
/** From here on a thin pool counts as about to fail, percent: LVM's own advice is to extend it at 70 to 80. */
const NEARLY_FULL = 95

/** Words of lv_health_status, see lvs(8). */
const HEALTH: Readonly<Record<string, ArrayState>> = {
  partial: 'degraded',
  'refresh needed': 'degraded',
  'mismatches exist': 'ok',
  failed: 'failed',
  out_of_data: 'failed',
  metadata_read_only: 'failed',
  unknown: 'unknown',
}
/** The same as the ninth letter of lv_attr. */
const LETTERS: Readonly<Record<string, string>> = {
  p: 'partial',
  r: 'refresh needed',
  m: 'mismatches exist',
  F: 'failed',
  D: 'out_of_data',
  M: 'metadata_read_only',
  X: 'unknown',
}

/** Where vgcfgbackup(8) puts what it knows of each group. */
const BACKUPS = '/etc/lvm/backup'

/** LVM: thin pools that fill up, mirrors and RAID volumes, volume groups that miss a disk; by lvs(8) and pvs(8). */
export default defineProbe({
  subject: 'raid',
  source: 'lvm',
  platforms: ['linux'],
  every: '1h',
  timeout: '2m',
  heavy: true,
  privilege: 'root: only it may read disks',
  blind: 'A thin pool is told as degraded from 95 % on; how fast it fills is not told.',
  inputs: {
    lvs: { from: `lvs --reportformat json --nolocking -o ${VOLUMES}`, recognise: text => /"lv"\s*:/.test(text) },
    pvs: { from: 'pvs --reportformat json --nolocking --readonly -o pv_name,vg_name,pv_missing', recognise: text => /"pv"\s*:/.test(text) },
  },

  parse: parseLvm,

  async read(host: Host) {
    const mapped = (await host.list('/sys/block', { missing: [] as string[] })).some(name => name.startsWith('dm-'))
    // A group that has lost a disk may have no active volume left: LVM keeps a file for each that it knew here.
    const known = mapped || ((await untilHostError(host.list(BACKUPS, { missing: [] as string[] }))) ?? []).length > 0
    if (!known) throw new Absent('no device is mapped, so no volume of LVM is active')
    try {
      // With --readonly lvs does not ask device-mapper, which alone knows how full a thin pool is.
      const lvs = await host.run(['lvs', '--reportformat', 'json', '--nolocking', '-o', VOLUMES], { timeoutMs: TIMEOUT_MS })
      const pvs = await host.run(['pvs', '--reportformat', 'json', '--nolocking', '--readonly', '-o', 'pv_name,vg_name,pv_missing'], {
        timeoutMs: TIMEOUT_MS,
      })
      return parseLvm({ lvs: [lvs], pvs: [pvs] })
    } catch (error) {
      if (error instanceof NotInstalled) throw new Absent('LVM is not installed')
      throw error
    }
  },
})

/** @throws Absent where nothing has redundancy or is thin, Denied without root, Error where a report cannot be read */
function parseLvm(inputs: Inputs) {
  const captures = [...(inputs.lvs ?? []), ...(inputs.pvs ?? [])]
  if (captures.length === 0) throw new Error('Cannot judge without the input lvs')
  const reports = captures.map(reportOf)
  const volumes = reports.flatMap(report => rowsOf(report, 'lv')).flatMap(row => volumeOf(row) ?? [])
  const disks = reports.flatMap(report => rowsOf(report, 'pv'))
  return raidFact([...volumes, ...incomplete(disks)], 'no volume of LVM has redundancy or is thin, and no group misses a disk')
}

function reportOf({ text, stderr, code }: Captured): Json[] {
  const blind = /non-root user|Permission denied/i.test(`${stderr}${text.slice(0, 500)}`)
  if (text.trim() === '' && !blind)
    throw new Error(
      `Cannot read LVM: it printed nothing${code === null ? '' : ` and ended with ${code}`}${stderr ? `: ${stderr.trim().slice(0, 200)}` : ''}`,
    )
  if (blind) throw new Denied('LVM may not read the disks', 'Run the agent as root.')
  if (code !== null && code !== 0) throw new Error(`Cannot read LVM: it ended with ${code}: ${stderr.trim().slice(0, 200)}`)
  const report = objectOf(documentIn(text))?.report
  if (!Array.isArray(report)) throw new Error('Cannot find a report in the JSON of LVM')
  return objectsOf(report)
}

const rowsOf = (report: readonly Json[], kind: 'lv' | 'pv'): Json[] => report.flatMap(part => objectsOf(part[kind]))

function volumeOf(row: Json): RaidArray | undefined {
  const name = wordOf(row.lv_name)?.replace(/^\[|\]$/g, '')
  const attributes = wordOf(row.lv_attr)
  if (!name || !attributes || attributes.length < 9) throw new Error('Cannot read a volume of LVM: it has no name or no attributes')
  const kind = attributes.charAt(0)
  const health = wordOf(row.lv_health_status) ?? LETTERS[attributes.charAt(8)]
  const thin = kind === 't'
  const redundant = /[rRmM]/.test(kind)
  if (!thin && !redundant && health === undefined) return undefined
  const array = blankArray('lvm', `${wordOf(row.vg_name) ?? '?'}/${name}`)
  const told = health === undefined ? 'ok' : (HEALTH[health] ?? 'unknown')
  // A volume without redundancy that misses a part has lost it.
  const state = health === 'partial' && !redundant ? 'failed' : told
  const sync = numberOf(row.sync_percent)
  const running = redundant && sync !== null && sync < 100
  const judged = thin ? poolState(row, state) : { state, detail: null }
  return {
    ...array,
    level: thin ? 'thin pool' : /[rR]/.test(kind) ? 'raid' : /[mM]/.test(kind) ? 'mirror' : 'linear',
    state: judged.state,
    sync: running ? { action: 'resync', ratio: steadyRatio(sync / 100) } : null,
    detail: detailOf(health, judged.detail),
  }
}

function poolState(row: Json, state: ArrayState): { readonly state: ArrayState; readonly detail: string | null } {
  const data = numberOf(row.data_percent)
  const metadata = numberOf(row.metadata_percent)
  if (state === 'failed') return { state, detail: null }
  if (data === null || metadata === null) return { state: 'unknown', detail: 'how full it is was not told' }
  const full = Math.max(data, metadata)
  if (full < NEARLY_FULL) return { state, detail: null }
  const what = data >= metadata ? 'data' : 'metadata'
  return { state: full >= 100 ? 'failed' : 'degraded', detail: `its ${what} is ${Math.floor(full)} % full: at 100 % writes fail` }
}

/** Volume groups of which a disk is missing. */
function incomplete(disks: readonly Json[]): RaidArray[] {
  const groups = new Map<string, Member[]>()
  for (const disk of disks) {
    const group = wordOf(disk.vg_name)
    if (disk.pv_missing === undefined && wordOf(disk.pv_attr) === undefined)
      throw new Error('Cannot read a disk of LVM: whether it is missing was not told')
    const missing = /^(missing|1)$/i.test(wordOf(disk.pv_missing) ?? '') || /^..m/.test(wordOf(disk.pv_attr) ?? '')
    if (group)
      groups.set(group, [...(groups.get(group) ?? []), { name: wordOf(disk.pv_name) ?? 'unknown', state: missing ? 'missing' : 'active' }])
  }
  return [...groups].flatMap(([group, members]) => {
    const missing = members.filter(member => member.state === 'missing').length
    if (missing === 0) return []
    const disks = countMembers(members, members.length)
    return [
      {
        ...blankArray('lvm', `${group} (group)`),
        level: 'volume group',
        state: 'degraded' as const,
        disks,
        members: boundedMembers(members),
        detail: `${missing} of its disks are missing`,
      },
    ]
  })
}
