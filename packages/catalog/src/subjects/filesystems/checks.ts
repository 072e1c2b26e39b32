import { bad, type Check, defineCheck, type Limit, tiers } from '../../check.ts'
import { minutes } from '../../duration.ts'
import { type Answer, notApplicable, ok, unknown, worstOr } from '../../finding.ts'
import type { FactsBySubject } from '../../view.ts'
import type { FilesystemsFact } from './facts.ts'

type Filesystem = FilesystemsFact['filesystems'][number]

/** Under the critical tier a file system with this much room is not almost full, bytes. */
const ROOM = 20e9

const percent = (ratio: number): string => `${Math.floor(ratio * 1000) / 10} %`
const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`

export const filesystemsFull = defineCheck({
  name: 'filesystems-full',
  subject: 'filesystems',
  title: 'A file system is almost full',
  unit: 'ratio',
  thresholds: { warning: 0.85, critical: 0.95 },
  hysteresis: 0.02,
  hold: minutes(5),
  why: 'A full disk stops services, updates and backups. The first tier counts only with less than 20 GB free.',
  remedy: 'Remove or move what is not needed, or enlarge the file system.',
  blind: 'Network file systems are asked only where that cannot hang. Quotas are not seen.',

  evaluate: (facts, limit) => perFilesystem(facts, fs => fullness(fs, limit)),
})

function fullness(fs: Filesystem, limit: Limit): Answer {
  if (fs.sizeBytes === null || fs.availBytes === null) return unknown(`${fs.mountpoint}: its size could not be read`)
  if (fs.readonly || fs.sizeBytes === 0) return notApplicable(`${fs.mountpoint} is not written to`)
  const used = 1 - fs.availBytes / fs.sizeBytes
  const { warning, ...critical } = limit
  const applies = warning === undefined || fs.availBytes >= ROOM ? critical : limit
  const free = gigabytes(fs.availBytes)
  return tiers(used, applies, {
    say: percent,
    reason: value => `${fs.mountpoint} is ${value} full, ${free} free`,
    evidence: { mountpoint: fs.mountpoint, usedRatio: used, availBytes: fs.availBytes, sizeBytes: fs.sizeBytes },
  })
}

export const filesystemsInodes = defineCheck({
  name: 'filesystems-inodes',
  subject: 'filesystems',
  title: 'A file system runs out of inodes',
  unit: 'ratio',
  thresholds: { warning: 0.9, critical: 0.97 },
  hysteresis: 0.02,
  hold: minutes(5),
  why: 'Without a free inode no file can be made, however much space there is.',
  remedy: 'Remove the many small files (sessions, caches, mail queues), or make the file system anew with more inodes.',

  evaluate: (facts, limit) =>
    perFilesystem(facts, fs => {
      if (fs.readonly || !fs.inodes || fs.inodesFree === null) return notApplicable(`${fs.mountpoint} has no fixed number of inodes`)
      return tiers(1 - fs.inodesFree / fs.inodes, limit, {
        say: percent,
        reason: value => `${value} of the inodes of ${fs.mountpoint} are in use`,
        evidence: { mountpoint: fs.mountpoint, inodes: fs.inodes, inodesFree: fs.inodesFree },
      })
    }),
})

export const filesystemsReadonly = defineCheck({
  name: 'filesystems-readonly',
  subject: 'filesystems',
  title: 'A file system has become read-only',
  unit: 'state',
  thresholds: { critical: 1 },
  why: 'A kernel that finds damage stops writing: what runs there loses data from then on.',
  remedy: 'Look at the kernel log for the first error, check the disk, then the file system, before mounting it writable again.',
  blind: "A mount that fstab does not name may be read-only on purpose; it is not judged. Of Windows the system's own volume alone is.",

  evaluate: (facts, limit) =>
    perFilesystem(facts, fs => {
      if (fs.readonly === null) return notApplicable(`whether ${fs.mountpoint} is writable is not told by its source`)
      if (!fs.readonly) return ok(`${fs.mountpoint} is writable`)
      if (fs.readonlyWanted !== false) return notApplicable(`${fs.mountpoint} is meant to be read-only, as far as is known`)
      return bad(limit, `${fs.mountpoint} is read-only although it should be writable`, { mountpoint: fs.mountpoint, device: fs.device })
    }),
})

export const filesystemsHang = defineCheck({
  name: 'filesystems-hang',
  subject: 'filesystems',
  title: 'A file system does not answer',
  unit: 'state',
  thresholds: { warning: 1 },
  hold: minutes(15),
  why: 'Whatever touches it hangs with it: logins, backups, shutdown.',
  remedy: 'See whether the file server and the network are well; unmount it lazily if the server is gone.',

  evaluate: ({ filesystems }, limit) =>
    worstOr(
      'no file system is mounted',
      all(filesystems).map(fs =>
        fs.standing === 'hangs'
          ? bad(limit, `${fs.mountpoint} does not answer`, { mountpoint: fs.mountpoint, device: fs.device })
          : ok('all answer'),
      ),
    ),
})

export const filesystemsDamaged = defineCheck({
  name: 'filesystems-damaged',
  subject: 'filesystems',
  title: 'A file system is damaged',
  unit: 'state',
  thresholds: { warning: 1 },
  why: 'Windows goes on with a file system that it knows to be broken until somebody restarts it for a check; files are lost meanwhile.',
  remedy: 'See that the backup is good and the disk is healthy (`disks-health`), then let `chkdsk /scan` look and restart for the repair.',
  blind: 'Damage that nothing has come across yet, and what the log no longer holds.',

  evaluate: ({ filesystems }, limit) =>
    worstOr(
      'no source tells of damage',
      filesystems.flatMap(({ data }) => [
        ...data.filesystems.map(fs => dirtiness(fs, limit)),
        ...(data.events === undefined ? [] : damages(data.events, limit)),
      ]),
    ),
})

function dirtiness({ mountpoint, dirty }: Filesystem, limit: Limit): Answer {
  if (dirty === undefined) return notApplicable(`whether ${mountpoint} is marked as damaged is not told by its source`)
  if (dirty === null) return unknown(`whether ${mountpoint} is marked as damaged is not known`)
  return dirty
    ? bad(limit, `${mountpoint} is marked as damaged: it is checked at the next start`, { mountpoint })
    : ok('none is marked as damaged')
}

function damages(events: FilesystemsFact['events'], limit: Limit): Answer[] {
  if (!events) return [unknown('the log of the system could not be read', 'Run the agent as a service (LocalSystem).')]
  const broken = events.filter(event => event.kind !== 'transactions')
  return [
    ok('the log tells of no damage'),
    ...broken.map(event =>
      bad(
        limit,
        `${event.mountpoint}: the log tells of ${event.kind === 'corrupt' ? 'a broken structure' : 'a check that is needed'}`,
        event,
      ),
    ),
  ]
}

const all = (facts: FactsBySubject['filesystems']) => facts.flatMap(fact => fact.data.filesystems)

/** What cannot be asked is unknown; what was left out on purpose is not judged. */
function perFilesystem({ filesystems }: FactsBySubject, judge: (fs: Filesystem) => Answer): Answer {
  return worstOr(
    'no file system is mounted',
    all(filesystems).map(fs => {
      if (fs.standing === 'answers') return judge(fs)
      if (fs.standing === 'skipped') return notApplicable(`${fs.mountpoint} is not asked`)
      const why = fs.reason ?? (fs.standing === 'hangs' ? 'it does not answer' : 'it could not be read')
      return unknown(`${fs.mountpoint}: ${why}`, 'See whether the mount works, or leave it out in the configuration of the agent.')
    }),
  )
}

export const filesystemsChecks: readonly Check[] = [
  filesystemsFull,
  filesystemsInodes,
  filesystemsReadonly,
  filesystemsHang,
  filesystemsDamaged,
]
