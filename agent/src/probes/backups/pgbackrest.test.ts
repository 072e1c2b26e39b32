import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { factOf, printed, survives } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { localHost } from '../../host/local.ts'
import { runProbe } from '../../runner.ts'
import type { Job } from './job.ts'
import pgbackrest from './pgbackrest.ts'

type Fact = { readonly jobs: Job[] }
const NOW = Date.UTC(2026, 10, 22, 12)
const DAY = 86_400
// The shape is that which pgBackRest 2.45 printed here for a repository that it may not read, with backups as its user guide describes them.
const backup = (daysAgo: number, more: object = {}) => ({
  backrest: { format: 5, version: '2.45' },
  database: { id: 1, 'repo-key': 1 },
  error: false,
  info: { delta: 500, repository: { delta: 100, size: 300 }, size: 1_000 },
  label: '20261121-213200F',
  timestamp: { start: NOW / 1000 - daysAgo * DAY - 60, stop: NOW / 1000 - daysAgo * DAY },
  type: 'full',
  ...more,
})
const stanza = (code: number, message: string, backups: object[] = [], held = false) => ({
  archive: [],
  backup: backups,
  cipher: 'none',
  db: [],
  name: 'demo',
  repo: [{ cipher: 'none', key: 1, status: { code, message } }],
  status: { code, lock: { backup: { held } }, message },
})
const of = (...stanzas: object[]) => factOf<Fact>(pgbackrest, { info: JSON.stringify(stanzas) }, NOW).jobs

test('the newest backup of a stanza is its last good one', () => {
  expect(of(stanza(0, 'ok', [backup(2), backup(1)]))).toMatchObject([
    {
      name: 'demo',
      tool: 'pgbackrest',
      kind: 'backup',
      lastResult: 'success',
      lastSuccessAt: NOW - DAY * 1000,
      durationMs: 60_000,
      sourceBytes: 1_000,
      addedBytes: 100,
      snapshots: 2,
      earlierBytes: [1_000],
    },
  ])
})

test.each([
  ['no valid backups', stanza(2, 'no valid backups'), { standing: 'known', lastSuccessAt: null }],
  [
    'a repository that may not be read, although the tool ends with 0',
    stanza(99, '[PathOpenError] Permission denied'),
    { standing: 'unknown', reason: /Permission denied/ },
  ],
  ['repositories that differ', stanza(4, 'different across repos', [backup(1)]), { standing: 'unknown' }],
  ['a stanza that is missing', stanza(1, 'missing stanza path'), { standing: 'unknown' }],
  ['a backup that goes on', stanza(0, 'ok', [backup(1)], true), { lastResult: 'running', lastSuccessAt: NOW - DAY * 1000 }],
  ['pages that failed their checksums', stanza(0, 'ok', [backup(1, { error: true })]), { lastResult: 'warnings' }],
  ['a backup from the future', stanza(0, 'ok', [backup(-3)]), { standing: 'unknown', lastSuccessAt: null }],
])('%s', (_, told, wanted) => {
  expect(of(told)).toMatchObject([wanted])
})

test('no stanza is no job; nothing printed, half of it or another list is refused', () => {
  expect(of()).toEqual([])
  expect(() =>
    pgbackrest.parse({ info: [printed('', { code: 82, stderr: 'ERROR: [037]' })] }, { now: NOW, hostname: 'x', options: {} }),
  ).toThrow(/037/)
  for (const text of ['', JSON.stringify([stanza(0, 'ok', [backup(1)])]).slice(0, 200), '[{"name":"x"}]', '{}'])
    expect(() => factOf(pgbackrest, { info: text }, NOW)).toThrow()
})

test.each([
  ['a cluster of its own', 'pg1-path=/var/lib/postgresql/15/main', 'this'],
  ['the cluster of another machine', 'pg1-host=db1\npg1-path=/var/lib/postgresql/15/main', 'others'],
  ['its own and its primary elsewhere', 'pg1-path=/data\npg2-host=db2\npg2-path=/data', 'this'],
  ['itself by its name', 'pg1-host=machine\npg1-path=/data', 'this'],
  ['nothing of it', '', 'unknown'],
])('a section that names %s tells whose data it is', (_, section, protects) => {
  const config = `[global]\nrepo1-path=/srv/pg\n[demo]\n${section}\n[other]\npg1-path=/other\n`
  const info = JSON.stringify([stanza(0, 'ok', [backup(1)])])

  expect(factOf<Fact>(pgbackrest, { info, config }, NOW).jobs).toMatchObject([{ name: 'demo', protects }])
})

test('a repository elsewhere is only asked where the network may be used', async () => {
  const config = '[global]\nrepo1-type=s3\n[demo]\npg1-path=/var/lib/postgresql/15/main\n'
  const commands = { 'pgbackrest info --output=json --log-level-file=off': { text: JSON.stringify([stanza(0, 'ok', [backup(1)])]) } }
  const here = (text: string) => machine({ now: NOW, files: { '/etc/pgbackrest.conf': text }, commands })
  const [off, on] = [
    { network: false, user: 'postgres' },
    { network: true, user: 'postgres' },
  ]
  const remote = here(config)

  expect(await runProbe(pgbackrest, hostOf(remote), off, 0)).toMatchObject({ outcome: 'failed', hint: /network/ })
  expect(remote.ran).toEqual([])
  expect(await runProbe(pgbackrest, hostOf(here(config)), on, 0)).toMatchObject({ outcome: 'ok' })
  expect(await runProbe(pgbackrest, hostOf(here(config.replace('s3', 'posix'))), off, 0)).toMatchObject({ outcome: 'ok' })
  expect(await runProbe(pgbackrest, hostOf(here('[global]\nrepo1-path=/x\n#[main]\n')), off, 0)).toMatchObject({ outcome: 'absent' })
  expect(await runProbe(pgbackrest, hostOf(machine()), off, 0)).toMatchObject({ outcome: 'absent' })
})

test('a repository on a disk that sleeps is not looked at', async () => {
  const m = machine({
    now: NOW,
    files: {
      '/etc/pgbackrest.conf': '[global]\nrepo1-path=/srv/pg\n[demo]\npg1-path=/x\n',
      '/proc/self/mountinfo': '31 1 8:17 / /srv rw - ext4 /dev/sdb rw\n',
      '/sys/class/block/sdb/queue/rotational': '1',
    },
    commands: { 'smartctl -n standby,3 -i /dev/sdb': { code: 3 } },
  })

  expect((await runProbe(pgbackrest, hostOf(m), { network: false, user: 'postgres' }, 0)).data).toMatchObject({
    jobs: [{ standing: 'unknown', reason: /sdb sleeps/ }],
  })
  expect(m.ran).toHaveLength(1)
})

const folder = mkdtempSync(join(tmpdir(), 'fettle-pgbackrest-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('the real pgBackRest: an empty repository has no stanza, one that is spoilt is unknown', async () => {
  const config = join(folder, 'pgbackrest.conf')
  writeFileSync(config, `[global]\nrepo1-path=${folder}/repository\n[demo]\npg1-path=${folder}/data\n`)
  mkdirSync(join(folder, 'repository/backup/demo'), { recursive: true })
  const info = await localHost().run([
    'pgbackrest',
    `--config=${config}`,
    `--lock-path=${folder}`,
    `--log-path=${folder}`,
    'info',
    '--output=json',
  ])

  const { jobs } = pgbackrest.parse({ info: [info] }, { now: NOW, hostname: 'x', options: {} }) as Fact

  expect(jobs).toMatchObject([{ name: 'demo', standing: 'unknown', lastSuccessAt: null }])
})

test('what pgBackRest printed after a real backup', () => {
  const info = readFileSync(new URL('./fixtures/pgbackrest-info.json', import.meta.url), 'utf8')

  expect(factOf<Fact>(pgbackrest, { info }, NOW).jobs).toMatchObject([
    {
      name: 'demo',
      standing: 'known',
      lastResult: 'success',
      lastSuccessAt: 1_795_340_401_000,
      durationMs: 6_000,
      sourceBytes: 22_992_543,
      addedBytes: 3_043_457,
    },
  ])
})

const sample = new URL(
  '../../../../../shared/samples/backup/woblerr+pgbackrest_exporter/backrest/backrest_exporter_test.go.info1.json',
  import.meta.url,
)
test.runIf(existsSync(sample))('a public capture: one full backup', () => {
  expect(factOf<Fact>(pgbackrest, { info: readFileSync(sample, 'utf8') }, NOW).jobs).toMatchObject([
    { name: 'demo', standing: 'known', lastSuccessAt: 1_623_706_322_000, snapshots: 1 },
  ])
})

test('any text gives a fact or an error', () => {
  survives(pgbackrest, 'info', [JSON.stringify([stanza(0, 'ok', [backup(1), backup(2)])])])
})
