import type { Case } from './case.ts'
import { agentCases } from './cases/agent.ts'
import { clockCases } from './cases/clocks.ts'
import { collectorCases } from './cases/collector.ts'
import { diskCases } from './cases/disk.ts'
import { failoverCases } from './cases/failover.ts'
import { networkCases } from './cases/network.ts'
import { redisCases } from './cases/redis.ts'

/** Every fault that is tried, in the order of RELIABILITY.md. */
export const cases: readonly Case[] = [
  ...redisCases,
  ...failoverCases,
  ...diskCases,
  ...collectorCases,
  ...networkCases,
  ...agentCases,
  ...clockCases,
]
