import { linesOf } from '../lines.ts'
import { shortText } from '../sysfs.ts'
import { type Battery, chargeOf, cyclesOf, healthOf } from './reading.ts'

const STATES: { readonly [word: string]: Battery['state'] } = {
  charging: 'charging',
  discharging: 'discharging',
  full: 'full',
  'fully-charged': 'full',
  'not charging': 'not-charging',
  'pending-charge': 'not-charging',
}

const blank = { vendor: null, model: null, serial: null, cycles: null, service: null, condition: null }

/** Batteries of `acpi -b` or `acpi -V`, see acpi(1): a line of charge, and with -i one of capacity. @throws Error where a battery's line is cut */
export function parseAcpi(text: string): Battery[] {
  const found = new Map<string, Battery>()
  for (const line of linesOf(text)) {
    const [, name, rest = ''] = /^(Battery \d{1,3}): (.*)$/.exec(line) ?? []
    if (name === undefined && line.trim() !== '' && !/^(Adapter|Thermal|Cooling) \d{1,3}: |^No support for device type: /.test(line))
      throw new Error(`Cannot read the line of acpi: ${line.slice(0, 120)}`)
    if (name === undefined) continue
    const [, design, full] = /^design capacity (\d{1,9}) m[AW]h, last full capacity (\d{1,9}) m[AW]h = \d+%$/.exec(rest) ?? []
    const [, word = '', percent] = /^([A-Z][a-z]*(?: [a-z]+)?), (\d{1,3})%/.exec(rest) ?? []
    const known = found.get(name)
    if (full !== undefined && known) found.set(name, { ...known, healthRatio: healthOf(Number(full), Number(design)) })
    else if (percent !== undefined && !known) found.set(name, batteryOf(name, word, Number(percent)))
    else throw new Error(`Cannot read the line of acpi: ${line.slice(0, 120)}`)
  }
  return [...found.values()]
}

function batteryOf(name: string, word: string, percent: number): Battery {
  return { ...blank, name, healthRatio: null, chargeRatio: chargeOf(percent, 100), state: stateOf(word) }
}

/** The line that opens the part of a device's own kind. */
const KIND =
  /^\s*(battery|line-power|ups|monitor|mouse|keyboard|pda|phone|media-player|tablet|computer|gaming-input|pen|touchpad|headset|headphones|speakers|other-audio|camera|printer|scanner|toy|bluetooth-generic|unknown)\s*$/

/** Batteries of `upower -i DEVICE` or `upower -d`, see upower(1); those of mice and headsets are told as no supply of power. */
export function parseUpower(text: string): Battery[] {
  const blocks = text.split(/^(?=[ \t]*native-path:)/m).filter(block => /^[ \t]*native-path:/.test(block))
  return blocks.flatMap(block => {
    const lines = linesOf(block)
    const field = (key: string) => lines.map(line => /^\s*([a-z -]{2,40}):\s+(.*)$/.exec(line)).find(match => match?.[1] === key)?.[2]
    const number = (key: string) => {
      const digits = /^(\d{1,9}(?:[.,]\d{1,6})?)( Wh|%)?$/.exec(field(key) ?? '')?.[1]
      return digits === undefined ? null : Number(digits.replace(',', '.'))
    }
    const kind = lines.map(line => KIND.exec(line)?.[1]).find(word => word !== undefined)
    const supply = field('power supply')
    if (kind === undefined || (supply !== 'yes' && supply !== 'no'))
      throw new Error('Cannot tell what a device of upower is: it may be cut short')
    if (kind !== 'battery' || supply === 'no' || field('present') === 'no') return []
    const percent = number('percentage')
    const full = number('energy-full')
    return {
      ...blank,
      name: shortText(field('native-path')?.replace(/^.*\//, ''), 64) ?? 'battery',
      vendor: shortText(field('vendor'), 128),
      model: shortText(field('model'), 128),
      serial: shortText(field('serial'), 128),
      cycles: cyclesOf(number('charge-cycles')),
      healthRatio: healthOf(full, number('energy-full-design')),
      chargeRatio: percent === null ? chargeOf(number('energy'), full) : chargeOf(percent, 100),
      state: stateOf(field('state') ?? ''),
    }
  })
}

function stateOf(word: string): Battery['state'] {
  const key = word.toLowerCase()
  return Object.hasOwn(STATES, key) ? (STATES[key] ?? 'unknown') : 'unknown'
}
