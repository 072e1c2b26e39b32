import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { input, json, judge, testHardiness, type UpdatesTold } from '../../../../test/kit/package-captures.ts'
import { localHost } from '../../host/local.ts'
import type { Host } from '../../host.ts'
import { Absent, type Captured } from '../../probe.ts'
import snap from './snap.ts'

// Written from the keys of snapd's overlord/snapstate and from snap(8).
describe('snap', () => {
  const state = (data: object) =>
    json({ data: { snaps: { core: { current: '1' } }, 'last-refresh': '2026-11-22T06:00:00Z', ...data } }, { code: null })

  test('what snapd found and has not installed waits', () => {
    const fact = judge(snap, { state: state({ 'refresh-candidates': { firefox: { version: '130', channel: 'latest/stable' } } }) })
    expect(fact.pending).toMatchObject([{ name: 'firefox', candidate: '130' }])
    expect([fact.lastCheckAt, fact.automatic.enabled]).toEqual([Date.UTC(2026, 10, 22, 6), true])
  })

  test('of the state only the keys that are needed are read: it holds tokens', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fettle-snap-'))
    const secret = { auth: { users: [{ macaroon: 'SECRET' }] }, 'last-refresh': '2026-11-22T06:00:00Z' }
    const candidates = {
      'refresh-candidates': { firefox: { version: '130 {"', 'side-info': { name: 'firefox' } } },
      config: { core: { refresh: { hold: 'forever' } } },
    }
    await writeFile(join(folder, 'state.json'), JSON.stringify({ data: { ...secret, ...candidates } }))
    const local = localHost()
    const read: Captured[] = []
    const host: Host = {
      ...local,
      uid: 0,
      stat: (async () => ({})) as unknown as Host['stat'],
      list: (async () => ['firefox_1.snap']) as unknown as Host['list'],
      run: async argv => {
        const captured = await local.run(argv.map(word => word.replace('/var/lib/snapd', folder)))
        read.push(captured)
        return captured
      },
    }
    const fact = (await snap.read(host, { askStore: false })) as unknown as UpdatesTold
    await rm(folder, { recursive: true })
    expect(fact).toMatchObject({ pending: [{ name: 'firefox', candidate: '130 {"' }], automatic: { enabled: false } })
    expect(read.map(({ text }) => text).join('')).not.toContain('SECRET')
  })

  test('held refreshes are not automatic', () => {
    for (const hold of ['forever', '2027-01-01T00:00:00Z'])
      expect(judge(snap, { state: state({ config: { core: { refresh: { hold } } } }) }).automatic.enabled).toBe(false)
  })

  test('the list of the store is read, in any language, and nothing is said on standard error', () => {
    const table = 'Name     Version  Rev   Size   Publisher  Notes\nfirefox  130.0    4848  280MB  mozilla**  held\n'
    expect(judge(snap, { list: input(table) }).pending).toMatchObject([{ name: 'firefox', candidate: '130.0', withheld: 'held' }])
    expect(judge(snap, { list: input('', { stderr: 'All snaps up to date.\n', code: null }) }).pending).toEqual([])
    expect(() => judge(snap, { list: input('', { stderr: 'error: cannot list refreshes\n', code: 1 }) })).toThrow(/cannot list/)
    expect(() => judge(snap, { list: input('', { code: null }) })).toThrow()
  })

  test('without a snap there is nothing to tell', () => expect(() => judge(snap, { state: json({ data: { snaps: {} } }) })).toThrow(Absent))

  testHardiness(snap)
})
