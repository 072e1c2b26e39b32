import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { localHost } from '../../host/local.ts'
import { type Host, HostError } from '../../host.ts'
import { Absent } from '../../probe.ts'
import { checked } from '../../runner.ts'
import self, { type Live, parse } from './self.ts'

const live: Live = {
  version: '1.0.0',
  runtime: 'v26.0.0',
  startedAt: 1_700_000_000_000,
  privileged: false,
  residentBytes: 60_000_001,
  cpuSeconds: 12.3,
  cpuRatio: 0.00042,
  outbox: { waiting: 1, dropped: 0, fault: null },
  stuck: 0,
  probes: [{ key: 'raid/md', outcome: 'ok', tookMs: 3 }],
  warnings: [],
}
// Written after proc_pid_status(5).
const status = 'Name:\tnode\nVmRSS:\t   65000 kB\nRssAnon:\t   18000 kB\nRssFile:\t   47000 kB\n'
const input = (text: string) => ({ status: [{ text, stderr: '', code: null, name: '/proc/self/status', modifiedAt: null }] })
const context = { now: 1, hostname: 'a', options: { live: () => live } }

describe("the agent's look at itself", () => {
  test('tells its cost in coarse steps, so that an idle agent says the same', () => {
    const fact = parse(input(status), context)
    expect(checked(self, fact).outcome).toBe('ok')
    expect(fact).toMatchObject({ residentBytes: 60 * 2 ** 20, privateBytes: 20 * 2 ** 20, cpuSeconds: 20, cpuRatio: 0.001 })
    expect(
      parse(input(status.replace('18000', '18100')), { ...context, options: { live: () => ({ ...live, residentBytes: 60_100_000 }) } }),
    ).toEqual(fact)
  })

  test('is absent where no agent runs', async () => {
    await expect(self.read(localHost(), undefined)).rejects.toBeInstanceOf(Absent)
    expect(() => parse(input(status), { now: 1, hostname: 'a', options: undefined })).toThrow(Absent)
  })

  test('a system that does not tell the private memory gives null, a text that should and does not fails', () => {
    expect(parse({}, context).privateBytes).toBeNull()
    expect(() => parse(input('Name: node\n'), context)).toThrow('wanted a line with RssAnon')
  })

  test('a Mac tells once whether the agent has Full Disk Access, and only root can know', async () => {
    const tcc = '/Library/Application Support/com.apple.TCC/TCC.db'
    const ask = async (answer: Error | 'shown', uid = 0) => {
      const bytes = async (path: string) => {
        if (answer instanceof Error) throw path === tcc ? answer : new HostError('ENOENT', path)
        return new Uint8Array(1)
      }
      const mac = { ...hostOf(machine()), platform: 'darwin', uid, bytes } as unknown as Host
      return (await self.read(mac, { live: () => live })) as { fullDiskAccess?: boolean }
    }

    expect((await ask('shown')).fullDiskAccess).toBe(true)
    expect((await ask(new HostError('EPERM', tcc))).fullDiskAccess).toBe(false)
    expect((await ask(new HostError('ENOENT', tcc))).fullDiskAccess).toBeUndefined()
    expect((await ask(new HostError('EPERM', tcc), 501)).fullDiskAccess).toBeUndefined()
  })

  test('reads the machine it runs on', async () => {
    expect(checked(self, await self.read(localHost(), { live: () => live })).outcome).toBe('ok')
  })

  test('any text gives a fact or an error', () => {
    fc.assert(
      fc.property(fc.string(), text => {
        try {
          expect(checked(self, parse(input(text), context)).outcome).toBe('ok')
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
        }
      }),
    )
  })
})
