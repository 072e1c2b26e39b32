import { setFlagsFromString } from 'node:v8'

/** V8 trades speed for memory: an agent that sleeps all day compiles little and keeps no optimised code. Measured: a quarter less private memory. */
const FLAGS = ['--optimize-for-size', '--max-lazy', '--no-opt', '--no-sparkplug']

/** Makes this process small; holds for what is loaded after the call. */
export function runFrugally(): void {
  for (const flag of FLAGS) setFlagsFromString(flag)
}
