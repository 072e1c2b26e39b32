import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, defineProbe, type Inputs, sole } from '../../probe.ts'
import { cut, present } from '../gather.ts'
import { dictOf, dictsOf, flagIn, isPlistWith, numberIn, parsePlist, runIfThere, textIn } from '../property-list.ts'
import { isProfile, isTextProfile, leaves, profileOf, sectionsOf, textProfile } from '../system-profiler.ts'
import { type Battery, chargeOf, cyclesOf, healthOf } from './reading.ts'

const TYPE = 'SPPowerDataType'

/**
 * The battery of a Mac: the condition that System Settings shows (system_profiler), and the gauge's capacities (ioreg). Their `MaxCapacity` is mAh
 * on Intel but percent on Apple silicon, where the raw keys tell mAh; newer releases keep those in `BatteryData`.
 */
export default defineProbe({
  subject: 'battery',
  source: 'macos',
  platforms: ['darwin'],
  every: '1h',
  timeout: '90s',
  blind: 'Swollen cells.',
  inputs: {
    profile: {
      from: `system_profiler -json ${TYPE}`,
      recognise: text => isProfile(text, TYPE) || isTextProfile(text, 'Battery Information'),
    },
    gauge: {
      from: 'ioreg -a -r -n AppleSmartBattery',
      recognise: text => isPlistWith(text, 'DesignCapacity') || isPlistWith(text, 'BatteryData'),
    },
    pmset: { from: 'pmset -g ps', recognise: text => /^(Now|Currently) drawing from '/m.test(text) },
  },
  parse: parseMacBattery,

  async read(host: Host) {
    const gauge = await runIfThere(host, ['ioreg', '-a', '-r', '-n', 'AppleSmartBattery'], 15_000)
    // Nothing at all is what ioreg says where there is no such device.
    if (gauge?.code === 0 && gauge.text.trim() === '') throw new Absent('this Mac has no battery')
    const profile = await host.run(['system_profiler', '-json', TYPE], { timeoutMs: 60_000 })
    return parseMacBattery({ profile: [profile], gauge: present(gauge) })
  },
})

/** @throws Absent where the Mac has no battery, Error where neither input can be read */
export function parseMacBattery(inputs: Inputs): FactTypes['battery'] {
  const profile = sole(inputs, 'profile')
  const gauge = sole(inputs, 'gauge')
  const told = profile ? profiled(profile.text) : undefined
  const short = sole(inputs, 'pmset')
  const measured = gauge ? gauged(gauge.text) : short ? powered(short.text) : undefined
  if (told === undefined && measured === undefined) throw new Error(`Cannot tell of a battery without what system_profiler ${TYPE} prints`)
  const found = told ?? measured
  if (found === null || found === undefined) throw new Absent('this Mac has no battery')
  if (!measured) return { batteries: [found] }
  const { healthRatio, cycles, serial, state, chargeRatio } = measured
  return {
    batteries: [
      {
        ...found,
        serial: found.serial ?? serial,
        healthRatio: found.healthRatio ?? healthRatio,
        cycles: found.cycles ?? cycles,
        chargeRatio: found.chargeRatio ?? chargeRatio,
        state: found.state === 'unknown' ? state : found.state,
      },
    ],
  }
}

/** Null: the report is whole, and there is no battery in it. */
function profiled(text: string): Battery | null {
  if (!/^\s*\{|<plist[\s>]/.test(text)) return printed(text)
  const items = profileOf(text, TYPE)
  if (!items || items.length === 0) throw new Error(`Cannot read ${TYPE}: the report has no items of it`)
  const item = leaves(items).find(found => 'sppower_battery_charge_info' in found || 'sppower_battery_health_info' in found)
  if (!item || flagIn(item.sppower_battery_installed) === false) return null
  const [charge, health, model] = ['charge', 'health', 'model'].map(part => dictOf(item[`sppower_battery_${part}_info`]) ?? {})
  const [now, full] = [numberIn(charge?.sppower_battery_current_capacity), numberIn(charge?.sppower_battery_max_capacity)]
  const percent = numberIn(charge?.sppower_battery_state_of_charge)
  return battery({
    vendor: textIn(model?.sppower_battery_manufacturer),
    model: textIn(model?.sppower_battery_device_name),
    serial: textIn(model?.sppower_battery_serial_number),
    healthRatio: percentOf(textIn(health?.sppower_battery_health_maximum_capacity)),
    chargeRatio: percent !== null && percent <= 100 ? chargeOf(percent, 100) : chargeOf(now, full),
    cycles: numberIn(health?.sppower_battery_cycle_count),
    condition: textIn(health?.sppower_battery_health),
    charging: flagIn(charge?.sppower_battery_is_charging),
    full: flagIn(charge?.sppower_battery_fully_charged),
  })
}

/** The report for people, of macOS in English. */
function printed(text: string): Battery | null {
  const root = textProfile(text)
  const info = sectionsOf(root, 'Battery Information')[0]
  if (!info) {
    if (sectionsOf(root, 'Power').length > 0 && sectionsOf(root, 'System Power Settings').length > 0) return null
    throw new Error(`Cannot read a report without Battery Information: ${cut(text, 100) || 'nothing was printed'}`)
  }
  const value = (section: string, name: string) => sectionsOf(info, section)[0]?.values.get(name) ?? null
  if (/^no$/i.test(info.values.get('Battery Installed') ?? '')) return null
  const number = (section: string, name: string) => {
    const found = value(section, name)
    return found !== null && /^\d{1,9}$/.test(found) ? Number(found) : null
  }
  const percent = number('Charge Information', 'State of Charge (%)')
  const told = battery({
    vendor: value('Model Information', 'Manufacturer'),
    model: value('Model Information', 'Device Name'),
    serial: value('Model Information', 'Serial Number'),
    healthRatio: percentOf(value('Health Information', 'Maximum Capacity')),
    chargeRatio:
      percent !== null && percent <= 100
        ? chargeOf(percent, 100)
        : chargeOf(number('Charge Information', 'Charge Remaining (mAh)'), number('Charge Information', 'Full Charge Capacity (mAh)')),
    cycles: number('Health Information', 'Cycle Count'),
    condition: value('Health Information', 'Condition'),
    charging: flagIn(value('Charge Information', 'Charging')),
    full: flagIn(value('Charge Information', 'Fully Charged')),
  })
  if (told.condition === null && told.cycles === null && told.chargeRatio === null)
    throw new Error('Cannot read the battery of this report')
  return told
}

/** The gauge of the battery; null where ioreg has none. */
function gauged(text: string): Battery | null {
  const top = parsePlist(text)
  const item = dictsOf(top)[0] ?? dictOf(top)
  if (!item || Object.keys(item).length === 0 || flagIn(item.BatteryInstalled) === false) return null
  const inner = dictOf(item.BatteryData) ?? {}
  const number = (name: string) => numberIn(item[name]) ?? numberIn(inner[name])
  const max = number('MaxCapacity')
  const full = number('NominalChargeCapacity') ?? number('AppleRawMaxCapacity') ?? (max !== null && max > 100 ? max : null)
  if (number('DesignCapacity') === null && max === null) throw new Error('Cannot read the gauge of the battery: it tells no capacity')
  return battery({
    vendor: textIn(item.Manufacturer),
    model: textIn(item.DeviceName),
    serial: textIn(item.Serial) ?? textIn(item.BatterySerialNumber),
    healthRatio: healthOf(full, number('DesignCapacity')),
    chargeRatio: chargeOf(number('CurrentCapacity'), max),
    cycles: number('CycleCount'),
    condition: null,
    charging: flagIn(item.IsCharging),
    full: flagIn(item.FullyCharged),
    failed: (number('PermanentFailureStatus') ?? 0) !== 0,
  })
}

/** The line of `pmset -g ps`: ` -InternalBattery-0 (id=1234)\t87%; discharging; 3:51 remaining present: true`. */
function powered(text: string): Battery {
  const line = /^ *-InternalBattery\S*.*$/m.exec(text)?.[0]
  // A Mac without a battery and a text that is cut look alike here.
  if (line === undefined) throw new Error('Cannot find a battery in what pmset prints; system_profiler tells whether there is one')
  const [, percent, word = ''] = /\s(\d{1,3})%; ([A-Za-z ]{1,40});/.exec(line) ?? []
  if (percent === undefined) throw new Error(`Cannot read the battery of pmset: ${cut(line, 120)}`)
  const told = { vendor: null, model: null, serial: null, healthRatio: null, cycles: null, condition: null }
  const found = battery({
    ...told,
    chargeRatio: chargeOf(Number(percent), 100),
    charging: /^(charging|finishing)/.test(word),
    full: word === 'charged',
  })
  return /^discharging/.test(word)
    ? { ...found, state: 'discharging' }
    : /not charging/.test(line)
      ? { ...found, state: 'not-charging' }
      : found
}

type Told = Pick<Battery, 'vendor' | 'model' | 'serial' | 'healthRatio' | 'chargeRatio' | 'cycles' | 'condition'> & {
  readonly charging: boolean | null
  readonly full: boolean | null
  readonly failed?: boolean
}

function battery({ charging, full, failed, ...told }: Told): Battery {
  const short = (text: string | null) => (text === null ? null : cut(text, 128))
  return {
    ...told,
    name: 'internal',
    vendor: short(told.vendor),
    model: short(told.model),
    serial: short(told.serial),
    cycles: cyclesOf(told.cycles),
    condition: short(told.condition),
    // A Mac on mains that holds its charge at 80 % is neither charging nor full.
    state: full ? 'full' : charging ? 'charging' : 'unknown',
    service: failed ? true : serviceOf(told.condition),
  }
}

/** Apple's words since 10.5; "Fair" holds less than new, and nothing more. */
function serviceOf(condition: string | null): boolean | null {
  const word = condition?.toLowerCase() ?? ''
  if (/^(good|normal|fair)$/.test(word)) return false
  return /^(poor|check battery|service( battery| recommended)?|replace (soon|now))$/.test(word) ? true : null
}

const percentOf = (text: string | null): number | null => {
  const [, percent] = /^(\d{1,3})\s?%$/.exec(text ?? '') ?? []
  return percent === undefined ? null : healthOf(Number(percent), 100)
}
