import { counter, gauge, type Metric, scalar, word } from '../../metric.ts'
import type { HostView } from '../../view.ts'

const kind = { tier: 'core', life: 'state', domain: 'hardware', from: 'gpu', labels: ['gpu'] } as const
const gpus = (host: HostView) => host.facts.gpu.flatMap(fact => fact.data.gpus)
const standings = { read: 0, asleep: 1, lost: 2, unreadable: 3 } as const

export const gpuState = gauge('gpu_state', {
  ...kind,
  help: 'Whether a GPU answers: 0 it does, 1 left sleeping, 2 lost by its driver, 3 unreadable.',
  samples: host => gpus(host).flatMap(gpu => scalar(standings[gpu.standing], gpu.id)),
})

export const gpuInfo = gauge('gpu_info', {
  ...kind,
  tier: 'detail',
  help: 'Identity of a GPU, value is always 1.',
  labels: ['gpu', 'model', 'driver'],
  samples: host => gpus(host).flatMap(gpu => scalar(1, gpu.id, word(gpu.name), word(gpu.driver))),
})

export const gpuTemperatureCelsius = gauge('gpu_temperature_celsius', {
  ...kind,
  life: 'volatile',
  help: 'Current GPU temperature.',
  samples: host => gpus(host).flatMap(gpu => scalar(gpu.temperatureCelsius, gpu.id)),
})

export const gpuMemoryErrorsTotal = counter('gpu_memory_errors_total', {
  ...kind,
  help: 'ECC errors of GPU memory by kind (correctable, uncorrectable).',
  labels: ['gpu', 'kind'],
  samples: host =>
    gpus(host).flatMap(gpu => [...scalar(gpu.correctable, gpu.id, 'correctable'), ...scalar(gpu.uncorrectable, gpu.id, 'uncorrectable')]),
})

export const gpuRetiredPages = gauge('gpu_retired_pages', {
  ...kind,
  tier: 'detail',
  help: 'Memory pages retired or rows remapped because of errors.',
  samples: host => gpus(host).flatMap(gpu => scalar(gpu.retired, gpu.id)),
})

export const gpuMetrics: readonly Metric[] = [gpuState, gpuInfo, gpuTemperatureCelsius, gpuMemoryErrorsTotal, gpuRetiredPages]
