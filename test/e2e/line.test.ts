import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { FactTypes } from '@fettle/catalog'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { lookUp } from '../../agent/src/host/run.ts'
import { type Host, NotInstalled } from '../../agent/src/host.ts'
import { localHost, replayHost } from '../../agent/src/index.ts'
import clamav from '../../agent/src/probes/antivirus/clamav.ts'
import borg from '../../agent/src/probes/backups/borg.ts'
import restic from '../../agent/src/probes/backups/restic.ts'
import { smartctlProbe } from '../../agent/src/probes/disks/smartctl.ts'
import raid from '../../agent/src/probes/raid/md.ts'
import services from '../../agent/src/probes/services/systemd.ts'
import { borgRepository, makeSource, type Repository, resticRepository, writeLog } from '../kit/backups.ts'
import { type Line, startLine } from '../kit/line.ts'

/** The line from real input to findings: agent → WebSocket → collector → store → findings, in the API and in the metrics. */

const HOUR = 3_600_000
let line: Line
let folder: string
beforeAll(async () => {
  line = await startLine()
  folder = mkdtempSync(join(tmpdir(), 'fettle-line-'))
})
afterAll(async () => {
  await line.stop()
  rmSync(folder, { recursive: true, force: true })
})

const hoursAgo = (hours: number) => new Date(Date.now() - hours * HOUR)

describe('a real restic repository', () => {
  let made = 0
  const job = (host: string, extra: object = {}) => ({
    name: 'nightly',
    repository: repo.path,
    passwordFile: repo.passwordFile,
    cache: repo.cache,
    host,
    every: '1d',
    ...extra,
  })
  const look = (...jobs: object[]) => line.look(`restic-${++made}`, { probes: [restic], config: { backups: { restic: jobs } } })
  // Making one is slow by design (scrypt), so machines share it, each under a name of its own.
  let repo: Repository
  let source: string
  beforeAll(async () => {
    repo = await resticRepository(folder)
    source = makeSource(folder, 'restic-source')
  })

  test('that was never backed up to is critical', async () => {
    const told = await look(job('never'))

    expect(told.finding('backups-late')).toMatchObject({ status: 'critical', reason: expect.stringContaining('has never backed up') })
    expect(told.status('backups-late')).toBe(2)
    expect(told.status('backups-missing')).toBe(0)
  })

  test('that was backed up to is fine, and a second look on the same machine turns it green', async () => {
    const instance = 'restic-mended'
    const config = { backups: { restic: [job('mended')] } }
    const before = await line.look(instance, { probes: [restic], config })
    await repo.backUp([source], { host: 'mended' })
    const after = await line.look(instance, { probes: [restic], config })

    expect([before.status('backups-late'), after.status('backups-late')]).toEqual([2, 0])
    expect(after.finding('backups-late')).toMatchObject({ status: 'ok' })
  })

  test('a run that missed a source is a warning, though restic ends well and the snapshot is there', async () => {
    await repo.backUp([source], { at: hoursAgo(20), host: 'partial' })
    const log = writeLog(join(folder, 'restic-partial.log'), await repo.backUp([source, join(folder, 'gone')], { host: 'partial' }))
    const told = await look(job('partial', { log, paths: [source] }))

    expect(told.finding('backups-failed')).toMatchObject({ status: 'warning', reason: expect.stringContaining('left something out') })
    expect(told.status('backups-failed')).toBe(1)
  })

  test.each([
    [30, 'warning', 1],
    [60, 'critical', 2],
  ])('whose newest snapshot is %i h old is late: %s', async (age, status, number) => {
    await repo.backUp([source], { at: hoursAgo(age), host: `late-${age}` })
    const told = await look(job(`late-${age}`))

    expect(told.finding('backups-late')).toMatchObject({ status, reason: expect.stringContaining(`${age < 48 ? `${age} h` : '2 d'} ago`) })
    expect(told.status('backups-late')).toBe(number)
  })

  test('whose password is wrong is unknown, with what to do', async () => {
    await repo.backUp([source], { host: 'locked-out' })
    const told = await look(job('locked-out', { passwordFile: repo.wrongPasswordFile }))

    expect(told.finding('backups-late')).toMatchObject({
      status: 'unknown',
      reason: expect.stringContaining('wrong password'),
      hint: expect.stringContaining('password file'),
    })
    expect(told.status('backups-late')).toBe(3)
  })

  test('that a running backup locks is read all the same', async () => {
    await repo.backUp([source], { host: 'busy' })
    const release = await repo.lock()
    const told = await look(job('busy', { paths: [source] })).finally(release)

    expect(told.status('backups-late')).toBe(0)
  })

  test("that holds another host's snapshot only was never backed up to by this one", async () => {
    await repo.backUp([source], { host: 'another' })
    const told = await look(job('alone'))

    expect(told.finding('backups-late')).toMatchObject({ status: 'critical', reason: expect.stringContaining('has never backed up') })
    expect(told.status('backups-late')).toBe(2)
  })

  test('whose pack is damaged is critical once a check found it, however fresh the snapshot', async () => {
    await repo.backUp([source], { host: 'damaged' })
    const checkLog = join(folder, 'restic-check.log')
    const sound = await look(job('damaged', { verify: { log: writeLog(checkLog, await repo.check()) } }))
    repo.damage()
    const damaged = await look(job('damaged', { verify: { log: writeLog(checkLog, await repo.check()) } }))

    expect([sound.status('backups-verify'), damaged.status('backups-verify')]).toEqual([0, 2])
    expect(damaged.finding('backups-verify').reason).toContain('verification failed')
    expect(damaged.status('backups-late')).toBe(0)
  })
})

describe('a real borg repository', () => {
  let made = 0
  const job = (repository: Repository, extra: object = {}) => ({
    name: 'nightly',
    repository: repository.path,
    passphraseFile: repository.passwordFile,
    base: repository.cache,
    every: '1d',
    ...extra,
  })
  const look = (...jobs: object[]) => line.look(`borg-${++made}`, { probes: [borg], config: { backups: { borg: jobs } } })
  const repository = () => borgRepository(folder, `borg-${++made}`)
  const source = () => makeSource(folder, 'borg-source')

  test('is critical while nothing was ever backed up, and fine after the first backup', async () => {
    const repo = await repository()
    const config = { backups: { borg: [job(repo)] } }
    const before = await line.look('borg-mended', { probes: [borg], config })
    await repo.backUp([source()])
    const after = await line.look('borg-mended', { probes: [borg], config })

    expect(before.finding('backups-late')).toMatchObject({ status: 'critical', reason: expect.stringContaining('has never backed up') })
    expect([before.status('backups-late'), after.status('backups-late')]).toEqual([2, 0])
  })

  test('a run that missed a source is a warning, though the archive is listed', async () => {
    const repo = await repository()
    const log = writeLog(join(folder, 'borg-partial.log'), await repo.backUp([source(), join(folder, 'gone')]))
    const told = await look(job(repo, { log }))

    expect(told.finding('backups-failed')).toMatchObject({ status: 'warning', reason: expect.stringContaining('No such file') })
    expect(told.status('backups-failed')).toBe(1)
  })

  test.each([
    [30, 1],
    [60, 2],
  ])('whose newest archive is %i h old is late', async (age, number) => {
    const repo = await repository()
    await repo.backUp([source()], { at: hoursAgo(age) })
    const told = await look(job(repo))

    expect(told.status('backups-late')).toBe(number)
  })

  test('whose passphrase is wrong is unknown, with what to do', async () => {
    const repo = await repository()
    await repo.backUp([source()])
    const told = await look(job(repo, { passphraseFile: repo.wrongPasswordFile }))

    expect(told.finding('backups-late')).toMatchObject({ status: 'unknown', reason: expect.stringContaining('wrong passphrase') })
    expect(told.finding('backups-late').hint).toContain('passphrase')
    expect(told.status('backups-late')).toBe(3)
  })

  test('that another process locks is unknown', async () => {
    const repo = await repository()
    await repo.backUp([source()])
    const release = await repo.lock()
    const told = await look(job(repo)).finally(release)

    expect(told.finding('backups-late')).toMatchObject({ status: 'unknown', reason: expect.stringContaining('a backup may be running') })
    expect(told.status('backups-late')).toBe(3)
  })

  test("that holds another host's archive only was never backed up to by this one", async () => {
    const repo = await repository()
    await repo.backUp([source()])
    const told = await look(job(repo, { host: 'another' }))

    expect(told.status('backups-late')).toBe(2)
  })

  test('whose segment is damaged is critical once a check found it', async () => {
    const repo = await repository()
    await repo.backUp([source()])
    repo.damage()
    const log = writeLog(join(folder, 'borg-check.log'), await repo.check())
    const told = await look(job(repo, { verify: { log } }))

    expect(told.finding('backups-verify')).toMatchObject({ status: 'critical', reason: expect.stringContaining('verification failed') })
    expect(told.status('backups-verify')).toBe(2)
  })
})

describe('ClamAV', () => {
  const DAY = 24 * HOUR
  /** As ClamAV's documentation of signatures describes the header of a database. */
  const header = (at: number) =>
    `ClamAV-VDB:x:27455:2000000:90:d41d8cd98f00b204e9800998ecf8427e:sig:builder:${Math.floor(at / 1000)}`.padEnd(512)
  let databases: string
  let daemon: ChildProcess

  beforeAll(async () => {
    databases = mkdtempSync(join(folder, 'clamav-'))
    writeFileSync(join(databases, 'test.hdb'), '44d88612fea8a8f36de82e1278abb02f:68:Eicar.Test\n')
    const config = join(databases, 'clamd.conf')
    writeFileSync(config, `DatabaseDirectory ${databases}\nLocalSocket ${databases}/s\nForeground yes\nMaxThreads 1\n`)
    daemon = spawn(lookUp('clamd') ?? 'clamd', ['-c', config], { stdio: ['ignore', 'pipe', 'inherit'] })
    for await (const line of createInterface({ input: daemon.stdout as NodeJS.ReadableStream })) if (/Self checking/.test(line)) break
  })
  afterAll(() => {
    daemon.kill('SIGKILL')
  })

  /** This machine without systemd, on which nothing runs but process 1 and our daemon. */
  const host: Host = {
    ...localHost(),
    run: async (argv, more) => {
      if (argv[0] === 'systemctl') throw new NotInstalled('systemctl')
      return localHost().run(argv[0] === 'ps' ? ['ps', '-p', `1,${daemon.pid}`, '-o', 'pid=,comm='] : argv, more)
    },
  }
  const look = (instance: string, age: number) => {
    // The engine refuses a database whose signature is made up, so its header comes after the start.
    writeFileSync(join(databases, 'daily.cvd'), header(Date.now() - age))
    return line.look(instance, { probes: [clamav], host, config: { antivirus: { clamav: { databaseDirectory: databases } } } })
  }

  test('that runs is fine, and its signatures are judged by the time they were made', async () => {
    const told = [await look('clamav-fresh', HOUR), await look('clamav-stale', 3 * DAY), await look('clamav-old', 9 * DAY)]

    expect(told.map(one => one.status('antivirus-running'))).toEqual([0, 0, 0])
    expect(told[2]?.status('antivirus-signatures')).toBe(2)
    expect(told[1]?.finding('antivirus-signatures')).toMatchObject({ status: 'warning' })
    expect(told[2]?.finding('antivirus-signatures').reason).toContain('the signatures of ClamAV are 9 d old')
  })

  test('whose daemon is stopped is critical, however fresh its signatures', async () => {
    const ended = once(daemon, 'exit')
    daemon.kill()
    await ended
    const told = await look('clamav-stopped', HOUR)

    expect(told.finding('antivirus-running')).toMatchObject({ status: 'critical', reason: 'ClamAV does not run' })
    expect(told.status('antivirus-running')).toBe(2)
  })
})

describe('a captured machine', () => {
  /** A fake machine on disk that lives now: the collector would call facts of the day of its capture stale. */
  async function captured(name: string): Promise<Host> {
    const { host } = await replayHost(new URL(`../fixtures/hosts/${name}`, import.meta.url).pathname)
    return { ...host, now: () => Date.now() }
  }

  test('with failed units tells which, and how they ended', async () => {
    const told = await line.look('failed-unit', { probes: [services], host: await captured('failed-unit') })

    expect(told.finding('services-failed')).toMatchObject({
      status: 'warning',
      reason: 'backup-nightly.service (exit-code), mnt-nas.mount (timeout)',
    })
    expect(told.status('services-failed')).toBe(1)
  })

  test('with an array that lost a member is critical, and the mirror that is being checked is not what is wrong', async () => {
    const told = await line.look('raid-degraded', { probes: [raid], host: await captured('raid-degraded') })

    expect(told.finding('raid-degraded')).toMatchObject({ status: 'critical', reason: expect.stringContaining('md1 is degraded') })
    expect(told.finding('raid-degraded').reason).not.toContain('md0')
    expect(told.status('raid-degraded')).toBe(2)
  })

  /** The machine with only one of its disks. */
  function onlyDisk(host: Host, name: string): Host {
    const isOther = (path: string, entry: string) => /^\/sys\/(block|class\/nvme)$/.test(path) && !entry.startsWith(name)
    const list = async (path: string, options: { missing: string[] }) =>
      (await host.list(path, options)).filter(entry => !isOther(path, entry))
    return { ...host, list: list as Host['list'] }
  }

  const disks = [
    ['failing-disk', 'sdb', 'healthy', { 'disks-health': 0, 'disks-errors': 0 }],
    ['failing-disk', 'sda', 'failing by its own verdict', { 'disks-health': 2, 'disks-errors': 1 }],
    ['failing-disk', 'sdc', 'passed, with a pre-fail attribute under its threshold', { 'disks-health': 2, 'disks-errors': 1 }],
    ['failing-disk', 'sdd', 'passed, with pending sectors', { 'disks-health': 0, 'disks-errors': 1 }],
    ['failing-disk', 'sde', 'asleep and never read', { 'disks-health': 3, 'disks-errors': 3 }],
    ['failing-disk', 'sdf', 'behind a USB bridge without SMART', { 'disks-health': 3, 'disks-unreadable': 3 }],
    ['nvme-worn', 'nvme0', 'NVMe with a critical warning', { 'disks-health': 2, 'disks-spare': 2, 'disks-errors': 0 }],
    ['nvme-worn', 'nvme1', 'NVMe that passed, with media errors', { 'disks-health': 0, 'disks-errors': 1 }],
    ['nvme-worn', 'nvme2', 'NVMe that passed, worn out', { 'disks-health': 0, 'disks-wear': 2 }],
  ] as const
  test.each(disks)('%s: the disk %s is %s', async (machine, name, _, wanted) => {
    const told = await line.look(`${machine}-${name}`, { probes: [smartctlProbe()], host: onlyDisk(await captured(machine), name) })

    expect((told.fact('disks/smartctl').data as FactTypes['disks']).disks.map(disk => disk.device)).toEqual([`/dev/${name}`])
    expect(Object.fromEntries(Object.keys(wanted).map(check => [check, told.status(check)]))).toEqual(wanted)
  })
})
