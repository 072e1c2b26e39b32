import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { hostOf, machine } from '../../test/kit/machine.ts'
import type { Host } from './host.ts'
import { Absent, type Captured, defineProbe } from './probe.ts'
import { runProbe } from './runner.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const empty: Captured = { text: '', stderr: '', code: null, name: '', modifiedAt: null }
const reading = (read: (host: Host) => Promise<unknown>) =>
  defineProbe({
    subject: 'clock',
    source: 'test',
    platforms: ['win32'],
    every: '1h',
    timeout: '10s',
    inputs: {},
    parse: () => {
      throw new Absent('nothing to read')
    },
    read: async host => {
      await read(host)
      throw new Absent('read')
    },
  })
const after = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms))
/** A machine whose PowerShell takes so long, and the deadlines that its scripts were given. */
function slowShell(ms: number) {
  const deadlines: (number | undefined)[] = []
  const powershell: Host['powershell'] = async (_, options) => {
    deadlines.push(options?.timeoutMs)
    await after(ms)
    return empty
  }
  return { host: { ...hostOf(machine()), powershell }, deadlines }
}

async function outcomeOf(host: Host, read: (host: Host) => Promise<unknown>): Promise<string> {
  const look = runProbe(reading(read), host, undefined, 3_600_000)
  await vi.runAllTimersAsync()
  return (await look).outcome
}

test('a look that is late is told so', async () => {
  expect(await outcomeOf(hostOf(machine()), () => after(11_000))).toBe('timeout')
  expect(await outcomeOf(hostOf(machine()), () => after(9_000))).toBe('absent')
})

test('what a look waits for other scripts in the same PowerShell does not run its deadline out', async () => {
  const { host, deadlines } = slowShell(120_000)
  expect(await outcomeOf(host, own => own.powershell('a/b'))).toBe('absent')
  expect(deadlines).toEqual([10_000])
})

test('what it does besides still counts, before and after', async () => {
  const read = async (own: Host) => {
    await after(6_000)
    await own.powershell('a/b')
    await after(6_000)
  }
  expect(await outcomeOf(slowShell(120_000).host, read)).toBe('timeout')
})

test('two scripts at once pause it until both have answered', async () => {
  const read = (own: Host) => Promise.all([own.powershell('a/b'), own.powershell('c/d')])
  expect(await outcomeOf(slowShell(120_000).host, read)).toBe('absent')
})

test('a script may have a deadline of its own', async () => {
  const { host, deadlines } = slowShell(1)
  await outcomeOf(host, own => own.powershell('a/b', { timeoutMs: 5 }))
  expect(deadlines).toEqual([5])
})
