import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, type Captured, defineProbe, type Inputs } from '../../probe.ts'
import { captureFolder, listsPath, namesUnder, shortText, sysfsTree, type Tree, textOf, wholeOf } from '../sysfs.ts'
import { isSensors, sensorsFiles } from './lm-sensors.ts'
import { isPossible, isPossibleLimit, type Kind, type Sensor, steadySensor } from './quantity.ts'

const ROOT = '/sys/class/hwmon'
const MOST_SENSORS = 512
/** Attributes read of each channel; see the kernel's Documentation/hwmon/sysfs-interface.rst. */
const FILES =
  /^(name|(temp|fan|in|curr|power)\d+_(input|average|label|min|max|crit|lcrit|alarm|min_alarm|max_alarm|crit_alarm|lcrit_alarm|emergency_alarm|fault))$/
const CHANNEL = /^(temp|fan|in|curr|power)(\d+)_(?:input|average)$/

/** Kind and divisor to whole units: millidegrees, RPM, millivolts, milliamperes, microwatts. */
const CHANNELS: Readonly<Record<string, { readonly kind: Kind; readonly divisor: number }>> = {
  temp: { kind: 'temperature', divisor: 1000 },
  fan: { kind: 'fan', divisor: 1 },
  in: { kind: 'voltage', divisor: 1000 },
  curr: { kind: 'current', divisor: 1000 },
  power: { kind: 'power', divisor: 1_000_000 },
}

/** Temperatures, fans, voltages, currents and power of the kernel's hwmon chips. Files; no privilege. */
export default defineProbe({
  subject: 'sensors',
  source: 'hwmon',
  platforms: ['linux'],
  every: '5m',
  timeout: '60s',
  cost: 'reads files; what sensors(1) prints is read where it is given',
  blind:
    'Boards wire their sensor chips as they like: without labels and limits a reading is not trusted. A fan that stands still may be not connected.',
  inputs: {
    sysfs: { from: `${ROOT}/**`, recognise: text => /^-?\d{1,9}\s*$/.test(text) || listsPath(text, 'hwmon') },
    sensors: { from: 'sensors -j', recognise: isSensors },
  },

  parse: parseHwmon,

  async read(host: Host) {
    const sysfs: Captured[] = []
    for (const name of await host.list(ROOT, { missing: [] as string[] })) {
      const folder = await host.realpath(`${ROOT}/${name}`, { missing: `${ROOT}/${name}` })
      const own = await captureFolder(host, folder, FILES)
      // Older drivers (applesmc) have their files in the folder of the device.
      sysfs.push(...(own.some(isChannel) ? own : [...own, ...(await captureFolder(host, `${folder}/device`, FILES))]))
    }
    return { sensors: parseHwmon({ sysfs }).sensors.map(steadySensor) }
  },
})

/** @throws Absent where no chip has a sensor, Error where what was given is of something else */
export function parseHwmon(inputs: Inputs): FactTypes['sensors'] {
  const tree = sysfsTree([...(inputs.sysfs ?? []), ...(inputs.sensors ?? []).flatMap(({ text }) => sensorsFiles(text))])
  if (tree.size > 0 && chipsOf(tree).length === 0)
    throw new Error('Cannot find a chip in what was given: wanted files under /sys/class/hwmon')
  const found = chipsOf(tree).flatMap(folder => sensorsOf(tree, folder))
  // The kernel's order of chips changes from boot to boot.
  const sensors = uniqueIds(found.sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true })))
  if (sensors.length === 0) throw new Absent('no hwmon chip has a sensor')
  // Where there are too many, the ones that can be judged stay.
  return {
    sensors: sensors.length > MOST_SENSORS ? sensors.sort((a, b) => Number(b.trusted) - Number(a.trusted)).slice(0, MOST_SENSORS) : sensors,
  }
}

const isChannel = ({ name }: Captured): boolean => CHANNEL.test(name.slice(name.lastIndexOf('/') + 1))

/** Folders of chips: `/sys/devices/platform/coretemp.0/hwmon/hwmon0`, or of a device that has a name and channels itself. */
function chipsOf(tree: Tree): string[] {
  const folders = new Set<string>()
  for (const path of tree.keys()) {
    const folder = path.slice(0, path.lastIndexOf('/'))
    const channel = CHANNEL.test(path.slice(folder.length + 1))
    if (/\/hwmon\d+(\/device)?$/.test(folder) || (channel && tree.has(`${folder}/name`))) folders.add(folder)
  }
  return [...folders].sort()
}

/** Where the chip sits, without the numbers that the kernel gives out anew at every boot. */
function deviceOf(folder: string): string {
  return folder
    .replace(/^\/sys\/(devices\/)?/, '')
    .replace(/(\/hwmon)?\/hwmon\d+(\/device)?$/, '')
    .replace(/\/nvme\/nvme\d+$/, '/nvme')
}

function sensorsOf(tree: Tree, folder: string): Sensor[] {
  const chip = shortText(textOf(tree, `${folder}/name`), 64)
  const channels = new Set(namesUnder(tree, folder).flatMap(file => (CHANNEL.test(file) ? file.slice(0, file.lastIndexOf('_')) : [])))
  return [...channels].flatMap(channel => sensorOf(tree, folder, chip, channel) ?? [])
}

function sensorOf(tree: Tree, folder: string, chip: string | null, channel: string): Sensor | undefined {
  const { kind, divisor } = CHANNELS[channel.replace(/\d+$/, '')] ?? {}
  if (!kind || !divisor) return undefined
  const prefix = `${folder}/${channel}_`
  const label = shortText(textOf(tree, `${prefix}label`), 128)
  const limit = (name: string): number | null => {
    const raw = wholeOf(tree, `${prefix}${name}`)
    return raw !== null && isPossibleLimit(kind, raw / divisor) ? raw / divisor : null
  }
  const raw = wholeOf(tree, `${prefix}input`) ?? wholeOf(tree, `${prefix}average`)
  const faulty = wholeOf(tree, `${prefix}fault`) === 1
  const value = raw === null || (faulty && kind === 'temperature') ? null : raw / divisor
  const max = limit('max')
  // A fan's max is what it can do, not what it may not exceed.
  const limits = { high: kind === 'fan' ? null : max, critical: limit('crit'), low: limit('min') ?? limit('lcrit') }
  const limited = max !== null || limits.critical !== null || limits.low !== null
  return {
    id: idOf(folder, chip, label ?? channel),
    chip,
    label,
    kind,
    value,
    ...limits,
    state: stateOf(tree, prefix, kind, value),
    trusted: label !== null && limited && value !== null && !(faulty && kind === 'temperature') && isPossible(kind, value),
  }
}

/** The end of a long device path is what tells chips apart. */
function idOf(folder: string, chip: string | null, sensor: string): string {
  return [deviceOf(folder).slice(-64), chip?.slice(0, 24), sensor.slice(0, 32)].filter(Boolean).join(' ')
}

/** A chip's own verdict: a flag that is set counts even without a value; without any flag it judges nothing. */
function stateOf(tree: Tree, prefix: string, kind: Kind, value: number | null): Sensor['state'] {
  const flag = (name: string) => wholeOf(tree, `${prefix}${name}`)
  const grave = [flag('crit_alarm'), flag('lcrit_alarm'), flag('emergency_alarm'), ...(kind === 'fan' ? [flag('fault')] : [])]
  const light = [flag('alarm'), flag('min_alarm'), flag('max_alarm'), ...(kind === 'fan' ? [] : [flag('fault')])]
  if (grave.includes(1)) return 'critical'
  if (light.includes(1)) return 'warning'
  return value !== null && [...grave, ...light].includes(0) ? 'ok' : 'unknown'
}

/** Chips may give two sensors one label: the later ones get a number. */
function uniqueIds(sensors: readonly Sensor[]): Sensor[] {
  const times = new Map<string, number>()
  return sensors.map(sensor => {
    const time = (times.get(sensor.id) ?? 0) + 1
    times.set(sensor.id, time)
    return time === 1 ? sensor : { ...sensor, id: `${sensor.id} #${time}` }
  })
}
