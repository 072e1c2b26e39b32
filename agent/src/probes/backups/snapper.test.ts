import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { canMountBtrfs, makeBtrfs } from '../../../../test/kit/btrfs.ts'
import { factOf, printed, survives } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { localHost } from '../../host/local.ts'
import { HostError } from '../../host.ts'
import { runProbe } from '../../runner.ts'
import type { Job } from './job.ts'
import snapper, { parseSnapper } from './snapper.ts'

type Fact = { readonly jobs: Job[] }
const NOW = Date.UTC(2026, 10, 22, 12)
const context = { now: NOW, hostname: 'machine', options: undefined }
const jobsOf = (fact: { readonly data?: unknown }) => (fact.data as Fact).jobs
const command = (config: string) => `snapper --no-dbus --utc --iso --jsonout --config ${config} list --disable-used-space`

/** As snapper 0.10.4 prints it. */
const row = (number: number, date: string) => ({
  subvolume: '/srv/data',
  number,
  default: false,
  active: false,
  type: 'single',
  'pre-number': null,
  date,
  user: 'root',
  cleanup: 'timeline',
  description: '',
  userdata: null,
})
const json = (config: string, ...dates: readonly string[]) =>
  JSON.stringify({ [config]: [row(0, ''), ...dates.map((date, index) => row(index + 1, date))] }, null, 2)
const GOOD = json('data', '2026-11-22 08:00:00', '2026-11-22 09:00:00', '2026-11-22 10:00:00')
const TABLE = ` # | Type   | Pre # | Date                | User | Cleanup  | Description    | Userdata
---+--------+-------+---------------------+------+----------+----------------+---------
0  | single |       |                     | root |          | current        |         
1* | single |       | 2026-11-22 09:14:47 | root | timeline | first          |         
`

test('a configuration is a job of snapshots, and number 0 is none', () => {
  expect(factOf<Fact>(snapper, { list: GOOD }, NOW).jobs).toMatchObject([
    {
      name: 'data',
      tool: 'snapper',
      kind: 'snapshot',
      destination: '/srv/data',
      snapshots: 3,
      lastSuccessAt: Date.UTC(2026, 10, 22, 10),
      learnedEveryMs: 3_600_000,
    },
  ])
  expect(factOf<Fact>(snapper, { list: json('data') }, NOW).jobs).toMatchObject([{ snapshots: 0, lastSuccessAt: null, standing: 'known' }])
})

test('the table for people tells the same', () => {
  expect(factOf<Fact>(snapper, { list: TABLE }, NOW).jobs).toMatchObject([
    { snapshots: 1, lastSuccessAt: Date.UTC(2026, 10, 22, 9, 14, 47) },
  ])
  expect(factOf<Fact>(snapper, { list: TABLE.replaceAll('|', '│') }, NOW).jobs).toMatchObject([{ snapshots: 1 }])
})

test.each([
  ['a translated date', json('data', 'So 22 Nov 2026 10:00:00')],
  ['half of it', GOOD.slice(0, 300)],
  ['a table whose dates are translated', TABLE.replace('2026-11-22 09:14:47', 'So 22 Nov 2026 10:0')],
  ['no rows', TABLE.split('\n').slice(0, 2).join('\n')],
  ['something else', '{"a": 1}'],
  ['nothing', ''],
])('%s is refused', (_, text) => {
  expect(() => factOf(snapper, { list: text }, NOW)).toThrow()
})

test('what snapper may not do is a right that is missing, and what it does not know is told', () => {
  expect(() => parseSnapper({ list: [printed('', { code: 1, stderr: 'No permissions.' })] }, context)).toThrow(
    expect.objectContaining({ name: 'Denied' }),
  )
  expect(() => parseSnapper({ list: [printed('', { code: 1, stderr: "Unknown option '--jsonout'." })] }, context)).toThrow(
    expect.objectContaining({ name: 'Failed' }),
  )
})

test('each configuration is asked where its disk is awake, and one that breaks leaves the others known', async () => {
  const m = machine({
    now: NOW,
    files: {
      '/etc/snapper/configs/data': 'SUBVOLUME="/srv/data"\n',
      '/etc/snapper/configs/old': 'SUBVOLUME="/srv/old"\n',
      '/etc/snapper/configs/root': 'SUBVOLUME="/"\n',
      '/proc/self/mountinfo': '30 1 0:40 / / rw - btrfs /dev/vda2 rw\n31 1 0:41 / /srv/old rw - btrfs /dev/sdb rw\n',
      '/sys/class/block/sdb/queue/rotational': '1',
    },
    commands: {
      [command('data')]: { text: GOOD },
      [command('root')]: { text: '', code: 1, stderr: 'IO Error' },
      'smartctl -n standby,3 -i /dev/sdb': { code: 3 },
    },
  })

  expect(jobsOf(await runProbe(snapper, hostOf(m), undefined, 0))).toMatchObject([
    { name: 'data', standing: 'known' },
    { name: 'old', standing: 'unknown', reason: 'sdb sleeps and is not woken for this' },
    { name: 'root', standing: 'unknown' },
  ])
  expect(m.ran).not.toContain(command('old'))
})

test('without snapper or a configuration there is none, and without a right nobody knows', async () => {
  const files = { '/etc/snapper/configs/root': 'SUBVOLUME="/"' }
  const denied = { '/etc/snapper/configs/root': new HostError('EACCES', '/etc/snapper/configs/root') }

  expect(await runProbe(snapper, hostOf(machine()), undefined, 0)).toMatchObject({ outcome: 'absent' })
  expect(await runProbe(snapper, hostOf(machine({ files })), undefined, 0)).toMatchObject({
    outcome: 'absent',
    reason: 'snapper is not installed',
  })
  expect(await runProbe(snapper, hostOf(machine({ files: denied })), undefined, 0)).toMatchObject({ outcome: 'denied' })
})

test('any text gives a fact or an error', () => {
  survives(snapper, 'list', [GOOD, TABLE])
})

const real = canMountBtrfs() ? makeBtrfs() : undefined
const root = mkdtempSync(join(tmpdir(), 'fettle-snapper-'))
afterAll(() => {
  real?.remove()
  rmSync(root, { recursive: true, force: true })
})

test.runIf(real)('the real snapper, on a btrfs on a loop device', async () => {
  const path = real?.path ?? ''
  real?.run('btrfs', 'subvolume', 'create', `${path}/data`)
  mkdirSync(`${path}/etc/snapper/configs`, { recursive: true })
  mkdirSync(`${path}/etc/default`, { recursive: true })
  mkdirSync(`${path}/etc/conf.d`, { recursive: true })
  mkdirSync(`${path}/etc/sysconfig`, { recursive: true })
  for (const file of ['default', 'conf.d', 'sysconfig']) writeFileSync(`${path}/etc/${file}/snapper`, 'SNAPPER_CONFIGS="data"\n')
  writeFileSync(`${path}/etc/snapper/configs/data`, 'SUBVOLUME="/data"\nFSTYPE="btrfs"\n')
  real?.run('btrfs', 'subvolume', 'create', `${path}/data/.snapshots`)
  const before = Date.now()
  real?.run('snapper', '--no-dbus', '--root', path, '-c', 'data', 'create', '-d', 'a "quoted" one')

  const list = await localHost().run([...command('data').split(' ').slice(0, 2), '--root', path, ...command('data').split(' ').slice(2)])

  const [job] = parseSnapper({ list: [list] }, { ...context, now: Date.now() }).jobs
  expect(job).toMatchObject({ name: 'data', standing: 'known', snapshots: 1 })
  expect(Math.abs((job?.lastSuccessAt ?? 0) - before)).toBeLessThan(60_000)
})
