import { gauge, type Metric, scalar, word } from '../../metric.ts'
import type { HostView } from '../../view.ts'

const kind = { tier: 'detail', life: 'state', domain: 'hardware', from: 'hardware' } as const
const hardware = (host: HostView) => host.facts.hardware.slice(0, 1).map(fact => fact.data)

export const hardwareInfo = gauge('hardware_info', {
  ...kind,
  help: 'Processor and mainboard of the host, value is always 1.',
  labels: ['cpu_model', 'board_vendor', 'board_model'],
  samples: host => hardware(host).flatMap(({ cpu, board }) => scalar(1, word(cpu.model), word(board.vendor), word(board.model))),
})

export const hardwareCpuCores = gauge('hardware_cpu_cores', {
  ...kind,
  help: 'Physical cores of all processors.',
  samples: host => hardware(host).flatMap(({ cpu }) => scalar(cpu.cores)),
})

export const hardwareMemoryModules = gauge('hardware_memory_modules', {
  ...kind,
  help: 'Modules of memory, where the firmware tells them.',
  samples: host => hardware(host).flatMap(({ memory }) => scalar(memory?.length)),
})

export const hardwareMetrics: readonly Metric[] = [hardwareInfo, hardwareCpuCores, hardwareMemoryModules]
