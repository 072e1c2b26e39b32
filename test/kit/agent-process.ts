import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { localHost } from '../../agent/src/index.ts'
import { keyOf } from '../../agent/src/probe.ts'
import { probesOf } from '../../agent/src/probes/platform.ts'
import { runScript, type TestProcess } from './process.ts'
import { until } from './until.ts'

/** A real agent as a process of its own, which looks at nothing but itself. */
export type AgentProcess = TestProcess & {
  readonly folder: string
  /** What it says of its way to the collector in its log, oldest first. */
  readonly troubles: () => readonly { readonly reason: string; readonly retryMs: number }[]
  /** What it answers `fettle-agent check`. */
  status(): Promise<string>
  /** Ends it, and removes what it kept. */
  remove(): Promise<void>
}

type Wish = {
  /** Of `collector` in its file. */
  readonly collector: object
  readonly token: string
  readonly instance?: string
  readonly env?: Record<string, string>
  /** Of an agent that ran before, to start on what it left; its name and its collector are as they were. */
  readonly folder?: string
  /** Runs it inside of something else: `ip netns exec NAME`. */
  readonly inside?: readonly string[]
}

/** Starts `fettle-agent run` with a file of its own. */
export async function startAgentProcess({ collector, token, instance = 'web1', env = {}, inside, ...wish }: Wish): Promise<AgentProcess> {
  const folder = wish.folder ?? (await mkdtemp(join(tmpdir(), 'fettle-a-')))
  const off = Object.fromEntries(
    (await probesOf(localHost().platform))
      .map(keyOf)
      .filter(key => key !== 'agent/self')
      .map(key => [key, { enabled: false }]),
  )
  const config = { collector, instance, dataDir: join(folder, 'state'), probes: off, log: { level: 'debug' } }
  await writeFile(join(folder, 'agent.yaml'), JSON.stringify(config), { mode: 0o600 })
  const own = { FETTLE_AGENT_CONFIG: join(folder, 'agent.yaml'), FETTLE_TOKEN: token, NODE_EXTRA_CA_CERTS: '', ...env }
  const running = runScript('agent/src/main.ts', ['run'], own, inside)
  const told = () =>
    running.lines.flatMap(line => {
      const { msg, reason, retryMs } = parsed(line)
      return msg === 'no connection to the collector' ? [{ reason: String(reason), retryMs: Number(retryMs) }] : []
    })
  return {
    ...running,
    folder,
    troubles: told,
    status: async () => {
      const { ask } = await import('../../agent/src/control.ts')
      const { shortSocketPath } = await import('../../agent/src/host/state.ts')
      return (await until(() => ask({ socketPath: shortSocketPath(config.dataDir) }, { ask: 'status' }, 2_000), 'the agent answers'))
        .message
    },
    async remove() {
      await running.kill('SIGTERM')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function parsed(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch {
    return {}
  }
}
