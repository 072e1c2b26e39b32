import { expect } from 'vitest'
import type { Host } from '../../agent/src/host.ts'
import borg from '../../agent/src/probes/backups/borg.ts'
import { blankJob } from '../../agent/src/probes/backups/job.ts'
import marker from '../../agent/src/probes/backups/marker.ts'
import restic from '../../agent/src/probes/backups/restic.ts'
import rsnapshot from '../../agent/src/probes/backups/rsnapshot.ts'
import systemd from '../../agent/src/probes/backups/systemd.ts'
import { backupsFailed, backupsLate, backupsMissing } from '../../packages/catalog/src/subjects/backups/checks.ts'
import type { BackupJob } from '../../packages/catalog/src/subjects/backups/facts.ts'
import { hostOf, machine } from '../kit/machine.ts'
import { DAY, dataOf, HOUR, input, looked, NOW, parsed, says, type WrongGreen } from './see.ts'

const resticJob = [{ name: 'nightly', repository: '/srv/restic', passwordFile: '/etc/fettle/restic.password', every: '1d' }]
const borgJob = [{ name: 'nightly', repository: '/srv/borg', passphraseFile: '/etc/fettle/borg.passphrase', every: '1d' }]
const of = (text: string, more: object = {}) => input(text, { name: 'nightly', ...more })

const snapshot = (hostname: string, ago: number) => ({
  time: new Date(NOW - ago).toISOString(),
  tree: 'a'.repeat(64),
  paths: ['/etc'],
  hostname,
  username: 'root',
  id: hostname.padEnd(64, '0').replace(/[^0-9a-f]/g, 'b'),
  short_id: 'bbbbbbbb',
})
const naive = (at: number) => new Date(at).toISOString().slice(0, 23).padEnd(26, '0')
const archives = (...ago: number[]) =>
  JSON.stringify({
    archives: ago.map((one, i) => ({
      name: `a${i}`,
      archive: `a${i}`,
      id: `${i}`,
      hostname: 'web1',
      start: naive(NOW - one),
      end: naive(NOW - one),
    })),
  })
/** Written from borg's manual, "Logging" and borg create --json. */
const CREATED_WITH_WARNING = [
  '{"type": "log_message", "time": 1781517600.0, "message": "/gone: stat: [Errno 2] No such file or directory: \'/gone\'", "levelname": "WARNING", "name": "borg.archiver"}',
  '{',
  `"archive": {"name": "a0", "id": "0", "start": "${naive(NOW - 2 * HOUR)}", "end": "${naive(NOW - 2 * HOUR)}", "duration": 1.5, "stats": {"nfiles": 3, "original_size": 600000, "deduplicated_size": 1000}}`,
  '}',
  'terminating with warning status, rc 1',
].join('\n')
/** restic's manual, "Scripting"; versions before 0.17 end with 0 here. */
const RESTIC_MISSING = [
  '/gone does not exist, skipping',
  JSON.stringify({
    message_type: 'summary',
    files_new: 3,
    total_files_processed: 3,
    total_bytes_processed: 600000,
    data_added: 1000,
    total_duration: 1.5,
    snapshot_id: snapshot('web1', 0).id,
  }),
].join('\n')
/** systemctl(1), of a unit that never ran since boot: systemd says `success` of it too. */
const NEVER_RAN =
  'Id=backup.service\nLoadState=loaded\nActiveState=inactive\nSubState=dead\nType=oneshot\nResult=success\nExecMainCode=0\nExecMainStatus=0\nExecMainStartTimestamp=\nExecMainExitTimestamp=\n'
const ROOT_MOUNT = '27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n'

const job = (more: Partial<BackupJob>) => ({
  backups: { jobs: [{ ...blankJob('home', 'test'), lastSuccessAt: NOW - HOUR, lastResult: 'success' as const, ...more }] },
})

export const backupsGreens: readonly WrongGreen[] = [
  {
    title: 'wrong green 26: restic lists [] and ends well → never backed up',
    see() {
      const told = parsed(restic, { snapshots: of('[]') }, resticJob)
      says(backupsLate, told, 'critical')
      says(backupsLate, parsed(restic, { snapshots: of('null') }, resticJob), 'critical')
    },
  },
  {
    title: 'wrong green 27: restic or borg ends badly and prints nothing → unknown, not 0 snapshots',
    see() {
      const silent = { code: 1, stderr: 'Fatal: unable to open config file: connection refused' }
      for (const [probe, name, jobs] of [
        [restic, 'snapshots', resticJob],
        [borg, 'list', borgJob],
      ] as const) {
        says(backupsLate, parsed(probe, { [name]: of('', silent) }, jobs), 'unknown')
        says(backupsLate, parsed(probe, { [name]: of('', { code: 0 }) }, jobs), 'unknown')
        says(backupsLate, parsed(probe, {}, jobs), 'unknown')
      }
    },
  },
  {
    title: 'wrong green 28: borg lists an archive of a run that ended with 1 → partial, a warning',
    see() {
      const list = of(archives(2 * HOUR))
      says(backupsFailed, parsed(borg, { list, log: of(CREATED_WITH_WARNING, { code: null }) }, borgJob), 'warning')
      // without a log nobody knows how it ended, and that is not said to be well
      says(backupsFailed, parsed(borg, { list }, borgJob), 'not-applicable')
    },
  },
  {
    title: 'wrong green 29: restic 0.14 ends with 0 although a source is missing → partial, by its standard error',
    see() {
      const snapshots = of(JSON.stringify([snapshot('web1', HOUR)]))
      says(backupsFailed, parsed(restic, { snapshots, log: of(RESTIC_MISSING, { code: null }) }, resticJob), 'warning')
      const named = [{ ...resticJob[0], paths: ['/etc', '/gone'] }]
      says(backupsFailed, parsed(restic, { snapshots }, named), 'warning')
    },
  },
  {
    title: 'wrong green 30: borg writes times without a zone → asked and read in UTC',
    async see() {
      const told = parsed(borg, { list: of(archives(3 * HOUR)) }, borgJob)
      expect((dataOf(told) as { jobs: BackupJob[] }).jobs[0]?.lastSuccessAt).toBe(NOW - 3 * HOUR)
      const zones: (string | undefined)[] = []
      const host: Host = {
        ...hostOf(machine({ now: NOW })),
        run: async (argv, options) => {
          zones.push(options?.env?.TZ)
          return of(archives(3 * HOUR), { name: argv.join(' ') })
        },
      }
      says(backupsLate, await looked(borg, host, [{ ...borgJob[0], host: 'web1' }]), 'ok')
      expect(new Set(zones)).toEqual(new Set(['UTC']))
    },
  },
  {
    title: 'wrong green 31: the newest snapshot belongs to another host, or to other paths → only those of this host and its paths count',
    see() {
      const snapshots = of(JSON.stringify([snapshot('db7', HOUR), snapshot('web1', 9 * DAY)]))
      says(backupsLate, parsed(restic, { snapshots }, resticJob), 'critical')
      const foreign = of(JSON.stringify([snapshot('db7', HOUR)]))
      says(backupsLate, parsed(restic, { snapshots: foreign }, resticJob), 'critical')
      const elsewhere = [{ ...resticJob[0], paths: ['/srv'] }]
      says(backupsLate, parsed(restic, { snapshots: of(JSON.stringify([snapshot('web1', HOUR)])) }, elsewhere), 'critical')
    },
  },
  {
    title: 'wrong green 32: a unit with Result=success that has not run since boot → unknown until it runs',
    see() {
      const told = parsed(systemd, { unit: of(NEVER_RAN), journal: of('') }, [{ name: 'nightly', unit: 'backup', every: '1d' }])
      says(backupsLate, told, 'unknown')
      says(backupsFailed, told, 'unknown')
    },
  },
  {
    title: 'wrong green 33: a success without an end → running, never finished well',
    see() {
      says(backupsFailed, job({ lastResult: 'running', lastSuccessAt: null }), 'unknown')
      says(backupsLate, job({ lastResult: 'success', lastSuccessAt: null }), 'critical')
    },
  },
  {
    title: 'wrong green 34: the last run is younger than the last success → the last run failed',
    see() {
      says(backupsFailed, job({ lastRunAt: NOW - HOUR, lastSuccessAt: NOW - 25 * HOUR, lastResult: null }), 'warning')
      says(backupsFailed, job({ lastRunAt: NOW - HOUR, lastSuccessAt: NOW - 25 * HOUR, lastResult: 'success' }), 'warning')
    },
  },
  {
    title: 'wrong green 35: the tool may not be looked at → unknown, not "no backup"',
    see() {
      const denied = { 'backups/time-machine': { outcome: 'denied' as const, hint: 'Give the agent Full Disk Access.' } }
      says(backupsLate, denied, 'unknown')
      says(backupsMissing, denied, 'unknown')
    },
  },
  {
    title: 'wrong green 36: the folder of the backups is an unmounted mount point → unknown, the target is missing',
    see() {
      const jobs = [{ name: 'nightly', path: '/mnt/nas/dumps', every: '1d', filesystem: { mountPoint: '/mnt/nas' } }]
      const stray = of(`f 5000 ${(NOW - HOUR) / 1000} db.sql\n`)
      for (const listing of [of(''), stray]) {
        says(backupsLate, parsed(marker, { listing, mounts: input(ROOT_MOUNT) }, jobs), 'unknown')
      }
      const fstab = input('nas:/export /mnt/nas nfs4 noauto 0 0\n')
      const untold = [{ name: 'nightly', path: '/mnt/nas/dumps', every: '1d' }]
      says(backupsLate, parsed(marker, { listing: of(''), mounts: input(ROOT_MOUNT), fstab }, untold), 'unknown')
    },
  },
  {
    title: 'wrong green 46: a server that only pulls the backups of others → no backup of its own',
    see() {
      const pulls = (source: string) =>
        parsed(rsnapshot, {
          config: `snapshot_root\t/srv/pulled/\nretain\talpha\t6\nlogfile\t/var/log/rsnapshot.log\nbackup\t${source}\tx/\n`,
          log: `[${new Date(NOW - HOUR).toISOString().slice(0, 19)}] /usr/bin/rsnapshot alpha: completed successfully\n`,
          zone: 'UTC',
        })
      says(backupsLate, pulls('root@db7:/srv/'), 'ok')
      says(backupsMissing, pulls('root@db7:/srv/'), 'critical', { role: 'server' })
      says(backupsMissing, pulls('/etc/'), 'ok')
    },
  },
]
