import type { Probe } from '../probe.ts'
import { linuxProbes } from './linux.ts'
import { macosProbes } from './macos.ts'
import { windowsProbes } from './windows.ts'

/** Every source that the agent can read, on whatever system. A probe is in its system's list or it does not exist. */
export const probes: readonly Probe[] = [...new Set([...linuxProbes, ...windowsProbes, ...macosProbes])]
