import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, type Captured, defineProbe, type Inputs, type ParseContext } from '../../probe.ts'
import { captureFolder, listsPath, namesUnder, shortText, sysfsTree, type Tree, textOf, wholeOf } from '../sysfs.ts'

const ROOT = '/sys/devices/system/edac/mc'
const CONTROLLER_FILES = /^(mc_name|ce_count|ue_count|seconds_since_reset)$/
const DIMM_FILES = /^(dimm_label|dimm_ce_count|dimm_ue_count)$/
const ROW_FILES = /^ch\d+_(ce_count|ue_count|dimm_label)$/
/** The clock and the counter are read a moment apart: without it the reset would move at every look. */
const RESET_STEP_MS = 600_000

type Controller = FactTypes['memory']['controllers'][number]
type Dimm = Controller['dimms'][number]

/** Errors that memory controllers with ECC counted; see the kernel's Documentation/admin-guide/ras.rst. */
export default defineProbe({
  subject: 'memory',
  source: 'edac',
  platforms: ['linux'],
  every: '15m',
  timeout: '30s',
  blind: 'Counters start again at boot and when the driver is loaded. Firmware that handles errors first may hide them from the kernel.',
  inputs: { sysfs: { from: `${ROOT}/**`, recognise: text => listsPath(text, 'edac/mc') } },

  parse: parseEdac,

  async read(host: Host) {
    const controllers = (await host.list(ROOT, { missing: [] as string[] })).filter(name => /^mc\d+$/.test(name))
    const sysfs: Captured[] = []
    for (const name of controllers) sysfs.push(...(await captureController(host, `${ROOT}/${name}`)))
    return parseEdac({ sysfs }, { now: host.now(), hostname: host.hostname, options: undefined })
  },
})

async function captureController(host: Host, folder: string): Promise<Captured[]> {
  const found = await captureFolder(host, folder, CONTROLLER_FILES)
  for (const name of await host.list(folder, { missing: [] as string[] })) {
    if (/^(dimm|rank)\d+$/.test(name)) found.push(...(await captureFolder(host, `${folder}/${name}`, DIMM_FILES)))
    if (/^csrow\d+$/.test(name)) found.push(...(await captureFolder(host, `${folder}/${name}`, ROW_FILES)))
  }
  return found
}

/** @throws Absent where no controller counts errors, Error where a controller does not give its counters */
export function parseEdac(inputs: Inputs, context: ParseContext): FactTypes['memory'] {
  const tree = sysfsTree(inputs.sysfs ?? [])
  const names = namesUnder(tree, ROOT).filter(name => /^mc\d+$/.test(name))
  if (names.length === 0 && tree.size > 0) throw new Error(`Cannot find a controller in what was given: wanted files under ${ROOT}`)
  if (names.length === 0) throw new Absent('no memory controller counts errors: no ECC memory, or no EDAC driver for it')
  return { controllers: names.slice(0, 64).map(name => controllerOf(tree, name, context.now)) }
}

function controllerOf(tree: Tree, name: string, now: number): Controller {
  const folder = `${ROOT}/${name}`
  const seconds = wholeOf(tree, `${folder}/seconds_since_reset`)
  return {
    id: name.slice(0, 64),
    kind: shortText(textOf(tree, `${folder}/mc_name`), 128),
    // The totals hold what could not be told to a module (*_noinfo_count) too.
    correctable: counterOf(tree, `${folder}/ce_count`),
    uncorrectable: counterOf(tree, `${folder}/ue_count`),
    since: seconds === null || seconds < 0 ? null : Math.round((now - seconds * 1000) / RESET_STEP_MS) * RESET_STEP_MS,
    dimms: dimmsOf(tree, folder).slice(0, 128),
  }
}

/** A counter that must be there: an unknown is never 0. */
function counterOf(tree: Tree, path: string): number {
  const count = wholeOf(tree, path)
  if (count === null || count < 0) throw new Error(`Cannot read the error counter ${path}`)
  return count
}

/** Modules as newer kernels list them, else the channels of each chip-select row. */
function dimmsOf(tree: Tree, folder: string): Dimm[] {
  const names = namesUnder(tree, folder)
  const modules = names.filter(name => /^(dimm|rank)\d+$/.test(name))
  if (modules.length > 0) return modules.map(name => dimmOf(tree, `${folder}/${name}/dimm_`, name))
  return names.filter(name => /^csrow\d+$/.test(name)).flatMap(row => channelsOf(tree, `${folder}/${row}`, row))
}

function channelsOf(tree: Tree, folder: string, row: string): Dimm[] {
  const channels = namesUnder(tree, folder).flatMap(name => /^(ch\d+)_(?:ce_count|dimm_label)$/.exec(name)?.[1] ?? [])
  return [...new Set(channels)].map(channel => ({
    ...dimmOf(tree, `${folder}/${channel}_`, `${row} ${channel}`),
    label: shortText(textOf(tree, `${folder}/${channel}_dimm_label`), 128) ?? `${row} ${channel}`,
  }))
}

function dimmOf(tree: Tree, prefix: string, name: string): Dimm {
  return {
    label: shortText(textOf(tree, `${prefix}label`), 128) ?? name,
    correctable: positive(wholeOf(tree, `${prefix}ce_count`)),
    uncorrectable: positive(wholeOf(tree, `${prefix}ue_count`)),
  }
}

const positive = (value: number | null): number | null => (value !== null && value >= 0 ? value : null)
