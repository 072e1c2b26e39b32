import { gauge, type Metric, scalar, stateNumber } from '../../metric.ts'
import type { HostView } from '../../view.ts'

const kind = { tier: 'detail', life: 'volatile', domain: 'hardware', from: 'sensors', labels: ['sensor'] } as const
const sensors = (host: HostView) => host.facts.sensors.flatMap(fact => fact.data.sensors)

export const sensorTemperatureCelsius = gauge('sensor_temperature_celsius', {
  ...kind,
  help: 'Temperature sensor reading.',
  samples: host => sensors(host).flatMap(sensor => (sensor.kind === 'temperature' ? scalar(sensor.value, sensor.id) : [])),
})

export const sensorTemperatureCriticalCelsius = gauge('sensor_temperature_critical_celsius', {
  ...kind,
  help: 'Critical limit of a temperature sensor.',
  samples: host => sensors(host).flatMap(sensor => (sensor.kind === 'temperature' ? scalar(sensor.critical, sensor.id) : [])),
})

export const sensorFanSpeedRpm = gauge('sensor_fan_speed_rpm', {
  ...kind,
  help: 'Fan speed.',
  samples: host => sensors(host).flatMap(sensor => (sensor.kind === 'fan' ? scalar(sensor.value, sensor.id) : [])),
})

export const sensorState = gauge('sensor_state', {
  ...kind,
  help: 'Sensor state as judged by firmware: 0 ok, 1 warning, 2 critical, 3 unknown.',
  labels: ['sensor', 'kind'],
  samples: host => sensors(host).flatMap(sensor => scalar(stateNumber[sensor.state], sensor.id, sensor.kind)),
})

export const powerSupplyOnline = gauge('power_supply_online', {
  ...kind,
  help: 'Whether a power supply delivers power.',
  labels: ['supply'],
  samples: host =>
    sensors(host).flatMap(sensor =>
      sensor.kind === 'supply' && sensor.state !== 'unknown' ? scalar(sensor.state !== 'critical', sensor.id) : [],
    ),
})

export const sensorsMetrics: readonly Metric[] = [
  sensorTemperatureCelsius,
  sensorTemperatureCriticalCelsius,
  sensorFanSpeedRpm,
  sensorState,
  powerSupplyOnline,
]
