import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { localHost } from '../../host/local.ts'
import { lookUp } from '../../host/run.ts'
import { type Host, NotInstalled } from '../../host.ts'
import type { Captured, ParseContext } from '../../probe.ts'
import { checked, runProbe } from '../../runner.ts'
import clamav, { parseClamav } from './clamav.ts'

const samples = new URL('../../../../../shared/samples/manual/security_linux/', import.meta.url)
const options = { databaseDirectory: '/var/lib/clamav', units: ['clamav-daemon.service'] }
const context: ParseContext<typeof options> = { now: Date.parse('2025-11-08T00:00:00Z'), hostname: 'box', options }
const captured = (text: string, more: Partial<Captured> = {}): Captured => ({
  text,
  stderr: '',
  code: null,
  name: '',
  modifiedAt: null,
  ...more,
})

/** As ClamAV's documentation of signatures describes the header; padded to 512 bytes. */
const header = (version: number, at: number) =>
  `ClamAV-VDB:07 Nov 2025 08-02 -0500:${version}:2000000:90:d41d8cd98f00b204e9800998ecf8427e:sig:builder:${at / 1000}`.padEnd(512)

const builtAt = Date.parse('2025-11-07T13:02:00Z')

/** Lines as systemctl(1) prints them for the units of Debian's packages. */
const unit = (name: string, state: 'active' | 'inactive' | 'failed') =>
  `${name} loaded ${state} ${state === 'active' ? 'running' : 'dead'} ClamAV\n`

const product = (inputs: Record<string, readonly Captured[]>) => {
  const fact = parseClamav(inputs, context)
  expect(checked(clamav, fact).outcome).toBe('ok')
  return fact.products[0]
}

test('the newest daily database tells version and age of the signatures', () => {
  const told = product({ daily: [captured(header(27_455, builtAt)), captured(header(27_100, builtAt - 90 * 86_400_000))] })

  expect(told).toMatchObject({ name: 'ClamAV', signaturesVersion: '27455', signaturesAt: builtAt, degraded: null })
})

test('a broken database beside a whole one is passed over, alone it is thrown', () => {
  const whole = captured(header(27_455, builtAt))

  expect(product({ daily: [captured('ClamAV-VDB:::'), whole] })?.signaturesAt).toBe(builtAt)
  expect(() => parseClamav({ daily: [captured('ClamAV-VDB:07 Nov')] }, context)).toThrow(/header/)
})

test('a sentence that begins with a number is no list of processes', () => {
  expect(clamav.inputs.processes?.recognise?.('    1 systemd\n    7 clamd\n')).toBe(true)
  expect(clamav.inputs.processes?.recognise?.('1 snapshots have been removed\n')).toBe(false)
})

test('what sigtool prints is read as well', () => {
  // Printed by sigtool 1.4.6 for a header like the one above.
  const text = 'File: daily.cvd\nBuild time: 07 Nov 2025 08:02 -0500\nVersion: 27455\nSignatures: 2000000\nFunctionality level: 90\n'

  expect(product({ sigtool: [captured(text)] })).toMatchObject({ signaturesVersion: '27455', signaturesAt: builtAt })
})

test('installed without a daily database is a product that protects from nothing; main alone does not count', () => {
  const version = [captured('ClamAV 1.4.6\n')]

  for (const names of ['', 'freshclam.dat\n', 'main.cvd\nbytecode.cvd\n'])
    expect(product({ version, database: [captured(names)] })).toMatchObject({ signaturesAt: null, degraded: 'no signature database' })
  expect(product({ version })?.degraded).toBeNull()
})

test('the time of the version line has no zone, so it is no evidence', () => {
  const told = product({ version: [captured('ClamAV 1.4.6/27455/Fri Nov  7 07:20:00 2025\n')] })

  expect(told).toMatchObject({ version: '1.4.6', signaturesVersion: '27455', signaturesAt: null, running: null, realtime: null })
})

const daemons = [
  ['all run', ['active', 'active', 'active'], { running: true, realtime: true, updaterRunning: true }],
  ['the scanner runs, nothing asks it', ['active', 'inactive', 'active'], { running: true, realtime: false, updaterRunning: true }],
  ['on-access without a scanner', ['failed', 'active', 'inactive'], { running: false, realtime: false, updaterRunning: false }],
] as const

test.each(daemons)('units: %s', (_, [scanner, onAccess, updater], expected) => {
  const units =
    unit('clamav-daemon.service', scanner) + unit('clamav-clamonacc.service', onAccess) + unit('clamav-freshclam.service', updater)

  expect(product({ units: [captured(units)] })).toMatchObject(expected)
})

test('a listening socket is no scanner, and a clamd outside of the units is unknown', () => {
  const units = [captured(`clamav-daemon.socket loaded active listening Socket\n${unit('clamav-daemon.service', 'failed')}`)]
  const processes = [captured('    1 systemd\n  300 clamd\n')]

  expect(product({ units })?.running).toBe(false)
  expect(product({ units, processes, version: [captured('ClamAV 1.4.6')] })?.running).toBeNull()
})

test('without systemd the processes tell, if all are shown', () => {
  const units = [captured('', { stderr: "System has not been booted with systemd as init system (PID 1). Can't operate.", code: 1 })]
  const running = (text: string) => product({ units, version: [captured('ClamAV 1.4.6')], processes: [captured(text)] })?.running

  expect(running('    1 init\n  300 clamd\n')).toBe(true)
  expect(running('    1 init\n')).toBe(false)
  expect(running('  300 bash\n')).toBeNull()
})

test('an updater that cron starts is not off', () => {
  const processes = [captured('    1 init\n')]
  const updater = (cron: string) => product({ processes, cron: [captured(cron)] })?.updaterRunning

  expect(updater('e2scrub_all\n')).toBe(false)
  expect(updater('clamav-freshclam\n')).toBeNull()
})

describe('scans without a daemon', () => {
  const scan = '#!/bin/sh\nclamscan -ri /srv --log=/var/log/clamav/scan.log\n'
  const table = '# m h dom mon dow user command\n15 2 * * * root /usr/bin/clamscan -ri /srv\n'
  const asleep = '15 2 * * * root clamdscan /srv\n# 15 3 * * * root clamscan /srv\n'
  const list = 'systemctl list-units --all --plain --no-legend *clam* clamav-daemon.service'
  const isEnabled = ['service', 'socket'].map(kind => `systemctl is-enabled clamav-daemon.${kind}`)
  const states = (...all: Partial<Captured>[]) => Object.fromEntries(isEnabled.map((line, index) => [line, all[index] ?? {}]))
  const missing = { text: '', code: 1, stderr: 'Failed to get unit file state for clamav-daemon.service: No such file or directory\n' }
  const seen = async (files: Record<string, string | Error>, commands: Record<string, Partial<Captured>> = {}) => {
    const m = machine({
      files: { '/var/lib/clamav/daily.cvd': header(27_455, builtAt), ...files },
      commands: {
        'clamscan --database=/var/lib/clamav --version': { text: 'ClamAV 1.4.6/27455/Fri Nov  7 07:20:00 2025\n' },
        [list]: { text: unit('clamav-freshclam.service', 'active') },
        ...states(missing, missing),
        ...commands,
      },
    })
    const bytes = async (path: string) => Buffer.from(String(m.files[path]), 'latin1')
    const fact = await runProbe(clamav, { ...hostOf(m), bytes } as Host, options, 0)
    return (fact.data as ReturnType<typeof parseClamav>).products[0]
  }
  const off = { 'clamd --version': { text: 'ClamAV 1.4.6\n' }, ...states({ text: 'disabled\n', code: 1 }, { text: 'masked\n', code: 1 }) }
  const timer = {
    '/etc/systemd/system/nightly.timer': '[Timer]\nOnCalendar=daily\n',
    '/etc/systemd/system/nightly.service': '[Service]\nExecStart=/usr/bin/clamscan -ri /srv\n',
  }
  const withTimer = (state: 'active' | 'inactive') => ({
    'systemctl is-active nightly.timer': { text: `${state}\n` },
  })

  test.each([
    ['a script of cron', { '/etc/cron.daily/scan': scan }, {}, true],
    ['a script that run-parts passes over', { '/etc/cron.daily/scan.disabled': scan }, {}, false],
    ['a table of cron', { '/etc/cron.d/scan': table }, {}, true],
    ['a table that asks the daemon, or did once', { '/etc/cron.d/scan': asleep }, {}, false],
    ['the table of root', { '/var/spool/cron/crontabs/root': '0 3 * * 0 clamscan -r /home\n' }, {}, true],
    ['a timer', timer, withTimer('active'), true],
    ['a timer that is stopped', timer, withTimer('inactive'), false],
    ['nothing', {}, {}, false],
    ['a table, and a daemon that is switched off', { '/etc/cron.d/scan': table }, off, true],
  ])('by %s', async (_, files, commands, scheduled) => {
    expect(await seen(files, commands)).toMatchObject({ running: false, realtime: false, scheduled })
  })

  test('a table that may not be read leaves it open', () => {
    const hidden = [captured('permission denied')]
    const units = [captured(unit('clamav-freshclam.service', 'active'))]
    expect(product({ units, version: [captured('ClamAV 1.4.6')], daemon: [], schedules: [], hidden })?.scheduled).toBeNull()
  })

  test('a daemon that should run and died is no plan', async () => {
    const daemon = { 'clamd --version': { text: 'ClamAV 1.4.6\n' } }
    for (const set of [
      states({ text: 'enabled\n' }, missing),
      states({ text: 'disabled\n', code: 1 }, { text: 'enabled\n' }),
      states(missing, missing),
    ])
      expect(await seen({ '/etc/cron.d/scan': table }, { ...daemon, ...set })).not.toHaveProperty('scheduled')
  })
})

test('any text is a fact or a thrown error', () => {
  const inputs = fc.record({
    daily: fc.oneof(
      fc.string(),
      fc.string().map(text => `ClamAV-VDB:${text}`),
    ),
    version: fc.oneof(
      fc.string(),
      fc.string().map(text => `ClamAV ${text}`),
    ),
    sigtool: fc.string(),
    units: fc.string(),
    processes: fc.string(),
  })

  fc.assert(
    fc.property(inputs, texts => {
      const given = Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, [captured(text)]]))
      try {
        expect(checked(clamav, parseClamav(given, context)).outcome).toBe('ok')
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
      }
    }),
  )
})

let daemon: ChildProcess | undefined
let folder = ''
afterEach(() => {
  daemon?.kill('SIGKILL')
  daemon = undefined
  if (folder) rmSync(folder, { recursive: true })
  folder = ''
})

test.each([lookUp('clamd')].filter(path => path !== undefined))('a real %s is seen running, then stopped', async executable => {
  folder = mkdtempSync(join(tmpdir(), 'clamav-'))
  writeFileSync(join(folder, 'test.hdb'), '44d88612fea8a8f36de82e1278abb02f:68:Eicar.Test\n')
  const config = join(folder, 'clamd.conf')
  writeFileSync(config, `DatabaseDirectory ${folder}\nLocalSocket ${folder}/s\nForeground yes\nMaxThreads 1\n`)
  daemon = spawn(executable, ['-c', config], { stdio: ['ignore', 'pipe', 'inherit'] })
  const child = daemon
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) if (/Self checking/.test(line)) break
  // The engine refuses a database whose signature is made up, so its header comes after the start.
  writeFileSync(join(folder, 'daily.cvd'), header(27_455, builtAt))
  utimesSync(join(folder, 'daily.cvd'), 0, 0)
  const host = withoutSystemd(localHost(), child.pid ?? 0)
  const look = async () =>
    ((await clamav.read(host, { ...options, databaseDirectory: folder })) as ReturnType<typeof parseClamav>).products[0]

  expect(await look()).toMatchObject({ running: true, realtime: false, signaturesVersion: '27455', signaturesAt: builtAt, degraded: null })

  const ended = once(child, 'exit')
  child.kill()
  await ended
  rmSync(join(folder, 'daily.cvd'))

  expect(await look()).toMatchObject({ running: false, realtime: false, signaturesAt: null, degraded: 'no signature database' })
})

/** A machine without systemd on which nothing runs but process 1 and ours. */
function withoutSystemd(host: Host, pid: number): Host {
  return {
    ...host,
    run: async (argv, more) => {
      if (argv[0] === 'systemctl') throw new NotInstalled('systemctl')
      return host.run(argv[0] === 'ps' ? ['ps', '-p', `1,${pid}`, '-o', 'pid=,comm='] : argv, more)
    },
  }
}

test('this machine answers', async () => {
  const fact = await runProbe(clamav, localHost(), options, 0)

  expect(['ok', 'absent', 'denied']).toContain(fact.outcome)
})

test.each([new URL('clamav_cvd_header_2017.txt', samples)].filter(url => existsSync(url)))('a sample: %s', url => {
  const told = product({ daily: [captured(readFileSync(url, 'utf8'))] })

  expect(told).toMatchObject({ signaturesVersion: '23182', signaturesAt: 1_488_891_746_000 })
})
