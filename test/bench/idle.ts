import type { CollectorCalls } from './collector-worker.ts'
import type { EchoCalls } from './echo-worker.ts'
import type { Figure } from './figure.ts'
import { pause, progress } from './progress.ts'
import type { SpeakerCalls } from './speaker-worker.ts'
import { startWorker } from './worker.ts'

/** Time for memory to settle after the last connection, s. */
const SETTLE = 2

/** What an idle connection costs: resident memory of the collector with and without, by hosts that have nothing else. */
export async function idle(quick: boolean): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const connections of quick ? [1000] : [1000, 5000]) {
    progress(`idle: ${connections} connections`)
    const value = await collector(connections)
    const baseline = { name: 'bare ws', value: await bare(connections) }
    const budget = { of: 'value', bound: 'most', limit: 20 } as const
    figures.push({ group: 'idle connections', what: `each of ${connections}, plain`, value, unit: 'KB', baseline, budget })
  }
  return figures
}

async function collector(connections: number): Promise<number> {
  const worker = startWorker<CollectorCalls>('collector-worker.ts', ['--expose-gc'])
  const speaker = startWorker<SpeakerCalls>('speaker-worker.ts')
  const { agentUrl, token } = await worker.call('start', {})
  // The first connections pay for what all share: code that is loaded and compiled.
  await speaker.call('join', { agentUrl, token, hosts: 100, facts: false })
  const grown = await growth(worker, () => speaker.call('join', { agentUrl, token, hosts: connections, facts: false }))
  await Promise.all([speaker.stop(), worker.stop()])
  return grown / connections / 1024
}

async function bare(connections: number): Promise<number> {
  const worker = startWorker<EchoCalls>('echo-worker.ts', ['--expose-gc'])
  const speaker = startWorker<SpeakerCalls>('speaker-worker.ts')
  const { url } = await worker.call('start')
  await speaker.call('open', { url, connections: 100 })
  const grown = await growth(worker, () => speaker.call('open', { url, connections }))
  await Promise.all([speaker.stop(), worker.stop()])
  return grown / connections / 1024
}

async function growth(worker: { call(name: 'usage'): Promise<{ resident: number }> }, grow: () => Promise<unknown>): Promise<number> {
  const settled = async () => {
    await worker.call('usage')
    await pause(SETTLE)
    return (await worker.call('usage')).resident
  }
  const before = await settled()
  await grow()
  return (await settled()) - before
}
