import type { FactTypes } from '@fettle/catalog'

export type Sensor = FactTypes['sensors']['sensors'][number]
export type Kind = Sensor['kind']

/** Lowest and highest believable reading by kind: beyond them chips tell of open inputs and powered-down parts. */
const POSSIBLE: Readonly<Partial<Record<Kind, readonly [number, number]>>> = {
  temperature: [-39, 126],
  fan: [0, 30_000],
  voltage: [-60, 500],
  current: [-1000, 1000],
  power: [0, 20_000],
}

/** Width of the band under the nearest limit in which a temperature is told to the degree, °C. */
const NEAR_CELSIUS = 20
const COARSE_CELSIUS = 5

/** Whether a reading can be true: −128 °C and 255 °C are what chips say for "nothing connected". */
export function isPossible(kind: Kind, value: number): boolean {
  const [lowest, highest] = POSSIBLE[kind] ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
  return value >= lowest && value <= highest
}

/** Whether a limit was set by someone: chips start with 0, −273 °C or 65,261 °C in their registers. */
export function isPossibleLimit(kind: Kind, limit: number): boolean {
  return limit !== 0 && isPossible(kind, limit)
}

/** The sensor with a value that stays the same on an idle machine: coarse far from its limits, to the degree near them. */
export function steadySensor(sensor: Sensor): Sensor {
  return sensor.value === null ? sensor : { ...sensor, value: steadyValue(sensor, sensor.value) }
}

function steadyValue({ kind, high, critical }: Sensor, value: number): number {
  if (kind === 'temperature') {
    const limit = Math.min(high ?? Number.POSITIVE_INFINITY, critical ?? Number.POSITIVE_INFINITY)
    return value > limit - NEAR_CELSIUS || value < 0 ? Math.round(value) : roundTo(value, COARSE_CELSIUS)
  }
  if (kind === 'voltage') return roundTo(value, Math.abs(value) < 2 ? 0.05 : 0.1)
  const step = stepOf(Math.abs(value))
  return roundTo(value, kind === 'fan' ? step / 2 : step)
}

/** A tenth to a quarter of the value: power and current swing with load; a fan's steps are half of it. */
function stepOf(value: number): number {
  if (value === 0) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  const leading = value / power
  return leading < 2 ? power / 5 : leading < 5 ? power / 2 : power
}

const roundTo = (value: number, step: number): number => Number((Math.round(value / step) * step).toFixed(6))
