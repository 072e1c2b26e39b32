import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { printed } from '../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../test/kit/machine.ts'
import { PowerShell, type StartPowerShell } from '../host/powershell.ts'
import { Recording } from '../host/recording.ts'
import { replayHost } from '../host/replay.ts'
import { openStateDir } from '../host/state.ts'
import type { Host } from '../host.ts'
import { keyOf, type Probe } from '../probe.ts'
import { checked, outcomeOf } from '../runner.ts'
import { lookAtAll } from '../survey.ts'
import { windowsProbes } from './windows.ts'

const NOW = Date.UTC(2026, 10, 22)
const probes = windowsProbes.filter(probe => keyOf(probe) !== 'agent/self')
const config = { role: null, probes: {}, options: Object.fromEntries(probes.map(probe => [keyOf(probe), probe.setting?.default])) }
const folder = mkdtempSync(join(tmpdir(), 'windows-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What some scripts answer; every other one says that it may not. */
const answers: Readonly<Record<string, object>> = {
  'reboot/windows': {
    keys: { RebootRequired: true, RebootPending: false, RebootInProgress: false, PackagesPending: false },
    readable: true,
    names: { active: 'PC', wanted: 'PC' },
  },
  'disks/windows': {
    disks: [
      {
        DeviceId: '0',
        SerialNumber: '0025_385B.',
        AdapterSerialNumber: 'S5GXNX0T',
        UniqueId: 'eui.0025385B',
        BusType: '17',
        HealthStatus: '0',
      },
    ],
  },
  'system/windows': { identity: { guid: '9d2c4f10-8f5e-4a3b-9d55-0f6f3d1c7a21' } },
  'antivirus/security-center': { error: { hr: '0x8004100E', msg: 'Invalid namespace', id: '', type: '' } },
}
const refusal = { error: { hr: '0x80041003', msg: 'Access denied', id: '', type: '' } }

/** A Windows of which only PowerShell and reg.exe answer, each part as the script that it was given asks. */
function windows(): { readonly host: Host; readonly processes: string[][] } {
  const processes: string[][] = []
  const start: StartPowerShell = async (_, { input = '' }, heard) => {
    const parts = [...input.matchAll(/'@fettle-part (\S+) '/g)].map(([, name = '']) => name)
    processes.push(parts)
    for (const name of parts) heard(`@fettle-part ${name} ${JSON.stringify(answers[name] ?? refusal)}\r\n`)
    return { text: '', stderr: '', code: 0, name: 'powershell.exe', modifiedAt: null }
  }
  const powershell = new PowerShell(start)
  const base = hostOf(machine({ now: NOW }))
  const run: Host['run'] = (argv, options) =>
    argv[0] === 'reg.exe'
      ? Promise.resolve({ text: '\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\r\n', stderr: '', code: 0, name: argv.join(' '), modifiedAt: null })
      : base.run(argv, options)
  return { host: { ...base, platform: 'win32', run, powershell: (script, options) => powershell.ask(script, options) }, processes }
}

async function lookedAt(host: Host, all: readonly Probe[] = probes) {
  const facts = await lookAtAll(host, all, config, { begun: () => {}, ended: () => {} })
  return facts.map(({ tookMs, ...fact }) => fact)
}

test('everything that PowerShell is asked on Windows at once is one process, and what is heavy has its own', async () => {
  const { host, processes } = windows()
  const facts = await lookedAt(host)
  expect(facts.find(({ key }) => key === 'reboot/windows')).toMatchObject({ outcome: 'ok', data: { required: true } })
  const heavy = probes.filter(probe => probe.heavy).map(keyOf)
  const [together = [], ...others] = processes.filter(parts => !parts.every(name => heavy.includes(name)))
  expect(others).toEqual([])
  expect(processes.filter(parts => parts !== together).map(parts => parts.length)).not.toContain(2)
  expect(processes).toContainEqual(['updates/windows-update'])
  expect(together.length).toBeGreaterThan(10)
  const sharing = new Set(probes.filter(probe => probe.shares === 'powershell').map(keyOf))
  expect(
    together.filter(name => !sharing.has(name)),
    "asks PowerShell without shares: 'powershell', so it would be due at another time",
  ).toEqual([])
})

test('what PowerShell answered is captured, and judged alike when it is played again', async () => {
  const { host } = windows()
  const recording = new Recording(host, NOW)
  const facts = await lookedAt(recording.host)
  const told = new Map(facts.map(({ key, outcome }) => [key, outcome]))
  expect([told.get('reboot/windows'), told.get('antivirus/security-center'), told.get('firewall/windows')]).toEqual([
    'ok',
    'absent',
    'denied',
  ])
  await recording.save(await openStateDir(folder), config, '1', 'hidden')

  const replayed = await replayHost(folder)

  const again = await lookedAt(replayed.host)
  expect(again.map(({ data, ...fact }) => fact)).toEqual(facts.map(({ data, ...fact }) => fact))
  expect(again.find(({ key }) => key === 'reboot/windows')).toEqual(facts.find(({ key }) => key === 'reboot/windows'))
})

test('a capture that hides who this is holds no number that tells one machine from others', async () => {
  const { host } = windows()
  const recording = new Recording(host, NOW)
  await lookedAt(recording.host)
  const hidden = join(folder, 'hidden')
  await recording.save(await openStateDir(hidden), config, '1', 'hidden')
  const written = readdirSync(hidden).map(name => readFileSync(join(hidden, name), 'utf8'))
  expect(written.join('\n')).not.toMatch(/0025_?385B|S5GXNX0T|9d2c4f10/)
})

describe('what PowerShell may say instead of an answer', () => {
  // The registry speaks for itself there; its controls are told one by one, see its own tests.
  const scripted = probes.filter(probe => probe.inputs.answer && keyOf(probe) !== 'hardening/windows').map(keyOf)
  const failure = (id: string, type = id) => JSON.stringify({ error: { hr: '0x80131501', msg: 'x', id, type } })
  const notFound = 'System.Management.Automation.CommandNotFoundException'
  const told = (key: string, text: string) => {
    const probe = probes.find(one => keyOf(one) === key)
    if (!probe) throw new Error(`there is no source ${key}`)
    try {
      return checked(probe, probe.parse({ answer: [printed(text)] }, { now: NOW, hostname: 'x', options: probe.setting?.default })).outcome
    } catch (error) {
      return outcomeOf(error, 'win32').outcome
    }
  }

  test.each(scripted)('%s never takes it for one', key => {
    expect([told(key, ''), told(key, '{}'), told(key, '[]'), told(key, '{"error":{}}')]).toEqual(['failed', 'failed', 'failed', 'failed'])
    expect(told(key, '{"languageMode":"ConstrainedLanguage"}')).toBe('denied')
    expect(told(key, JSON.stringify(refusal))).toBe('denied')
    expect(told(key, failure('CouldNotAutoloadMatchingModule', notFound))).toBe('failed')
    expect(['absent', 'failed']).toContain(told(key, failure('CommandNotFoundException', notFound)))
  })

  test.each([
    'system/windows',
    'usage/windows',
    'services/windows',
    'reboot/windows',
    'filesystems/windows',
    'disks/windows',
    'firewall/windows',
  ])('%s is there on every Windows: a class that is missing is a fault of WMI', key => {
    expect(told(key, JSON.stringify({ error: { hr: '0x80041010', msg: 'Invalid class' } }))).toBe('failed')
  })
})
