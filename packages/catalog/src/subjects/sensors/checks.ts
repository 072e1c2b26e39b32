import { bad, type Check, defineCheck, type Limit } from '../../check.ts'
import { minutes } from '../../duration.ts'
import { type Answer, notApplicable, ok, worstOr } from '../../finding.ts'
import type { FactsBySubject } from '../../view.ts'
import type { SensorsFact } from './facts.ts'

type Sensor = SensorsFact['sensors'][number]

const units: Readonly<Record<string, string>> = { temperature: ' °C', fan: ' RPM', voltage: ' V', current: ' A', power: ' W' }
const sensors = ({ sensors: facts }: FactsBySubject) => facts.flatMap(fact => fact.data.sensors)

export const sensorsCritical = defineCheck({
  name: 'sensors-critical',
  subject: 'sensors',
  title: 'A sensor is beyond its limits',
  unit: 'state',
  thresholds: { warning: 1, critical: 1 },
  hold: minutes(5),
  why: "Heat, dead fans and voltages out of range break hardware. Limits are the sensor's own.",
  remedy: 'See to fans, dust, air and power supply; compare with the neighbours of the machine.',
  blind: 'Sensors without limits, without a label or with impossible readings are not judged.',

  evaluate: (facts, limit) =>
    worstOr(
      'no sensor has limits',
      sensors(facts).map(sensor => (sensor.kind === 'supply' ? notApplicable('a power supply') : judged(sensor, limit))),
    ),
})

/** The firmware's judgement first; where it gives none, the sensor's own limits. */
function judged(sensor: Sensor, limit: Limit): Answer {
  const name = sensor.label ?? sensor.id
  const reading = sensor.value === null ? 'no reading' : `${sensor.value}${units[sensor.kind] ?? ''}`
  const evidence = { sensor: sensor.id, value: sensor.value, high: sensor.high, critical: sensor.critical, low: sensor.low }
  const { warning, critical } = limit
  if (!sensor.trusted) return notApplicable(`${name} cannot be believed`)
  const status = sensor.state === 'unknown' ? byLimits(sensor) : sensor.state
  if (status === undefined) return notApplicable(`${name} has no limits`)
  if (status === 'ok') return ok('every sensor is within its limits')
  const tier = status === 'critical' && critical !== undefined ? { critical } : warning !== undefined ? { warning } : {}
  return bad(tier, `${name} is ${status}: ${reading}`, evidence)
}

function byLimits({ value, high, critical, low, kind }: Sensor): 'ok' | 'warning' | 'critical' | undefined {
  if (value === null || (high === null && critical === null && low === null)) return undefined
  if (critical !== null && value >= critical) return 'critical'
  if (high !== null && value >= high) return 'warning'
  return kind !== 'temperature' && low !== null && value < low ? 'warning' : 'ok'
}

export const sensorsPower = defineCheck({
  name: 'sensors-power',
  subject: 'sensors',
  title: 'A power supply delivers nothing',
  unit: 'state',
  thresholds: { critical: 1 },
  hold: minutes(5),
  why: 'A server with two supplies runs on one until that fails too.',
  remedy: 'See to cable, fuse and supply; replace it.',

  evaluate: (facts, limit) =>
    worstOr(
      'no power supply is monitored',
      sensors(facts)
        .filter(sensor => sensor.kind === 'supply')
        .map(sensor => {
          const name = sensor.label ?? sensor.id
          if (sensor.state === 'unknown') return notApplicable(`${name} does not tell its state`)
          if (sensor.state === 'ok') return ok('every power supply delivers')
          if (sensor.state === 'warning') return { status: 'warning', reason: `${name} warns`, evidence: { sensor: sensor.id } }
          return bad(limit, `${name} delivers no power`, { sensor: sensor.id })
        }),
    ),
})

export const sensorsChecks: readonly Check[] = [sensorsCritical, sensorsPower]
