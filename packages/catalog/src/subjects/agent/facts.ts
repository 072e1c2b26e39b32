import * as v from 'valibot'
import { amount, count, list, maybe, text, time } from '../../shapes.ts'

/** The agent's own health and cost. */
export const agentFact = v.object({
  version: text(64),
  /** Version of Node. */
  runtime: text(64),
  startedAt: time,
  /** Runs as root, SYSTEM or with the capabilities that the probes need. */
  privileged: v.boolean(),
  /** macOS: whether it may read what the system guards, root or not. Missing elsewhere, and where it cannot be told. */
  fullDiskAccess: v.optional(v.boolean()),
  /** Resident set in bytes. */
  residentBytes: amount,
  /** `RssAnon` of proc_pid_status(5), bytes; null where the system does not tell. */
  privateBytes: maybe(amount),
  /** CPU time of agent and finished children since the start, seconds. */
  cpuSeconds: amount,
  /** Share of one core since the fact before, 0..1; null at the first. */
  cpuRatio: maybe(amount),
  outbox: v.object({ waiting: count, dropped: count, /** Why state cannot be kept on disk; null where it can. */ fault: maybe(text()) }),
  /** Processes that could not be killed at their deadline and still hang (D state). */
  stuck: count,
  probes: list(v.object({ key: text(64), outcome: text(16), tookMs: amount }), 128),
  /** What is wrong with the configuration but does not stop the agent. */
  warnings: list(text(), 32),
})
export type AgentFact = v.InferOutput<typeof agentFact>
