import { gauge, type Metric, scalar } from '../../metric.ts'
import type { HostView } from '../../view.ts'

const kind = { tier: 'detail', life: 'volatile', domain: 'host', from: 'usage' } as const
const usage = (host: HostView) => host.facts.usage.slice(0, 1).map(fact => fact.data)

export const hostCpuBusyRatio = gauge('host_cpu_busy_ratio', {
  ...kind,
  help: 'Share of the time of all CPUs that was not idle since the look before.',
  samples: host => usage(host).flatMap(fact => scalar(fact.cpu.busyRatio)),
})

export const hostMemoryAvailableBytes = gauge('host_memory_available_bytes', {
  ...kind,
  help: 'Memory that can be had without swapping.',
  samples: host => usage(host).flatMap(fact => scalar(fact.memory.availableBytes)),
})

export const hostSwapSizeBytes = gauge('host_swap_size_bytes', {
  ...kind,
  help: 'Size of all swap space.',
  samples: host => usage(host).flatMap(fact => scalar(fact.memory.swapTotalBytes)),
})

export const hostSwapFreeBytes = gauge('host_swap_free_bytes', {
  ...kind,
  help: 'Swap space that is not used.',
  samples: host => usage(host).flatMap(fact => scalar(fact.memory.swapFreeBytes)),
})

export const hostPressureRatio = gauge('host_pressure_ratio', {
  ...kind,
  help: 'Share of the last five minutes in which some task waited for a resource (cpu, memory, io).',
  labels: ['resource'],
  samples: host =>
    usage(host).flatMap(({ pressure }) => [
      ...scalar(pressure.cpu, 'cpu'),
      ...scalar(pressure.memory, 'memory'),
      ...scalar(pressure.io, 'io'),
    ]),
})

export const usageMetrics: readonly Metric[] = [
  hostCpuBusyRatio,
  hostMemoryAvailableBytes,
  hostSwapSizeBytes,
  hostSwapFreeBytes,
  hostPressureRatio,
]
