import { chmod, cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SWITCHED_OFF } from '@fettle/catalog'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { testLog } from '../../test/kit/log.ts'
import { type Agent, type AgentParts, startAgent } from './agent.ts'
import { fastClock } from './fakes/clock.ts'
import { type FakeCollector, type FakeConnection, startFakeCollector } from './fakes/collector.ts'
import { localHost } from './host/local.ts'
import { openStateDir } from './host/state.ts'
import { defaultConfig } from './index.ts'
import { defineProbe, type Probe } from './probe.ts'

let folder: string
let collector: FakeCollector
const agents: Agent[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fettle-agent-'))
  collector = await startFakeCollector()
})
afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.stop()
  await collector.stop()
  await rm(folder, { recursive: true })
})

/** A source whose backup jobs the test sets. */
function source(): { readonly probe: Probe; set(names: readonly string[]): void } {
  let names: readonly string[] = []
  const probe = defineProbe<'backups'>({
    subject: 'backups',
    source: 'test',
    platforms: ['linux', 'darwin', 'win32'],
    every: '1h',
    timeout: '5s',
    inputs: {},
    parse: () => ({ jobs: [] }),
    read: async () => ({ jobs: names.map(job) }),
  })
  return {
    probe,
    set: next => {
      names = next
    },
  }
}

function job(name: string) {
  return {
    name,
    tool: 'test',
    kind: 'backup' as const,
    destination: null,
    standing: 'unknown' as const,
    reason: null,
    hint: null,
    lastRunAt: null,
    lastResult: null,
    lastSuccessAt: null,
    runningSince: null,
    durationMs: null,
    sourceBytes: null,
    addedBytes: null,
    files: null,
    snapshots: null,
    earlierBytes: [],
    expectedEveryMs: null,
    learnedEveryMs: null,
    verify: null,
    restoreTestedAt: null,
    destinationFreeRatio: null,
    warnings: [],
  }
}

async function start(over: Partial<AgentParts> = {}): Promise<Agent> {
  const config = defaultConfig({ collector: { url: collector.url, caFile: null, allowPlain: false, token: 'id.secret' }, dataDir: folder })
  const agent = await startAgent({
    config,
    host: localHost(),
    clock: fastClock(20),
    log: testLog('agent'),
    state: await openStateDir(folder),
    ...over,
  })
  agents.push(agent)
  return agent
}

async function welcomed(over: Parameters<FakeConnection['welcome']>[0] = {}) {
  const connection = await collector.connection()
  const hello = await connection.nextOf('hello')
  await connection.welcome(over)
  return { connection, hello }
}

const namesOf = (report: { data?: unknown }) => (report.data as { jobs: { name: string }[] }).jobs.map(({ name }) => name)

describe('an agent', () => {
  test('shows its token until it was welcomed, and never again at that collector', async () => {
    const { probe } = source()
    const agent = await start({ probes: [probe] })
    expect((await welcomed()).hello.enrol?.token).toBe('id.secret')
    await expect.poll(agent.connected).toBe(true)
    await agents.pop()?.stop()
    await start({ probes: [probe] })
    expect((await welcomed()).hello.enrol).toBeUndefined()
  })

  test('what changed while the collector was away arrives later, in order, once', async () => {
    const { probe, set } = source()
    const alone = await start({ probes: [probe], config: defaultConfig() })
    for (const names of [['a'], ['b'], ['c']]) {
      set(names)
      await alone.refresh(['backups/test'])
    }
    await agents.pop()?.stop()
    await start({ probes: [probe] })
    const { connection } = await welcomed()
    const reports = [await connection.nextOf('report'), await connection.nextOf('report'), await connection.nextOf('report')]
    expect(reports.map(namesOf)).toEqual([['a'], ['b'], ['c']])
    expect(reports.map(report => report.superseded ?? false)).toEqual([true, true, false])
    expect(connection.untaken).toEqual([])
  })

  test('killed and started again it goes on where it was, with the same identity and higher numbers', async () => {
    const { probe, set } = source()
    const agent = await start({ probes: [probe] })
    set(['a'])
    await agent.refresh([])
    // No stop: the state is copied as a crash leaves it.
    const crashed = join(folder, 'crashed')
    await cp(join(folder, 'outbox'), join(crashed, 'outbox'), { recursive: true })
    await cp(join(folder, 'key.pem'), join(crashed, 'key.pem'))
    const first = await welcomed()
    const { seq } = await first.connection.nextOf('report')
    await agents.pop()?.stop()
    await chmod(crashed, 0o700)
    set(['b'])
    const again = await start({ probes: [probe], state: await openStateDir(crashed) })
    expect(again.hostId).toBe(agent.hostId)
    const { connection } = await welcomed({ acked: seq })
    const report = await connection.nextOf('report')
    expect(report.seq).toBeGreaterThan(seq)
    expect(namesOf(report)).toEqual(['b'])
  })

  test('a source that is switched off says so in place of silence', async () => {
    const { probe } = source()
    const config = defaultConfig({
      collector: { url: collector.url, caFile: null, allowPlain: false, token: null },
      probes: { 'backups/test': { enabled: false } },
    })
    const agent = await start({ probes: [probe], config })
    await agent.refresh([])
    const { connection } = await welcomed()
    expect(await connection.nextOf('report')).toMatchObject({ outcome: 'absent', reason: SWITCHED_OFF })
  })

  test('a change of a watched path is looked at without waiting for the cadence', async () => {
    const { probe, set } = source()
    let change = () => {}
    const watch = (_paths: readonly string[], onChange: () => void) => {
      change = onChange
      return () => {}
    }
    await start({ probes: [{ ...probe, watch: ['/some/path'] }], watch })
    const { connection } = await welcomed()
    set(['new'])
    change()
    expect(namesOf(await connection.nextOf('report'))).toEqual(['new'])
  })

  test('two agents on one state are refused', async () => {
    await start({ probes: [] })
    await expect(start({ probes: [] })).rejects.toThrow('another agent already uses')
  })

  test('the collector asks for a look, and gets it', async () => {
    const { probe, set } = source()
    await start({ probes: [probe] })
    const { connection } = await welcomed()
    set(['asked'])
    await connection.send({ type: 'refresh', keys: ['backups/test'] })
    expect(namesOf(await connection.nextOf('report'))).toEqual(['asked'])
  })
})
