import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import borg from '../../agent/src/probes/backups/borg.ts'
import restic from '../../agent/src/probes/backups/restic.ts'
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
  const job = (repository: Repository, extra: object = {}) => ({
    name: 'nightly',
    repository: repository.path,
    passwordFile: repository.passwordFile,
    cache: repository.cache,
    every: '1d',
    ...extra,
  })
  const look = (...jobs: object[]) => line.look(`restic-${++made}`, { probes: [restic], config: { backups: { restic: jobs } } })
  const repository = () => resticRepository(folder, `restic-${++made}`)
  const source = () => makeSource(folder, 'restic-source')

  test('that was never backed up to is critical', async () => {
    const told = await look(job(await repository()))

    expect(told.finding('backups-late')).toMatchObject({ status: 'critical', reason: expect.stringContaining('has never backed up') })
    expect(told.status('backups-late')).toBe(2)
    expect(told.status('backups-missing')).toBe(0)
  })

  test('that was backed up to is fine, and a second look on the same machine turns it green', async () => {
    const repo = await repository()
    const instance = 'restic-mended'
    const config = { backups: { restic: [job(repo)] } }
    const before = await line.look(instance, { probes: [restic], config })
    await repo.backUp([source()])
    const after = await line.look(instance, { probes: [restic], config })

    expect([before.status('backups-late'), after.status('backups-late')]).toEqual([2, 0])
    expect(after.finding('backups-late')).toMatchObject({ status: 'ok' })
  })

  test('a run that missed a source is a warning, though restic ends well and the snapshot is there', async () => {
    const repo = await repository()
    await repo.backUp([source()], { at: hoursAgo(20) })
    const log = writeLog(join(folder, 'restic-partial.log'), await repo.backUp([source(), join(folder, 'gone')]))
    const told = await look(job(repo, { log, paths: [source()] }))

    expect(told.finding('backups-failed')).toMatchObject({ status: 'warning', reason: expect.stringContaining('left something out') })
    expect(told.status('backups-failed')).toBe(1)
  })

  test.each([
    [30, 'warning', 1],
    [60, 'critical', 2],
  ])('whose newest snapshot is %i h old is late: %s', async (age, status, number) => {
    const repo = await repository()
    await repo.backUp([source()], { at: hoursAgo(age) })
    const told = await look(job(repo))

    expect(told.finding('backups-late')).toMatchObject({ status, reason: expect.stringContaining(`${age < 48 ? `${age} h` : '2 d'} ago`) })
    expect(told.status('backups-late')).toBe(number)
  })

  test('whose password is wrong is unknown, with what to do', async () => {
    const repo = await repository()
    await repo.backUp([source()])
    const told = await look(job(repo, { passwordFile: repo.wrongPasswordFile }))

    expect(told.finding('backups-late')).toMatchObject({
      status: 'unknown',
      reason: expect.stringContaining('wrong password'),
      hint: expect.stringContaining('password file'),
    })
    expect(told.status('backups-late')).toBe(3)
  })

  test('that a running backup locks is read all the same', async () => {
    const repo = await repository()
    await repo.backUp([source()])
    const release = await repo.lock()
    const told = await look(job(repo, { paths: [source()] })).finally(release)

    expect(told.status('backups-late')).toBe(0)
  })

  test("that holds another host's snapshot only was never backed up to by this one", async () => {
    const repo = await repository()
    await repo.backUp([source()], { host: 'another' })
    const told = await look(job(repo))

    expect(told.finding('backups-late')).toMatchObject({ status: 'critical', reason: expect.stringContaining('has never backed up') })
    expect(told.status('backups-late')).toBe(2)
  })

  test('whose pack is damaged is critical once a check found it, however fresh the snapshot', async () => {
    const repo = await repository()
    await repo.backUp([source()])
    const checkLog = join(folder, 'restic-check.log')
    const sound = await look(job(repo, { verify: { log: writeLog(checkLog, await repo.check()) } }))
    repo.damage()
    const damaged = await look(job(repo, { verify: { log: writeLog(checkLog, await repo.check()) } }))

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
