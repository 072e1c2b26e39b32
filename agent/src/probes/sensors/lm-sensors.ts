import type { Captured } from '../../probe.ts'
import { linesOf } from '../lines.ts'
import { documentIn, objectOf } from '../loose-json.ts'
import { asCaptured } from '../sysfs.ts'

/** Unit, name of the channel in sysfs, and what a unit is there; see sensors(1) and the kernel's hwmon/sysfs-interface.rst. */
const UNITS: Readonly<Record<string, readonly [channel: string, factor: number]>> = {
  C: ['temp', 1000],
  F: ['temp', 1000],
  RPM: ['fan', 1],
  V: ['in', 1000],
  mV: ['in', 1],
  A: ['curr', 1000],
  mA: ['curr', 1],
  W: ['power', 1_000_000],
  mW: ['power', 1000],
}
const FACTORS: Readonly<Record<string, number>> = { temp: 1000, fan: 1, in: 1000, curr: 1000, power: 1_000_000 }
const LIMITS: Readonly<Record<string, string>> = {
  high: 'max',
  max: 'max',
  crit: 'crit',
  low: 'min',
  min: 'min',
  'crit low': 'lcrit',
  'crit high': 'crit',
}

/** Whether a text is what sensors(1) prints, for people or as JSON. */
export const isSensors = (text: string): boolean => /^Adapter: \S/m.test(text) || (/^\s*\{/.test(text) && /"Adapter"\s*:/.test(text))

/** What sensors(1) prints as the files of sysfs that it was made from. @throws Error where it is no whole report */
export function sensorsFiles(text: string): Captured[] {
  const files = /^\s*\{/.test(text) ? ofDocument(text) : ofLines(text)
  if (files.length === 0) throw new Error('Cannot find a chip in what sensors prints')
  return files
}

const file = (chip: string, name: string, text: string): Captured => asCaptured(`/sys/devices/${chip}/hwmon/hwmon0/${name}`, text)

/** `{"coretemp-isa-0000": {"Adapter": …, "Core 0": {"temp2_input": 43.000, "temp2_max": 80.000}}}` */
function ofDocument(text: string): Captured[] {
  return Object.entries(objectOf(documentIn(text)) ?? {}).flatMap(([chip, features]) => [
    file(chip, 'name', chip.split('-', 1)[0] ?? chip),
    ...Object.entries(objectOf(features) ?? {}).flatMap(([label, values]) =>
      Object.entries(objectOf(values) ?? {}).flatMap(([key, value]) => {
        const [, channel = '', kind = '', what = ''] = /^((temp|fan|in|curr|power)\d{1,3})_(\w+)$/.exec(key) ?? []
        if (channel === '' || typeof value !== 'number') return []
        const isFlag = /alarm|fault|beep/.test(what)
        const raw = String(Math.round(isFlag ? value : value * (FACTORS[kind] ?? 1)))
        const named = what === 'input' && label !== channel ? [file(chip, `${channel}_label`, label)] : []
        return [file(chip, `${channel}_${what}`, raw), ...named]
      }),
    ),
  ])
}

/** A chip's name, its adapter, then `Core 0:  +43.0°C  (high = +80.0°C, crit = +100.0°C)  ALARM`; brackets may go on in the next line. */
function ofLines(text: string): Captured[] {
  const files: Captured[] = []
  let chip = ''
  let channel = ''
  let count = 0
  for (const line of linesOf(text)) {
    const title = /^[a-z0-9_]{1,40}-[a-z]{2,10}-[0-9a-f]{1,8}(-\S+)?$/i.exec(line)?.[0]
    if (title) {
      chip = title
      files.push(file(chip, 'name', chip.split('-', 1)[0] ?? chip))
    } else if (line.trim() !== '' && !/^Adapter:/.test(line)) {
      const [, label, digits = '', unit = ''] =
        /^(\S[^:]{0,60}):\s+([+-]?\d{1,6}(?:[.,]\d{1,3})?)\s?\S{0,3}?(RPM|mV|mA|mW|[CFVAW])\b/.exec(line) ?? []
      if (chip === '') throw new Error(`Cannot read the line of sensors: ${line.slice(0, 120)}`)
      const [kind, factor] = UNITS[unit] ?? []
      if (label !== undefined && kind && factor) {
        channel = `${kind}${++count}`
        files.push(file(chip, `${channel}_input`, rawOf(digits, unit, factor)))
        if (!/^(temp|fan|in|curr|power)\d{1,3}$/.test(label)) files.push(file(chip, `${channel}_label`, label))
      } else if (!/^\s/.test(line)) channel = ''
      if (channel !== '') files.push(...marksOf(chip, channel, line))
    }
  }
  return files
}

function rawOf(digits: string, unit: string, factor: number): string {
  const value = Number(digits.replace(',', '.'))
  return String(Math.round((unit === 'F' ? ((value - 32) * 5) / 9 : value) * factor))
}

/** Limits in brackets and flags behind them. */
function marksOf(chip: string, channel: string, line: string): Captured[] {
  const limits = [
    ...line.matchAll(
      /\b(crit low|crit high|high|max|crit|low|min)\s*=\s*([+-]?\d{1,6}(?:[.,]\d{1,3})?)\s?\S{0,3}?(RPM|mV|mA|mW|[CFVAW])\b/g,
    ),
  ]
  const flags = [
    ...(/\bALARM\b/.test(line) ? [file(chip, `${channel}_${/ALARM\s*\(CRIT\)/.test(line) ? 'crit_alarm' : 'alarm'}`, '1')] : []),
    ...(/\bFAULT\b/.test(line) ? [file(chip, `${channel}_fault`, '1')] : []),
  ]
  return [
    ...limits.map(([, name = '', digits = '', unit = '']) =>
      file(chip, `${channel}_${LIMITS[name] ?? 'max'}`, rawOf(digits, unit, UNITS[unit]?.[1] ?? 1)),
    ),
    ...flags,
  ]
}
