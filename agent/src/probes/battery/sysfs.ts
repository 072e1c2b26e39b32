import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, type Captured, defineProbe, type Inputs } from '../../probe.ts'
import { captureFolder, listsPath, shortText, sysfsTree, type Tree, textOf, wholeOf } from '../sysfs.ts'
import { type Battery, chargeOf, cyclesOf, healthOf } from './reading.ts'
import { parseAcpi, parseUpower } from './tools.ts'

const ROOT = '/sys/class/power_supply'
const MOST = 16
const FILES =
  /^(type|scope|present|status|capacity|cycle_count|energy_(now|full|full_design)|charge_(now|full|full_design)|manufacturer|model_name|serial_number|health)$/
/** Drivers of mice, keyboards and pens that say no scope on older kernels. */
const PERIPHERAL = /^(hid|wacom|sony|ps-controller|apple_mfi|nintendo|steam|xpad|gip)/i
/** The kernel's states; "Not charging" is what a charge limit on mains looks like, and no fault. */
const STATES: { readonly [word: string]: Battery['state'] } = {
  charging: 'charging',
  discharging: 'discharging',
  full: 'full',
  'not charging': 'not-charging',
}

/** Batteries as the kernel shows them; see its Documentation/ABI/testing/sysfs-class-power. Files; no privilege. */
export default defineProbe({
  subject: 'battery',
  source: 'sysfs',
  platforms: ['linux'],
  every: '15m',
  timeout: '30s',
  cost: 'reads files; what acpi(1) and upower(1) print is read where it is given',
  blind: 'Firmware that says no design capacity, or learns it wrong. Swollen cells.',
  inputs: {
    sysfs: { from: `${ROOT}/*/*`, recognise: text => listsPath(text, 'power_supply') },
    acpi: { from: 'acpi -V', recognise: text => /^(Battery|Adapter) \d{1,3}: |^No support for device type: power_supply/m.test(text) },
    upower: { from: 'upower -d', recognise: text => /^[ \t]*native-path:/m.test(text) },
  },
  parse: parseBatteries,

  async read(host: Host) {
    const sysfs: Captured[] = []
    for (const name of await host.list(ROOT, { missing: new Absent('the kernel shows no power supply') })) {
      sysfs.push(...(await captureFolder(host, `${ROOT}/${name}`, FILES)))
    }
    if (sysfs.length === 0) throw new Absent('the kernel shows no power supply')
    return parseBatteries({ sysfs })
  },
})

/** @throws Absent where no battery powers the machine, Error where what was given is of something else */
export function parseBatteries(inputs: Inputs): FactTypes['battery'] {
  if (!['sysfs', 'acpi', 'upower'].some(name => inputs[name]?.length)) throw new Error('Cannot judge without the input sysfs')
  const tree = sysfsTree(inputs.sysfs ?? [])
  if (tree.size > 0 && ![...tree.keys()].some(path => path.includes('/power_supply/'))) {
    throw new Error(`Cannot find a power supply in what was given: wanted files under ${ROOT}`)
  }
  const folders = new Set(
    [...tree.keys()].filter(path => /\/power_supply\/[^/]+\/[^/]+$/.test(path)).map(path => path.slice(0, path.lastIndexOf('/'))),
  )
  const ofTree = [...folders].sort().filter(folder => isOwn(tree, folder))
  const batteries = [
    ...ofTree.map(folder => batteryOf(tree, folder)),
    ...(inputs.acpi ?? []).flatMap(({ text }) => parseAcpi(text)),
    ...(inputs.upower ?? []).flatMap(({ text }) => parseUpower(text)),
  ]
  if (batteries.length === 0) throw new Absent('no battery powers this machine')
  return { batteries: batteries.slice(0, MOST) }
}

/** `scope` Device is the battery of a mouse; `present` 0 an empty bay. */
function isOwn(tree: Tree, folder: string): boolean {
  const name = folder.slice(folder.lastIndexOf('/') + 1)
  const isBattery = textOf(tree, `${folder}/type`) === 'Battery'
  return isBattery && textOf(tree, `${folder}/scope`) !== 'Device' && !PERIPHERAL.test(name) && wholeOf(tree, `${folder}/present`) !== 0
}

/** Drivers tell energy (µWh) or charge (µAh), never both whole. */
function batteryOf(tree: Tree, folder: string): Battery {
  const number = (name: string) => wholeOf(tree, `${folder}/${name}`)
  const unit = number('energy_full_design') !== null ? 'energy' : 'charge'
  const full = number(`${unit}_full`)
  const percent = number('capacity')
  const word = textOf(tree, `${folder}/status`)?.toLowerCase() ?? ''
  const health = shortText(textOf(tree, `${folder}/health`), 128)
  return {
    name: shortText(folder.slice(folder.lastIndexOf('/') + 1), 64) ?? 'battery',
    vendor: shortText(textOf(tree, `${folder}/manufacturer`), 128),
    model: shortText(textOf(tree, `${folder}/model_name`), 128),
    serial: serialOf(textOf(tree, `${folder}/serial_number`)),
    healthRatio: healthOf(full, number(`${unit}_full_design`)),
    chargeRatio: percent !== null && percent <= 100 ? chargeOf(percent, 100) : chargeOf(number(`${unit}_now`), full),
    cycles: cyclesOf(number('cycle_count')),
    state: Object.hasOwn(STATES, word) ? (STATES[word] ?? 'unknown') : 'unknown',
    service: /^dead$/i.test(health ?? '') ? true : null,
    condition: health === null || /^unknown$/i.test(health) ? null : health,
  }
}

/** Many a firmware has none and says zeros or a blank. */
function serialOf(text: string | null): string | null {
  const serial = shortText(text, 128)
  return serial === null || /^0*$/.test(serial) ? null : serial
}
