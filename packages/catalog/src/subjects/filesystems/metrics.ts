import { gauge, type Metric, scalar } from '../../metric.ts'
import type { HostView } from '../../view.ts'

const kind = { life: 'volatile', domain: 'hardware', from: 'filesystems', labels: ['mountpoint', 'fstype'] } as const
const filesystems = (host: HostView) => host.facts.filesystems.flatMap(fact => fact.data.filesystems)

export const filesystemSizeBytes = gauge('filesystem_size_bytes', {
  ...kind,
  tier: 'core',
  help: 'Size of a mounted file system.',
  samples: host => filesystems(host).flatMap(fs => scalar(fs.sizeBytes, fs.mountpoint, fs.fstype)),
})

export const filesystemAvailBytes = gauge('filesystem_avail_bytes', {
  ...kind,
  tier: 'core',
  help: 'Space available to unprivileged users.',
  samples: host => filesystems(host).flatMap(fs => scalar(fs.availBytes, fs.mountpoint, fs.fstype)),
})

export const filesystemReadonly = gauge('filesystem_readonly', {
  ...kind,
  tier: 'detail',
  help: 'Whether a file system is mounted read-only.',
  samples: host => filesystems(host).flatMap(fs => scalar(fs.readonly, fs.mountpoint, fs.fstype)),
})

export const filesystemInodes = gauge('filesystem_inodes', {
  ...kind,
  tier: 'detail',
  help: 'Inodes of a file system that has a fixed number of them.',
  samples: host => filesystems(host).flatMap(fs => scalar(fs.inodes, fs.mountpoint, fs.fstype)),
})

export const filesystemInodesFree = gauge('filesystem_inodes_free', {
  ...kind,
  tier: 'detail',
  help: 'Inodes that are free.',
  samples: host => filesystems(host).flatMap(fs => scalar(fs.inodesFree, fs.mountpoint, fs.fstype)),
})

export const filesystemsMetrics: readonly Metric[] = [
  filesystemSizeBytes,
  filesystemAvailBytes,
  filesystemReadonly,
  filesystemInodes,
  filesystemInodesFree,
]
