import type { Case, CaseList, Expected } from '../case.ts'
import { failed, job, named, sampleOf } from '../wants.ts'

const PLUGINS = 'backup/Linuxfabrik+monitoring-plugins/check-plugins'
const tmutil = sampleOf('backup/BrianHenryIE+SwiftTimeMachine/Tests/SwiftTimeMachine/Resources')
const vorta = sampleOf('backup/borgbase+vorta/tests/unit/borg_json_output')
const manual = sampleOf('manual/backup')
const live = sampleOf('live/debian-12/backup_tools')
const doc = sampleOf('backup/restic+restic/doc')
const any = sampleOf('backup')

const at = (time: string) => Date.parse(time)
const verdict = (result: string): { ok: Expected } => job({ lastSuccessAt: null, verify: { result } })
/** Nothing is known of past backups: no time of a success, no standing of its own. */
const UNTOLD = { standing: 'unknown', lastSuccessAt: null } as const
/** How restic's and borg's refusals end: the job stands, and says that it could not be asked. */
const unasked = (reason: RegExp): { ok: Expected } => job({ ...UNTOLD, reason: (said: string | null) => reason.test(said ?? '') })

const restic: readonly Case[] = [
  { source: 'backups/restic', files: [`${PLUGINS}/restic-check/unit-test/stdout/check-passed`], reading: verdict('ok') },
  { source: 'backups/restic', files: [`${PLUGINS}/restic-check/unit-test/stdout/check-with-warnings`], reading: verdict('failed') },
  ...['snapshots-v1', 'snapshots-v2'].map(file => ({
    source: 'backups/restic',
    files: [`${PLUGINS}/restic-snapshots/unit-test/stdout/${file}`],
    reading: job({ standing: 'known', lastSuccessAt: at('2022-12-05T10:46:45.110Z'), snapshots: 7 }),
  })),
  any(
    'backups/restic',
    'creativeprojects+resticprofile/shell/plain_summary_test.go.backup-plain.txt',
    job({ lastResult: 'success', files: 223 }),
  ),
  any(
    'backups/restic',
    'garethgeorge+backrest/pkg/restic/outputs_test.go.backup-summary.jsonl',
    job({ lastResult: 'success', files: 166 }),
  ),
  any(
    'backups/restic',
    'netinvent+npbackup/tests/WIP_test_restic_metrics.py.restic_json_outputs.v0.16.2.json',
    job({ lastResult: 'success', files: 6078, sourceBytes: 122_342_158 }),
  ),
  // Without the line that names the snapshot nobody knows whether it was saved.
  any('backups/restic', 'netinvent+npbackup/tests/WIP_test_restic_metrics.py.restic_str_outputs.v0.14.0.txt', failed),
  any('backups/restic', 'netinvent+npbackup/tests/WIP_test_restic_metrics.py.restic_str_outputs.v0.9.4.txt', failed),
  doc('backups/restic', '040_backup.rst.L25.txt', job({ lastResult: 'success', files: 5307, durationMs: 12_000 })),
  doc('backups/restic', '040_backup.rst.L126.txt', job({ lastResult: 'success', files: 5307, durationMs: 3_000 })),
  doc('backups/restic', '040_backup.rst.L265.txt', job({ lastResult: 'success', files: 5307 })),
  doc('backups/restic', '045_working_with_repos.rst.L446.txt', verdict('failed')),
  doc('backups/restic', '045_working_with_repos.rst.L468.txt', verdict('ok')),
  doc('backups/restic', '077_troubleshooting.rst.L167.txt', verdict('failed')),
  doc('backups/restic', '077_troubleshooting.rst.L237.txt', verdict('ok')),
  doc('backups/restic', '077_troubleshooting.rst.L52.txt', verdict('failed')),
  doc(
    'backups/restic',
    '045_working_with_repos.rst.L30.txt',
    named('jobs', {
      'kasimir:/home/user/work': { lastSuccessAt: at('2015-05-08T21:40:19Z'), snapshots: 2 },
      'luigi:/home/art': { lastSuccessAt: at('2015-05-08T21:45:17Z'), snapshots: 1 },
      'kazik:/srv': { lastSuccessAt: at('2015-05-08T21:47:38Z'), snapshots: 1 },
      'luigi:/srv': { lastSuccessAt: at('2015-05-08T21:46:11Z'), snapshots: 1 },
    }),
  ),
  doc(
    'backups/restic',
    '045_working_with_repos.rst.L55.txt',
    named('jobs', {
      'luigi:/home/art': { lastSuccessAt: at('2015-05-08T21:45:17Z') },
      'luigi:/srv': { lastSuccessAt: at('2015-05-08T21:46:11Z') },
    }),
  ),
  doc(
    'backups/restic',
    '050_restore.rst.L245.txt',
    named('jobs', {
      'mopped:/home/user/file1': { lastSuccessAt: at('2018-07-14T20:18:16Z'), snapshots: 2 },
      'mopped:/home/other/work': { lastSuccessAt: at('2018-07-14T20:18:18Z'), snapshots: 3 },
      'mopped:/production.sql': { lastSuccessAt: at('2018-07-14T20:18:13Z'), snapshots: 1 },
    }),
  ),
  doc(
    'backups/restic',
    '060_forget.rst.L67.txt',
    named('jobs', {
      'kasimir:/home/user/work': { lastSuccessAt: at('2015-05-08T21:40:19Z'), snapshots: 2 },
      'kazik:/srv': { lastSuccessAt: at('2015-05-08T21:47:38Z') },
      'luigi:/srv': { lastSuccessAt: at('2015-05-08T21:46:11Z') },
    }),
  ),
  // What copies, forgets and prunes makes no backup.
  ...['045_working_with_repos.rst.L211.txt', '060_forget.rst.L117.txt', '060_forget.rst.L354.txt', '060_forget.rst.L82.txt'].map(file =>
    doc('backups/restic', file, job(UNTOLD)),
  ),
  live('backups/restic', 'restic-backup-ok.jsonl', job({ lastResult: 'success', files: 3, sourceBytes: 600_000 })),
  live(
    'backups/restic',
    'restic-backup-missingsrc.jsonl',
    job({ lastResult: 'warnings', warnings: (said: readonly string[]) => /nonexistentdir does not exist/.test(said.join()) }),
  ),
  live('backups/restic', 'restic-check.json', verdict('ok')),
  live('backups/restic', 'restic-check.txt', verdict('ok')),
  live('backups/restic', 'restic-check-damaged.txt', verdict('failed'), { code: 1 }),
  live('backups/restic', 'restic-check-damaged-readdata.txt', verdict('failed'), { code: 1 }),
  ...['restic-list-locks.txt', 'restic-stats.json', 'restic-version.txt'].map(file => live('backups/restic', file, job(UNTOLD))),
  live('backups/restic', 'restic-snapshots.json', job({ lastSuccessAt: at('2026-11-22T01:54:21.601Z'), snapshots: 2 })),
  live('backups/restic', 'restic-snapshots-latest.json', job({ lastSuccessAt: at('2026-11-22T01:54:21.601Z'), snapshots: 1 })),
  // Never backed up, and that is known.
  live('backups/restic', 'restic-snapshots-empty.json', job({ standing: 'known', lastSuccessAt: null, snapshots: 0 }), { code: 0 }),
  live('backups/restic', 'restic-snapshots-emptied.json', job({ standing: 'known', lastSuccessAt: null, snapshots: 0 }), { code: 0 }),
  live('backups/restic', 'restic-snapshots-norepo.json', unasked(/no repository/), { code: 1 }),
  live('backups/restic', 'restic-snapshots-wrongpw.json', unasked(/wrong password/), { code: 1 }),
]

const borg: readonly Case[] = [
  any(
    'backups/borg',
    'borgbackup+borg/docs/internals/frontends.rst.borg2-info-last.json',
    job({ lastSuccessAt: at('2017-02-27T12:27:20.789Z'), files: 53_669 }),
  ),
  vorta('backups/borg', 'create_stdout.json', job({ lastResult: 'success', files: 10, durationMs: 4454 })),
  vorta('backups/borg', 'create_break_stdout.json', unasked(/printed nothing/)),
  vorta('backups/borg', 'create_lock_stderr.json', unasked(/lock/i)),
  vorta('backups/borg', 'create_perm_stderr.json', unasked(/permission|lock/i)),
  vorta('backups/borg', 'list_stdout.json', job({ snapshots: 6, lastSuccessAt: at('2018-11-06T12:35:09Z') })),
  live('backups/borg', 'borg-create.json', job({ lastResult: 'success', files: 3 })),
  live('backups/borg', 'borg-create-missing.json', job({ lastResult: 'warnings' }), { code: 1 }),
  live('backups/borg', 'borg-create-locked.json', unasked(/lock/i), { code: 2 }),
  live('backups/borg', 'borg-list.json', job({ snapshots: 2, lastSuccessAt: at('2026-11-22T01:56:46Z') })),
  // Printed in New York's time, which the text does not tell: read as UTC, with the reason beside it.
  live('backups/borg', 'borg-list-tz-newyork.json', job({ snapshots: 2, reason: (said: string | null) => /zone/.test(said ?? '') })),
  live('backups/borg', 'borg-list-empty.json', job({ standing: 'known', lastSuccessAt: null, snapshots: 0 })),
  live('backups/borg', 'borg-list-locked.json', unasked(/lock/i), { code: 2 }),
  live('backups/borg', 'borg-list-norepo.json', unasked(/repository/i), { code: 2 }),
  live('backups/borg', 'borg-list-wrongpw.json', unasked(/pass/i), { code: 2 }),
  live('backups/borg', 'borg-info.json', job({ lastSuccessAt: null })),
  live('backups/borg', 'borg-info-last.json', job({ lastSuccessAt: at('2026-11-22T01:56:46Z'), files: 3 })),
]

const pgbackrest: readonly Case[] = [
  any(
    'backups/pgbackrest',
    'woblerr+pgbackrest_exporter/backrest/backrest_exporter_test.go.info1.json',
    job({ name: 'demo', lastSuccessAt: 1_623_706_322_000, snapshots: 1 }),
  ),
]

const timeMachine: readonly Case[] = [
  tmutil('backups/time-machine', 'currentphase1.txt', job(UNTOLD)),
  tmutil('backups/time-machine', 'status01.txt', job({ ...UNTOLD, lastResult: null })),
  ...['status02.txt', 'status03.txt', 'status04.txt', 'status05.txt'].map(file =>
    tmutil('backups/time-machine', file, job({ lastResult: 'running', lastSuccessAt: null })),
  ),
  manual('backups/time-machine', 'tmutil_status_copying_2020.txt', job({ lastResult: 'running', lastSuccessAt: null })),
  ...['destinationinfo-xml1.txt', 'destinationinfo-xml2.txt', 'destinationinfo1.txt'].map(file =>
    tmutil('backups/time-machine', file, job({ ...UNTOLD, name: '9168227426-F4' })),
  ),
]

const windows: readonly Case[] = [
  manual(
    'backups/veeam',
    'checkmk_veeam_client_age5.tsv',
    job({ name: 'JOB_NAME', lastResult: 'success', lastSuccessAt: at('2015-02-02T21:00:00Z') - 5_000 }),
    { now: '2015-02-02T21:00:00Z' },
  ),
  manual('backups/veeam', 'checkmk_veeam_client_inprogress.tsv', job({ lastResult: 'running', lastSuccessAt: null })),
  manual('backups/veeam', 'checkmk_veeam_client_no_stop.tsv', job({ lastResult: null, lastSuccessAt: null })),
  manual(
    'backups/windows-server-backup',
    'wbsummary_failed_fr.txt',
    job({ lastResult: 'failed', lastSuccessAt: at('2026-03-10T20:16:00Z'), lastRunAt: at('2026-03-11T01:12:26Z') }),
  ),
  manual(
    'backups/windows-server-backup',
    'wbsummary_ok_sv.txt',
    job({ lastResult: 'success', lastSuccessAt: at('2024-03-15T11:16:38Z'), snapshots: 101 }),
  ),
]

const others: readonly Case[] = [
  any(
    'backups/kopia',
    'kopia+kopia/site/content/docs/Getting_started/_index.md.manifest-show.json',
    job({
      standing: 'known',
      lastResult: 'success',
      lastSuccessAt: at('2019-06-23T03:15:53.038Z'),
      sourceBytes: 61_414_615,
      files: 12_500,
    }),
  ),
  // Its times carry the name of a zone, which tells no offset.
  any('backups/kopia', 'kopia+kopia/site/content/docs/Getting_started/_index.md.snapshot-list.txt', unasked(/name of a zone/)),
  any(
    'backups/resticprofile',
    'creativeprojects+resticprofile/shell/plain_summary_test.go.backup-plain.txt',
    job({ ...UNTOLD, lastResult: 'success', files: 223 }),
  ),
  { source: 'backups/rsnapshot', files: ['live/debian-12/storage_tools/rsnapshot-configtest.txt'], reading: unasked(/in order/) },
]

/** Backups of all tools. */
export const backups: CaseList = {
  domain: 'backup',
  cases: () => [...restic, ...borg, ...pgbackrest, ...timeMachine, ...windows, ...others],
  leftOut: [
    {
      files: /^backup\/.*\/infomaniak-swiss-backup-(devices|products)\//,
      why: "an offer of a provider, by its web interface: no tool on the machine's side",
    },
    {
      files: /^backup\/.*\/veeam-status\//,
      why: 'the web interface of a Veeam server tells of the fleet of that server, not of this machine',
    },
    { files: /^backup\/MicrosoftDocs\+.*\/StorageReplica\//, why: 'a replica of a volume is no backup, and no source reads it' },
    {
      files: /^backup\/.*\.(VSS|Volsnap|System-Restore)\.\d+\.rec\d+\.xml$/,
      why: 'single records of the shadow copy service, which no source reads: copies that stand are counted',
    },
    { files: /SwiftTimeMachine\/Resources\/version\d\.txt$/, why: 'the version of tmutil says nothing of backups' },
    {
      files: /borg_json_output\/(delete|list|rename|diff_archives)_(stderr|stdout)\.json$/,
      why: 'what borg logs while it deletes, renames, compares and lists',
    },
    { files: /\/outputs_test\.go\.ls\.jsonl$/, why: 'files of one snapshot, which no source asks for' },
    { files: /\/test_exporter\.py\.snapshots-sample\.py\.txt$/, why: 'source code of a test, which no tool prints' },
    { files: /backup_tools\/borg-(check|version)\.txt$/, why: 'empty, since borg prints to another stream; the version alone' },
  ],
}
