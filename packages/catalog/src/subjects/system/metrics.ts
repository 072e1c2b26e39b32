import { gauge, type Metric, scalar, timestamp, word } from '../../metric.ts'
import type { HostView } from '../../view.ts'

const kind = { tier: 'core', life: 'state', domain: 'host', from: 'system' } as const
const system = (host: HostView) => host.facts.system.slice(0, 1).map(fact => fact.data)

/** Stands even before the first fact: role and id are what everything joins with. */
export const hostInfo = gauge('host_info', {
  ...kind,
  help: 'Identity of the host, value is always 1.',
  labels: ['host_id', 'hostname', 'domain', 'os_type', 'role', 'arch', 'virtualization'],
  samples(host) {
    const [fact] = system(host)
    const virtual = fact?.virtualization
    const named = word(virtual?.name ?? virtual?.kind)
    return scalar(1, host.hostId, word(fact?.hostname), word(fact?.domain), word(fact?.os.type), host.role, word(fact?.kernel.arch), named)
  },
})

export const hostOsInfo = gauge('host_os_info', {
  ...kind,
  help: 'Operating system of the host, value is always 1.',
  labels: ['os_id', 'os_name', 'os_version', 'os_build', 'kernel_version'],
  samples: host =>
    system(host).flatMap(({ os, kernel }) => scalar(1, os.id, os.name, word(os.version), word(os.build), word(kernel.version))),
})

export const hostHardwareInfo = gauge('host_hardware_info', {
  ...kind,
  help: 'System firmware identity of the host, value is always 1.',
  labels: ['vendor', 'model', 'serial_number', 'chassis_type', 'bios_version'],
  samples: host =>
    system(host).flatMap(({ hardware }) =>
      scalar(1, word(hardware.vendor), word(hardware.model), word(hardware.serial), word(hardware.chassis), word(hardware.biosVersion)),
    ),
})

export const hostBootTimeSeconds = gauge('host_boot_time_seconds', {
  ...kind,
  help: 'Unix time at which the host booted.',
  samples: host => system(host).flatMap(fact => timestamp(fact.bootedAt)),
})

export const hostOsSupportEndTimestampSeconds = gauge('host_os_support_end_timestamp_seconds', {
  ...kind,
  help: 'Unix time at which vendor security support of the operating system release ends.',
  samples: host => timestamp(host.supportEnd),
})

export const hostLogicalCpus = gauge('host_logical_cpus', {
  ...kind,
  tier: 'detail',
  help: 'Number of logical CPUs.',
  samples: host => system(host).flatMap(fact => scalar(fact.cpu.logical)),
})

export const hostMemorySizeBytes = gauge('host_memory_size_bytes', {
  ...kind,
  tier: 'detail',
  help: 'Installed memory.',
  samples: host => system(host).flatMap(fact => scalar(fact.memoryBytes)),
})

export const systemMetrics: readonly Metric[] = [
  hostInfo,
  hostOsInfo,
  hostHardwareInfo,
  hostBootTimeSeconds,
  hostOsSupportEndTimestampSeconds,
  hostLogicalCpus,
  hostMemorySizeBytes,
]
