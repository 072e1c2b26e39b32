import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, type Captured, defineProbe, type Inputs, type Probe } from '../../probe.ts'
import { captureFolder, listsPath, namesUnder, shortText, sysfsTree, type Tree, textOf, wholeOf } from '../sysfs.ts'
import { parseDetail, parseExamine, parseScan } from './mdadm-text.ts'
import { emptyArray, type MdArray, parseMdstat } from './mdstat.ts'

const MD_FILES = /^(array_state|degraded|sync_action|last_sync_action|mismatch_cnt|raid_disks)$/
const MEMBER_FILES = /^(state|slot)$/
const PARITY = /^raid[456]$/
const MOST_ARRAYS = 256
/** Steps of a running sync's progress, so that it is told a hundred times at most. */
const RATIO_STEPS = 100

export default mdProbe()

/** md arrays from /proc/mdstat and sysfs, see md(4). The kernel publishes both without privileges. Each probe remembers the arrays it saw. */
export function mdProbe(): Probe {
  const seen = new Map<string, MdArray>()
  return defineProbe({
    subject: 'raid',
    source: 'md',
    platforms: ['linux'],
    every: '5m',
    timeout: '15s',
    blind:
      'An array that was stopped or never assembled is not listed by the kernel; one that the agent saw is told as failed until the agent is restarted. When an array was last checked is not recorded by md.',
    inputs: {
      mdstat: { from: '/proc/mdstat', recognise: text => /^Personalities\s*:/m.test(text) },
      sysfs: { from: '/sys/block/md*/md/**', recognise: text => listsPath(text, '/md/') },
      detail: {
        from: 'mdadm --detail DEVICE',
        recognise: text => /^\/dev\/\S+:\s*$/m.test(text) && /^[ \t]*Raid Level : /m.test(text) && !isExamine(text),
      },
      examine: { from: 'mdadm --examine DEVICE', recognise: isExamine },
      scan: { from: 'mdadm --detail --scan', recognise: text => /^(INACTIVE-)?ARRAY \S/m.test(text) },
    },

    parse: inputs => factOf(arraysOf(inputs)),

    async read(host: Host) {
      const mdstat = await host.captured('/proc/mdstat', { missing: undefined })
      const arrays = mdstat ? arraysOf({ mdstat: [mdstat], sysfs: await captureSysfs(host) }) : []
      return factOf(withGone(seen, arrays).map(steady))
    },
  })
}

function isExamine(text: string): boolean {
  return /^\/dev\/\S+:\s*$/m.test(text) && /^[ \t]*Magic : /m.test(text)
}

async function captureSysfs(host: Host): Promise<Captured[]> {
  const found: Captured[] = []
  for (const name of (await host.list('/sys/block', { missing: [] as string[] })).filter(name => /^md/.test(name))) {
    const folder = `/sys/block/${name}/md`
    found.push(...(await captureFolder(host, folder, MD_FILES)))
    const members = (await host.list(folder, { missing: [] as string[] })).filter(entry => entry.startsWith('dev-'))
    for (const member of members) found.push(...(await captureFolder(host, `${folder}/${member}`, MEMBER_FILES)))
  }
  return found
}

/** @throws Absent where there is no array */
function factOf(arrays: readonly MdArray[]): FactTypes['raid'] {
  if (arrays.length === 0) throw new Absent('no md array is assembled')
  if (arrays.length <= MOST_ARRAYS) return { arrays: [...arrays] }
  const left = arrays.length - MOST_ARRAYS + 1
  return { arrays: [...arrays.slice(0, MOST_ARRAYS - 1), { ...emptyArray('more'), detail: `${left} more arrays than a fact may carry` }] }
}

/** @throws Absent where the md driver is not loaded, Error where a text cannot be read */
function arraysOf(inputs: Inputs): MdArray[] {
  const tree = sysfsTree(inputs.sysfs ?? [])
  const arrays = [
    ...(inputs.mdstat ?? []).flatMap(captured => parseMdstat(presentText(captured))).map(array => refine(array, tree)),
    ...(inputs.detail ?? []).flatMap(captured => parseDetail(captured.text)),
    ...(inputs.examine ?? []).flatMap(captured => parseExamine(captured.text)),
    ...(inputs.scan ?? []).flatMap(captured => parseScan(captured.text)),
  ]
  if (!inputs.mdstat && !inputs.detail && !inputs.examine && !inputs.scan) throw new Error('Cannot judge without the input mdstat')
  return arrays
}

function presentText({ text, stderr }: Captured): string {
  if (text === '' && /No such file/.test(stderr)) throw new Absent('the md driver is not loaded')
  return text
}

/** What sysfs tells more exactly. Its word counts where it is worse than /proc/mdstat's. */
function refine(array: MdArray, tree: Tree): MdArray {
  const folder = `/sys/block/${array.name}/md`
  if (namesUnder(tree, folder).length === 0) return array
  const state = textOf(tree, `${folder}/array_state`)
  const degraded = wholeOf(tree, `${folder}/degraded`)
  const designed = wholeOf(tree, `${folder}/raid_disks`)
  const required = array.disks.required ?? (designed !== null && designed > 0 ? designed : null)
  const broken = array.level !== 'container' && state !== null && /^(broken|inactive)$/.test(state)
  const members = array.members.map(member => ({ ...member, state: memberState(tree, `${folder}/dev-${member.name}`) ?? member.state }))
  return {
    ...array,
    state: broken ? 'failed' : array.state === 'ok' && degraded !== null && degraded > 0 ? 'degraded' : array.state,
    disks: { ...array.disks, required },
    members,
    ...mismatches(array, tree, folder),
  }
}

/** See Documentation/admin-guide/md.rst: a spare with a slot is being rebuilt. */
function memberState(tree: Tree, folder: string): MdArray['members'][number]['state'] | null {
  const words = textOf(tree, `${folder}/state`)?.split(',')
  const slot = textOf(tree, `${folder}/slot`)
  if (!words) return null
  if (words.includes('faulty')) return 'failed'
  if (words.includes('in_sync')) return 'active'
  if (!words.includes('spare') || slot === null) return null
  return /^\d+$/.test(slot) ? 'rebuilding' : 'spare'
}

/** Mirrors count blocks that were in flight, swap above all, so only parity levels' counts are errors; see md(4). */
function mismatches(array: MdArray, tree: Tree, folder: string): Pick<MdArray, 'errors' | 'detail'> {
  const count = wholeOf(tree, `${folder}/mismatch_cnt`)
  const verified = /^(check|repair|resync)$/.test(textOf(tree, `${folder}/last_sync_action`) ?? '')
  if (count === null || count < 0 || (count === 0 && !verified)) return { errors: null, detail: array.detail }
  if (PARITY.test(array.level ?? '')) return { errors: count, detail: array.detail }
  const note = count > 0 ? `the last check counted ${count} sectors that differ, which swap on a mirror can cause` : null
  return { errors: null, detail: shortText([array.detail, note].filter(Boolean).join('; '), 512) }
}

/** The kernel forgets an array that is stopped or lost: what was there before and is gone stays told. */
function withGone(seen: Map<string, MdArray>, arrays: readonly MdArray[]): MdArray[] {
  for (const array of arrays) seen.set(array.name, array)
  const present = new Set(arrays.map(array => array.name))
  const gone = [...seen.values()].filter(array => !present.has(array.name))
  return [...arrays, ...gone.map(asGone)]
}

function asGone(array: MdArray): MdArray {
  const { required } = array.disks
  return {
    ...array,
    state: 'failed',
    disks: { required, active: 0, failed: null, spare: null, missing: required },
    sync: null,
    members: array.members.map(({ name }) => ({ name, state: 'missing' })),
    detail: 'was there before and is gone; restart the agent if it was removed on purpose',
  }
}

function steady(array: MdArray): MdArray {
  const ratio = array.sync?.ratio
  if (!array.sync || ratio === null || ratio === undefined) return array
  return { ...array, sync: { ...array.sync, ratio: Math.floor(ratio * RATIO_STEPS) / RATIO_STEPS } }
}
