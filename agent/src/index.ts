import { type AgentConfig, defaultConfig as defaultConfigOf } from './config.ts'
import { probes } from './probes/index.ts'

/** The agent as a library: what `npm start` and the tests across borders use. */
export { type Agent, type AgentParts, startAgent } from './agent.ts'
export { type CliContext, cli } from './cli.ts'
export { type AgentConfig, loadConfig } from './config.ts'
export { localHost } from './host/local.ts'
export { replayHost } from './host/replay.ts'
export { openStateDir, type StateDir } from './host/state.ts'
export type { Host } from './host.ts'
export { surveyText } from './survey-text.ts'
export { probes }

/** What holds where nobody says anything, for the probes of every system. */
export function defaultConfig(over: Partial<AgentConfig> = {}): AgentConfig {
  return defaultConfigOf(over, probes)
}
