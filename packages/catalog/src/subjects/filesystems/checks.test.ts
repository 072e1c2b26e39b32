import { type Cases, judges, judgesEach, type Rows } from '../../testing.ts'
import { filesystemsDamaged, filesystemsFull, filesystemsHang, filesystemsInodes, filesystemsReadonly } from './checks.ts'
import type { FilesystemsFact } from './facts.ts'

type Filesystem = FilesystemsFact['filesystems'][number]
const fs = (more: Partial<Filesystem> = {}): { filesystems: FilesystemsFact } => ({
  filesystems: {
    filesystems: [
      {
        mountpoint: '/',
        device: '/dev/a',
        fstype: 'ext4',
        kind: 'local',
        sizeBytes: 100e9,
        availBytes: 50e9,
        inodes: 1000,
        inodesFree: 900,
        readonly: false,
        readonlyWanted: false,
        standing: 'answers',
        reason: null,
        ...more,
      },
    ],
  },
})

const logged = (events: FilesystemsFact['events']) => ({ filesystems: { ...fs({ dirty: false }).filesystems, events } })
const damage = (kind: 'corrupt' | 'repair' | 'transactions') => ({ kind, mountpoint: 'C:\\', count: 1, lastAt: null })

const full: Cases = [
  ['half full', fs(), 'ok'],
  ['86 % and 14 GB free', fs({ availBytes: 14e9 }), 'warning'],
  ['86 % of a large one, 140 GB free', fs({ sizeBytes: 1000e9, availBytes: 140e9 }), 'ok'],
  ['96 %', fs({ availBytes: 4e9 }), 'critical'],
  ['wrong green 38: a dead network mount', fs({ kind: 'network', standing: 'hangs', sizeBytes: null, availBytes: null }), 'unknown'],
  ['no number', fs({ availBytes: null }), 'unknown'],
  ['failed', fs({ standing: 'failed', reason: 'EIO' }), 'unknown'],
  ['skipped', fs({ standing: 'skipped', sizeBytes: null, availBytes: null }), 'not-applicable'],
  ['a full DVD', fs({ readonly: true, readonlyWanted: true, availBytes: 0 }), 'not-applicable'],
]
judges(filesystemsFull, full)

const rest: Rows = [
  [filesystemsInodes, 'inodes free', fs(), 'ok'],
  [filesystemsInodes, 'inodes short', fs({ inodesFree: 90 }), 'warning'],
  [filesystemsInodes, 'inodes gone', fs({ inodesFree: 0 }), 'critical'],
  [filesystemsInodes, 'btrfs has none', fs({ inodes: null, inodesFree: null }), 'not-applicable'],
  [filesystemsInodes, 'hangs', fs({ standing: 'hangs' }), 'unknown'],
  [filesystemsReadonly, 'writable', fs(), 'ok'],
  [filesystemsReadonly, 'read-only against fstab', fs({ readonly: true }), 'critical'],
  [filesystemsReadonly, 'read-only on purpose', fs({ readonly: true, readonlyWanted: true }), 'not-applicable'],
  [filesystemsReadonly, 'not told by its source', fs({ readonly: null }), 'not-applicable'],
  [filesystemsReadonly, 'hangs', fs({ standing: 'hangs' }), 'unknown'],
  [filesystemsDamaged, 'no source tells', fs(), 'not-applicable'],
  [filesystemsDamaged, 'not marked', fs({ dirty: false }), 'ok'],
  [filesystemsDamaged, 'marked', fs({ dirty: true }), 'warning'],
  [filesystemsDamaged, 'the mark could not be read', fs({ dirty: null }), 'unknown'],
  [filesystemsDamaged, 'nothing logged', logged([]), 'ok'],
  [filesystemsDamaged, 'a log that could not be read', logged(null), 'unknown'],
  [filesystemsDamaged, 'a broken structure', logged([damage('corrupt')]), 'warning'],
  [filesystemsDamaged, 'a check that is needed', logged([damage('repair')]), 'warning'],
  [filesystemsDamaged, 'transactions alone', logged([damage('transactions')]), 'ok'],
  [filesystemsHang, 'answers', fs(), 'ok'],
  [filesystemsHang, 'hangs', fs({ standing: 'hangs' }), 'warning'],
]
judgesEach(rest)
