import { shortText } from '../sysfs.ts'
import type { Sensor } from './quantity.ts'

const CHARGE_STEP = 5

/** What a UPS told, in the words of its own software. */
export type Ups = {
  /** Name of the UPS in its software's configuration, or its model. */
  readonly name: string
  readonly model: string | null
  readonly state: Sensor['state']
  /** What is not good, in words. */
  readonly troubles: readonly string[]
  /** Percent. */
  readonly charge: number | null
  readonly lowCharge: number | null
  readonly celsius: number | null
}

/** A UPS as sensors: one of the kind `supply` for its state, one for its battery's charge, one for its temperature. */
export function upsSensors({ name, model, state, troubles, charge, lowCharge, celsius }: Ups): Sensor[] {
  const title = shortText(model ?? name, 64) ?? 'UPS'
  const blank = { chip: 'ups', high: null, critical: null, low: null, trusted: true } as const
  const label = troubles.length > 0 ? `UPS ${title} (${troubles.join(', ')})` : `UPS ${title}`
  const supply: Sensor = { ...blank, id: `ups ${name}`.slice(0, 128), label: shortText(label, 128), kind: 'supply', value: null, state }
  const battery: Sensor = {
    ...blank,
    id: `ups ${name.slice(0, 100)} battery charge`,
    label: `UPS ${title} battery charge in percent`,
    kind: 'other',
    value: charge === null ? null : Math.floor(charge / CHARGE_STEP) * CHARGE_STEP,
    low: lowCharge,
    state: charge === null || lowCharge === null ? 'unknown' : charge < lowCharge ? 'warning' : 'ok',
  }
  const heat: Sensor = {
    ...blank,
    id: `ups ${name.slice(0, 100)} temperature`,
    label: `UPS ${title} temperature`,
    kind: 'temperature',
    value: celsius,
    state: 'unknown',
    trusted: false,
  }
  return [supply, ...(charge === null ? [] : [battery]), ...(celsius === null ? [] : [{ ...heat, value: Math.round(celsius / 5) * 5 }])]
}
