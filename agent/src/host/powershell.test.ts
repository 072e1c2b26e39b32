import { expect, test } from 'vitest'
import { fakeClock } from '../fakes/clock.ts'
import { TimedOut } from '../host.ts'
import type { Captured } from '../probe.ts'
import { BOOTSTRAP, POWERSHELL_ARGV, PowerShell, powershellLimits, type StartPowerShell } from './powershell.ts'

const { gatherMs, startMs } = powershellLimits
const ended: Captured = { text: '', stderr: '', code: 0, name: 'powershell.exe', modifiedAt: null }
const line = (name: string, json: string) => `@fettle-part ${name} ${json}\r\n`
type Process = {
  readonly input: string
  readonly timeoutMs: number
  hear(text: string): void
  /** The process ends by itself, or could not do what it should. */
  exit(error?: Error): void
}

/** Stands in for powershell.exe, which runs on Windows only: each process waits for what the test has it say. */
function shells() {
  const clock = fakeClock()
  const processes: Process[] = []
  let waiting = Promise.withResolvers<void>()
  const start: StartPowerShell = (_, { input = '', timeoutMs = 0, signal }, heard) => {
    const { promise, resolve, reject } = Promise.withResolvers<Captured>()
    signal.addEventListener('abort', () => reject(signal.reason))
    processes.push({ input, timeoutMs, hear: heard, exit: error => (error ? reject(error) : resolve(ended)) })
    waiting.resolve()
    return promise
  }
  /** The process that is started as the nth, once it is. */
  const process = async (nth: number): Promise<Process> => {
    for (;;) {
      const found = processes[nth]
      if (found) return found
      await waiting.promise
      waiting = Promise.withResolvers()
    }
  }
  return { clock, processes, process, powershell: new PowerShell(start, clock.after) }
}

/** How a promise stands now, without waiting for it. */
async function standing(promise: Promise<unknown>): Promise<string> {
  await new Promise(resolve => setImmediate(resolve))
  return Promise.race([
    promise.then(
      () => 'answered',
      () => 'failed',
    ),
    new Promise<string>(resolve => setImmediate(() => resolve('waits'))),
  ])
}

test('parts that are asked for together share one process, and each gets its own answer as soon as it comes', async () => {
  const { clock, powershell, process, processes } = shells()
  const defender = powershell.ask('antivirus/defender')
  const firewall = powershell.ask('firewall/windows')
  await clock.advance(gatherMs)
  const shell = await process(0)
  expect(shell.input).toContain('Get-MpComputerStatus')
  expect(shell.input).toContain('Get-NetFirewallProfile')
  shell.hear(`${line('antivirus/defender', '{"a":1}')}something a cmdlet printed\n@fettle-part firewall/win`)
  expect((await defender).text).toBe('{"a":1}')
  expect(await standing(firewall)).toBe('waits')
  shell.hear('dows {"b":2}\r\n')
  expect((await firewall).text).toBe('{"b":2}')
  shell.exit()
  expect(processes).toHaveLength(1)
})

test('a part has its own deadline, which begins when the one before it has answered', async () => {
  const { clock, powershell, process } = shells()
  const slow = powershell.ask('antivirus/defender', { timeoutMs: 120_000 })
  const quick = powershell.ask('reboot/windows', { timeoutMs: 10_000 })
  await clock.advance(gatherMs)
  const shell = await process(0)
  expect(shell.timeoutMs).toBeGreaterThan(130_000)
  await clock.advance(110_000)
  shell.hear(line('antivirus/defender', '{}'))
  await slow
  await clock.advance(9_000)
  expect(await standing(quick)).toBe('waits')
  const late = expect(quick).rejects.toThrow('reboot/windows did not answer PowerShell within 10000 ms')
  await clock.advance(1_000)
  await late
})

test('what PowerShell takes to start counts against nobody', async () => {
  const { clock, powershell, process } = shells()
  const part = powershell.ask('reboot/windows', { timeoutMs: 10_000 })
  await clock.advance(gatherMs)
  await process(0)
  await clock.advance(startMs + 9_000)
  expect(await standing(part)).toBe('waits')
  const late = expect(part).rejects.toThrow(TimedOut)
  await clock.advance(1_000)
  await late
})

test('a part that hangs takes only itself: those behind it are asked again', async () => {
  const { clock, powershell, process, processes } = shells()
  const [good, hung, behind] = [powershell.ask('antivirus/defender'), powershell.ask('firewall/windows'), powershell.ask('reboot/windows')]
  await clock.advance(gatherMs)
  const first = await process(0)
  first.hear(line('antivirus/defender', '{"a":1}'))
  const late = expect(hung).rejects.toThrow(TimedOut)
  await clock.advance(powershellLimits.scriptMs)
  await late
  const second = await process(1)
  expect(second.input).not.toContain('Get-NetFirewallProfile')
  second.hear(line('reboot/windows', '{"c":3}'))
  expect([(await good).text, (await behind).text]).toEqual(['{"a":1}', '{"c":3}'])
  expect(processes).toHaveLength(2)
})

test('a part that ends the process takes only itself too', async () => {
  const { clock, powershell, process } = shells()
  const [good, fatal, behind] = [powershell.ask('antivirus/defender'), powershell.ask('firewall/windows'), powershell.ask('reboot/windows')]
  await clock.advance(gatherMs)
  const first = await process(0)
  first.hear(line('antivirus/defender', '{"a":1}'))
  first.exit(new Error('powershell.exe printed more than 8388608 bytes'))
  await expect(fatal).rejects.toThrow('printed more')
  const second = await process(1)
  second.hear(line('reboot/windows', '{"c":3}'))
  second.exit()
  expect([(await good).text, (await behind).text]).toEqual(['{"a":1}', '{"c":3}'])
})

test('a PowerShell that cannot be started fails each part once, and is not tried for each', async () => {
  const { clock, powershell, process, processes } = shells()
  const asked = [powershell.ask('reboot/windows'), powershell.ask('usage/windows')]
  await clock.advance(gatherMs)
  const shell = await process(0)
  shell.exit(new Error('blocked by policy'))
  const told = await Promise.allSettled(asked)
  expect(told.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(processes).toHaveLength(1)
})

test('what is asked for while a process runs waits for it, and shares the next', async () => {
  const { clock, powershell, process, processes } = shells()
  const first = powershell.ask('reboot/windows')
  await clock.advance(gatherMs)
  const shell = await process(0)
  const later = [powershell.ask('usage/windows'), powershell.ask('firewall/windows')]
  await clock.advance(gatherMs)
  expect(processes).toHaveLength(1)
  shell.hear(line('reboot/windows', '{}'))
  await first
  shell.exit()
  const next = await process(1)
  next.hear(line('usage/windows', '{}') + line('firewall/windows', '{}'))
  await Promise.all(later)
  expect(processes).toHaveLength(2)
})

test('a part that runs alone delays nobody: it has a process of its own, at once', async () => {
  const { clock, powershell, process, processes } = shells()
  const heavy = powershell.ask('updates/windows-update', { alone: true, timeoutMs: 230_000 })
  const own = await process(0)
  const light = powershell.ask('reboot/windows')
  await clock.advance(gatherMs)
  const other = await process(1)
  other.hear(line('reboot/windows', '{}'))
  await light
  other.exit()
  await clock.advance(200_000)
  expect(await standing(heavy)).toBe('waits')
  own.hear(line('updates/windows-update', '{"resultCode":2}'))
  expect((await heavy).text).toBe('{"resultCode":2}')
  own.exit()
  expect(processes).toHaveLength(2)
})

test('a process that has answered all and does not end is ended: the next ones wait for it', async () => {
  const { clock, powershell, process } = shells()
  const first = powershell.ask('reboot/windows')
  await clock.advance(gatherMs)
  const shell = await process(0)
  shell.hear(line('reboot/windows', '{}'))
  await first
  const later = powershell.ask('usage/windows')
  await clock.advance(powershellLimits.endMs)
  const next = await process(1)
  next.hear(line('usage/windows', '{}'))
  expect((await later).text).toBe('{}')
})

test('a PowerShell that prints nothing gives empty text, which is never an answer', async () => {
  const { clock, powershell, process } = shells()
  const asked = powershell.ask('reboot/windows')
  await clock.advance(gatherMs)
  const shell = await process(0)
  shell.exit()
  await expect(asked).resolves.toMatchObject({ text: '', code: 0 })
})

test('a constrained session is told to each part', async () => {
  const { clock, powershell, process } = shells()
  const asked = [powershell.ask('reboot/windows'), powershell.ask('usage/windows')]
  await clock.advance(gatherMs)
  const shell = await process(0)
  shell.hear('@fettle-part {"languageMode":"ConstrainedLanguage"}\r\n')
  shell.exit()
  for (const part of asked) await expect(part).resolves.toMatchObject({ text: '{"languageMode":"ConstrainedLanguage"}' })
})

test('a script is one of ours or none', async () => {
  const { clock, powershell } = shells()
  const asked = [powershell.ask('../../etc/passwd'), powershell.ask('reboot/nothing')]
  const told = Promise.allSettled(asked)
  await clock.advance(gatherMs)
  expect(await told).toMatchObject([
    { reason: { message: expect.stringContaining('wanted SUBJECT/SOURCE') } },
    { reason: { message: expect.stringContaining('ENOENT') } },
  ])
})

test('the command line fits into what Windows takes, and says no more than to read the script from standard input', () => {
  expect(POWERSHELL_ARGV.join(' ').length).toBeLessThan(8000)
  expect(Buffer.from(POWERSHELL_ARGV.at(-1) ?? '', 'base64').toString('utf16le')).toBe(BOOTSTRAP)
})
