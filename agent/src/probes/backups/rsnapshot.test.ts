import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '@fettle/kit'
import fc from 'fast-check'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { survives } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { localHost } from '../../host/local.ts'
import type { Captured } from '../../probe.ts'
import { checked, runProbe } from '../../runner.ts'
import type { Job } from './job.ts'
import rsnapshot from './rsnapshot.ts'
import { clockOf, commandOf, runsOf } from './rsnapshot-log.ts'

const folder = mkdtempSync(join(tmpdir(), 'fettle-rsnapshot-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const HOUR = 3_600_000
const host = localHost()
const settings = { 'backups.rsnapshot': rsnapshot.setting ?? never() }

function never(): never {
  throw new Error('the probe has no setting')
}

async function look(...jobs: object[]): Promise<readonly Job[]> {
  const text = JSON.stringify({ backups: { rsnapshot: jobs } })
  const { values } = readConfig(settings, { file: { path: 'agent.yaml', text }, env: {} })
  const fact = await runProbe(rsnapshot, host, values['backups.rsnapshot'], HOUR)
  expect(fact.outcome, fact.reason).toBe('ok')
  return (fact.data as { jobs: Job[] }).jobs
}

describe('a real rsnapshot', () => {
  let here: string
  let made = 0
  const at = (name: string) => join(here, name)
  const job = (extra: object = {}) => ({ name: 'files', config: at('ok.conf'), ...extra })

  /** A configuration of rsnapshot.conf(5): words are apart by tabs. */
  function configuration(name: string, ...more: string[][]): string {
    const lines = [
      ['config_version', '1.2'],
      ['snapshot_root', `${at('root')}/`],
      ['cmd_cp', '/bin/cp'],
      ['cmd_rm', '/bin/rm'],
      ['cmd_rsync', '/usr/bin/rsync'],
      ['retain', 'alpha', '3'],
      ['retain', 'beta', '2'],
      ['verbose', '1'],
      ['loglevel', '3'],
      ['logfile', at('log')],
      ['lockfile', at('pid')],
      ['backup', `${at('src')}/`, 'localhost/'],
      ...more,
    ]
    writeFileSync(at(name), `${lines.map(line => line.join('\t')).join('\n')}\n`)
    return at(name)
  }

  function run(config: string, command: string): Promise<number> {
    const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' }
    return new Promise(resolve =>
      execFile('rsnapshot', ['-c', config, command], { env, timeout: 30_000 }, error => resolve(error ? Number(error.code) : 0)),
    )
  }

  beforeEach(() => {
    here = join(folder, `${++made}`)
    mkdirSync(at('src'), { recursive: true })
    mkdirSync(at('root'))
    writeFileSync(at('src/a'), 'a')
    configuration('ok.conf')
  })

  test('that never ran is known to have never backed up', async () => {
    const [found] = await look(job())
    expect(found).toMatchObject({ standing: 'known', lastSuccessAt: null, snapshots: 0, destination: at('root') })
  })

  test('tells the last good run by its log, in the zone of the machine', async () => {
    const before = Date.now()
    expect(await run(at('ok.conf'), 'alpha')).toBe(0)
    const [found] = await look(job({ every: '4h' }))
    expect(found).toMatchObject({ standing: 'known', lastResult: 'success', snapshots: 1, expectedEveryMs: 4 * HOUR, warnings: [] })
    expect(Math.abs((found?.lastSuccessAt ?? 0) - before)).toBeLessThan(60_000)
  })

  test('on the file system of its source is no backup but a snapshot', async () => {
    const [found] = await look(job())
    expect(found).toMatchObject({ kind: 'snapshot', reason: expect.stringContaining('the same file system as') })
  })

  test('that ends with errors has touched its newest snapshot, and is told as failed', async () => {
    await run(at('ok.conf'), 'alpha')
    const [good] = await look(job())
    const config = configuration('ok.conf', ['backup_script', '/bin/false', 'database/'])
    expect(await run(config, 'alpha')).toBe(1)
    const [found] = await look(job({ config }))
    expect(found).toMatchObject({ standing: 'known', lastResult: 'failed', lastSuccessAt: good?.lastSuccessAt, snapshots: 2 })
    expect(found?.warnings.join(' ')).toContain('backup_script /bin/false returned 1')
  })

  test('with a source that is gone does not even begin, and is told as failed', async () => {
    await run(at('ok.conf'), 'alpha')
    const config = configuration('ok.conf', ['backup', `${at('gone')}/`, 'localhost/'])
    expect(await run(config, 'alpha')).toBe(1)
    const [found] = await look(job({ config }))
    expect(found).toMatchObject({ standing: 'known', lastResult: 'failed' })
    expect(found?.warnings.join(' ')).toContain('Errors were found in')
  })

  test('that finds a stale lock ends with warnings', async () => {
    await run(at('ok.conf'), 'alpha')
    writeFileSync(at('pid'), '999999999')
    expect(await run(at('ok.conf'), 'alpha')).toBe(2)
    const [found] = await look(job())
    expect(found).toMatchObject({ lastResult: 'warnings', standing: 'known' })
    expect(found?.warnings.join(' ')).toContain('stale lockfile')
  })

  test('that runs is told to run while its process holds the lock, and to be broken off when it does not', async () => {
    await run(at('ok.conf'), 'alpha')
    const waits = at('waits')
    const config = configuration('ok.conf', ['backup_script', waits, 'slow/'])
    await new Promise(resolve => execFile('mkfifo', [at('go')], resolve))
    writeFileSync(waits, `#!/bin/sh\necho on > ${at('go')}\nexec sleep 60\n`, { mode: 0o755 })
    const going = new Promise(resolve => execFile('cat', [at('go')], resolve))
    const child = spawn('rsnapshot', ['-c', config, 'alpha'], { stdio: 'ignore', detached: true })
    await going
    const [running] = await look(job({ config }))
    expect(await run(config, 'alpha'), 'a second one is refused').toBe(1)
    const [still] = await look(job({ config }))
    process.kill(-(child.pid ?? never()), 'SIGKILL')
    await new Promise(resolve => child.once('exit', resolve))
    const [broken] = await look(job({ config }))
    expect(running).toMatchObject({ lastResult: 'running', runningSince: expect.any(Number), standing: 'known' })
    expect(still).toMatchObject({ lastResult: 'running' })
    expect(broken).toMatchObject({ lastResult: 'failed', runningSince: null, standing: 'known' })
  })

  test('with sync_first backs up by sync, and a rotation is no backup', async () => {
    const config = configuration('sync.conf', ['sync_first', '1'])
    await run(config, 'sync')
    const [before] = await look(job({ config }))
    await run(config, 'alpha')
    const [after] = await look(job({ config }))
    expect(before).toMatchObject({ standing: 'known', lastResult: 'success', snapshots: 0 })
    expect(after).toMatchObject({ lastSuccessAt: before?.lastSuccessAt, lastRunAt: before?.lastRunAt, snapshots: 1 })
  })

  test('a rotation that went well hides no failed backup', async () => {
    await run(at('ok.conf'), 'alpha')
    const config = configuration('ok.conf', ['backup_script', '/bin/false', 'database/'])
    await run(config, 'alpha')
    expect(await run(config, 'beta')).toBe(0)
    expect((await look(job({ config })))[0]).toMatchObject({ lastResult: 'failed' })
  })

  test('of another configuration that shares the log is not taken for its own', async () => {
    await run(configuration('other.conf'), 'alpha')
    expect((await look(job()))[0]).toMatchObject({ standing: 'unknown', lastSuccessAt: null })
    expect((await look(job({ config: at('other.conf') })))[0]).toMatchObject({ standing: 'known', lastResult: 'success' })
  })

  test('without any log is unknown, however new its snapshot is', async () => {
    await run(at('ok.conf'), 'alpha')
    rmSync(at('log'))
    const [found] = await look(job())
    expect(found).toMatchObject({ standing: 'unknown', lastSuccessAt: null, lastRunAt: expect.any(Number), snapshots: 1 })
    expect(found?.hint).toContain('logfile')
  })

  test('whose root is gone is unknown, and so is one whose configuration is', async () => {
    await run(at('ok.conf'), 'alpha')
    rmSync(at('root'), { recursive: true })
    const [gone, none] = await look(job(), { name: 'none', config: at('none.conf') })
    expect(gone).toMatchObject({ standing: 'unknown', reason: expect.stringContaining('snapshot_root cannot be read') })
    expect(none).toMatchObject({ standing: 'unknown', reason: expect.stringContaining('is not there') })
  })

  test('an included file counts, and a log that was rotated is read on', async () => {
    writeFileSync(at('more.conf'), 'sync_first\t1\n')
    const config = configuration('including.conf', ['include_conf', at('more.conf')])
    await run(config, 'sync')
    writeFileSync(at('log.1'), readFileSync(at('log')))
    writeFileSync(at('log'), '')
    expect((await look(job({ config })))[0]).toMatchObject({ standing: 'known', lastResult: 'success' })
  })
})

describe('without a setting', () => {
  const read = (files: Record<string, string>) => runProbe(rsnapshot, hostOf(machine({ files })), [], HOUR)
  test('it is absent where it is not installed, and has no job without a configuration', async () => {
    expect(await read({})).toMatchObject({ outcome: 'absent', reason: 'rsnapshot is not installed' })
    expect(await read({ '/usr/bin/rsnapshot': '' })).toMatchObject({ outcome: 'ok', data: { jobs: [] } })
  })
  test('its configuration is found, and a disk that is not mounted is told', async () => {
    const files = {
      '/etc/rsnapshot.conf': 'snapshot_root\t/mnt/disk/snapshots/\nretain\talpha\t6\nbackup\t/etc/\tlocalhost/\n',
      '/etc/fstab': '/dev/sdb1 /mnt/disk ext4 noauto 0 0\n',
      '/proc/self/mountinfo': '1 0 8:1 / / rw - ext4 /dev/sda1 rw\n',
    }
    expect(await read(files)).toMatchObject({
      data: { jobs: [{ standing: 'unknown', reason: 'snapshot_root is not mounted: /mnt/disk' }] },
    })
  })
})

function capture(text: string, extra: Partial<Captured> = {}): Captured {
  return { text, stderr: '', code: null, name: 'x', modifiedAt: null, ...extra }
}
const NOW = Date.parse('2026-11-22T09:00:00Z')
const parse = (inputs: Record<string, Captured[]>) => rsnapshot.parse(inputs, { now: NOW, hostname: 'vm', options: [] }) as { jobs: Job[] }
const call = '/usr/bin/rsnapshot'

describe('where the snapshots are', () => {
  const config = capture('snapshot_root\t/backup/\nretain\talpha\t6\nbackup\t/etc/\tlocalhost/\nbackup\troot@web1:/srv/\tweb1/\n')
  const mounts = (device: string) => capture(`1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 ${device} / /backup rw - ext4 x rw\n`)
  const snapshots = capture('')
  test.each([
    ['8:17', 'backup'],
    ['8:1', 'snapshot'],
  ])('a root on the device %s beside /etc on 8:1 is a %s', (device, kind) => {
    expect(parse({ config: [config], mounts: [mounts(device)], snapshots: [snapshots] }).jobs).toMatchObject([
      { kind, standing: 'known', lastSuccessAt: null },
    ])
  })
})

describe('whose data is saved', () => {
  const protects = (...sources: string[]) => {
    const config = capture(`snapshot_root\t/backup/\nretain\talpha\t6\n${sources.map(line => `${line}\n`).join('')}`)
    return parse({ config: [config], snapshots: [capture('')] }).jobs[0]
  }
  test.each([
    ['a path', ['backup\t/etc/\tvm/', 'backup\troot@web1:/srv/\tweb1/'], 'this'],
    ['a logical volume', ['backup\tlvm://vg0/home/home/\tvm/'], 'this'],
    ['itself over the network', ['backup\troot@localhost:/etc/\tvm/'], 'this'],
    ['itself by its whole name', ['backup\trsync://VM.example.org/etc/\tvm/'], 'this'],
    ['others', ['backup\troot@web1:/srv/\tweb1/', 'backup\trsync://db1/data/\tdb1/', 'backup\t[fe80::1]:/a/\tb/'], 'others'],
    ['others, and a script', ['backup\troot@web1:/srv/\tweb1/', 'backup_script\t/usr/local/bin/dump\tdump/'], 'unknown'],
    ['others, and what is included', ['backup\troot@web1:/srv/\tweb1/', 'include_conf\t/etc/more.conf'], 'unknown'],
    ['nothing', [], 'unknown'],
  ])('%s', (_, sources, whose) => {
    expect(protects(...sources)).toMatchObject({ kind: 'backup', protects: whose })
  })
  test('that all sources are elsewhere is told', () => {
    expect(protects('backup\troot@web1:/srv/\tweb1/')).toMatchObject({ reason: 'none of its sources is a path of this machine' })
  })
  test('a log alone does not tell', () => {
    const log = capture(`[2026-11-22T03:10:00] ${call} alpha: completed successfully\n`)
    expect(parse({ log: [log], zone: [capture('UTC')] }).jobs[0]?.protects).toBe('unknown')
  })
})

describe('captures alone', () => {
  const log = capture(`[2026-11-22T03:00:00] ${call} alpha: started\n[2026-11-22T03:10:00] ${call} alpha: completed successfully\n`)
  test.each([
    ['UTC', '2026-11-22T03:10:00Z'],
    ['Europe/Berlin', '2026-11-22T02:10:00Z'],
    ['America/New_York', '2026-11-22T08:10:00Z'],
  ])('times are those of the zone %s', (zone, at) => {
    expect(parse({ log: [log], zone: [capture(zone)] }).jobs[0]).toMatchObject({
      lastSuccessAt: Date.parse(at),
      durationMs: 600_000,
      standing: 'known',
    })
  })
  test('without a zone they are none, and the run is told all the same', () => {
    expect(parse({ log: [log] }).jobs[0]).toMatchObject({ standing: 'unknown', lastResult: 'success', lastSuccessAt: null })
  })
  test('the log of old versions is read as well', () => {
    const old = capture(`[22/Nov/2026:03:00:00] ${call} hourly: started\n[22/Nov/2026:03:01:00] ${call} hourly: completed successfully\n`)
    expect(parse({ log: [old], zone: [capture('UTC')] }).jobs[0]?.lastSuccessAt).toBe(Date.parse('2026-11-22T03:01:00Z'))
  })
  test('what it told the system tells how runs ended', () => {
    const line = (at: string, said: string) => JSON.stringify({ __REALTIME_TIMESTAMP: `${Date.parse(at)}000`, MESSAGE: said })
    const good = line('2026-11-21T03:00:00Z', `${call} alpha: completed successfully`)
    const bad = line('2026-11-22T03:00:00Z', `${call} alpha: ERROR: ${call} alpha: completed, but with some errors`)
    expect(parse({ journal: [capture(`${good}\n${bad}\n`)] }).jobs[0]).toMatchObject({
      lastResult: 'failed',
      lastSuccessAt: Date.parse('2026-11-21T03:00:00Z'),
    })
    const warned = line('2026-11-22T04:00:00Z', `WARNING: ${call} alpha: completed, but with some warnings`)
    expect(parse({ journal: [capture(`${good}\n${warned}\n`)] }).jobs[0]).toMatchObject({ lastResult: 'warnings' })
  })
  test('a log from the future is no fresh backup, and a log of failures alone no backup at all', () => {
    expect(parse({ log: [log], zone: [capture('Pacific/Honolulu')] }).jobs[0]?.standing).toBe('unknown')
    const failed = capture(`[2026-11-22T03:00:00] ${call} alpha: ERROR: ${call} alpha: completed, but with some errors\n`)
    expect(parse({ log: [failed], zone: [capture('UTC')] }).jobs[0]).toMatchObject({ standing: 'unknown', lastResult: 'failed' })
  })
  test('a run that another one refuses goes on', () => {
    const said = (text: string) => ({ at: NOW, text: `${call} alpha: ${text}` })
    const runs = runsOf([said('started'), said('started'), said('ERROR: Lockfile /run/x exists and so does its process, can not continue')])
    expect(runs.map(run => run.result).sort()).toEqual(['failed', 'open'])
    expect(
      runsOf([said('started'), said('started'), said('ERROR: Lockfile /x exists'), said('completed successfully')])
        .map(one => one.result)
        .sort(),
    ).toEqual(['failed', 'success'])
  })
  test.each([
    ['/usr/bin/rsnapshot -c /etc/x.conf -v alpha', 'alpha'],
    ['rsnapshot sync localhost', 'sync localhost'],
    ['/bin/rm -rf', ''],
  ])('%s was called with %j', (line, command) => expect(commandOf(line)).toBe(command))
  test('the hour that comes twice is one of both', () => {
    const at = clockOf('Europe/Berlin')('2026-10-25T02:30:00')
    expect([Date.parse('2026-10-25T00:30:00Z'), Date.parse('2026-10-25T01:30:00Z')]).toContain(at)
  })
})

test.each(['log', 'journal', 'config', 'snapshots', 'lock', 'mounts', 'zone'])('%s that is spoilt is refused or read, and soon', input => {
  const log = `[2026-11-22T03:00:00] ${call} alpha: started\n[2026-11-22T03:01:00] WARNING: ${call} alpha: completed, but with some warnings\n`
  const entry = JSON.stringify({ __REALTIME_TIMESTAMP: '1795316400000000', MESSAGE: `${call} alpha: completed successfully` })
  survives(rsnapshot, input, [log, entry, 'snapshot_root\t/backup\nretain\talpha\t6\nbackup\t/etc\tx\n', 'd 0 1795316400.0 alpha.0\n'])
  for (const spec of Object.values(rsnapshot.inputs)) spec.recognise?.(`[2026-11-22T03:00:00] ${'rsnapshot '.repeat(200)}\n`.repeat(500))
})

test('any text gives a fact or an error, in no time', () => {
  const wild = fc.oneof(
    fc.string({ maxLength: 400 }),
    fc.string({ maxLength: 100 }).map(text => `[2026-11-22T03:00:00] ${call} ${text}: completed successfully\n`),
    fc.string({ maxLength: 100 }).map(text => `snapshot_root\t${text}\nretain\t${text}\t6\nbackup\t/${text}\tx\n`),
    fc.constant(`[2026-11-22T03:00:00] ${'rsnapshot '.repeat(2000)}: \n`.repeat(200)),
  )
  fc.assert(
    fc.property(wild, wild, fc.constantFrom('log', 'journal', 'config', 'snapshots', 'mounts', 'lock', 'zone'), (one, two, input) => {
      const started = performance.now()
      try {
        expect(checked(rsnapshot, parse({ log: [capture(one)], [input]: [capture(two)] })).outcome).toBe('ok')
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
      }
      expect(performance.now() - started).toBeLessThan(500)
    }),
    { numRuns: 200 },
  )
})

const sample = new URL('../../../../../shared/samples/live/debian-12/storage_tools/rsnapshot-configtest.txt', import.meta.url)
test('that a configuration is in order tells nothing of backups', () => {
  for (const text of ['Syntax OK\n', ...(existsSync(sample) ? [readFileSync(sample, 'utf8')] : [])]) {
    expect(Object.entries(rsnapshot.inputs).find(([, spec]) => spec.recognise?.(text))?.[0]).toBe('other')
    expect(parse({ other: [capture(text)] }).jobs[0]).toMatchObject({ standing: 'unknown', lastSuccessAt: null })
  }
})
