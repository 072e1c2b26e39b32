import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { linkLimits } from '../../agent/src/link.ts'
import { wakingLimits } from '../../agent/src/waking.ts'
import { type AgentProcess, startAgentProcess } from '../kit/agent-process.ts'
import { startTestCollector, type TestCollector } from '../kit/collector.ts'
import { type OtherMachine, otherMachine } from '../kit/netns.ts'
import { until } from '../kit/until.ts'

/** A laptop whose network goes, and that sleeps: the agent as a process on a machine with a cable of its own. */

let laptop: OtherMachine
let collector: TestCollector
let agent: AgentProcess
beforeAll(async () => {
  laptop = await otherMachine()
  collector = await startTestCollector({ FETTLE_LISTEN: `${laptop.here}:0`, FETTLE_ALLOW_PLAIN: 'true' })
})
afterEach(() => agent?.remove())
afterAll(async () => {
  await collector?.stop()
  await laptop?.remove()
})

/** Noticed, proved dead, dialled again: far below the silence after which any connection counts as dead. */
const BACK_MS = wakingLimits.lookMs + linkLimits.proofMs + linkLimits.wakeMs + 3_000
const connectedAt = () => collector.core.fleet.byInstance(agentName)?.connectedSince ?? null
let agentName = ''

async function started(instance: string): Promise<void> {
  agentName = instance
  const own = { url: collector.agentUrl, allowPlain: true }
  agent = await startAgentProcess({ collector: own, token: await collector.token(), instance, inside: laptop.inside })
  await until(() => connectedAt() !== null, 'it connects')
}

describe('the link is back within seconds', () => {
  test('of a network that was gone', async () => {
    await started('moved')
    const before = connectedAt()
    await laptop.cable('down')
    await until(
      () => agent.troubles().some(({ reason }) => reason.includes('this machine has no network')),
      'it tells that it has no network',
    )
    expect(agent.troubles()[0]?.reason).toMatch(/no answer since the machine slept or its network changed/)
    await laptop.cable('up')
    await until(() => connectedAt() !== before, 'it is back', BACK_MS)
  })

  test('of a sleep during which a router forgot its connection without a word', async () => {
    await started('slept')
    const before = connectedAt()
    process.kill(agent.child.pid ?? 0, 'SIGSTOP')
    await laptop.forgetConnections()
    const asleep = performance.now()
    await until(() => performance.now() - asleep > wakingLimits.sleptMs + wakingLimits.lookMs + 1_000, 'it sleeps long enough')
    process.kill(agent.child.pid ?? 0, 'SIGCONT')
    await until(() => connectedAt() !== before, 'it is back', BACK_MS)
    expect(agent.troubles().map(({ reason }) => reason)).toEqual(['no answer since the machine slept or its network changed'])
  })
})
