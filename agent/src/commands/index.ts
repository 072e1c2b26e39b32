import type { Command } from '../cli.ts'

/** Every command, in the order of `--help`. Each is loaded only when it is called: the daemon stays small. */
export const commands: { readonly [name: string]: { readonly summary: string; load(): Promise<Command> } } = {
  check: { summary: 'Judges this machine now and prints how it is', load: async () => (await import('./check.ts')).check },
  run: { summary: 'Runs the agent: looks, keeps, reports to the collector', load: async () => (await import('./run.ts')).run },
  enroll: { summary: 'Makes this machine known to a collector', load: async () => (await import('./enroll.ts')).enroll },
  refresh: { summary: 'Asks the running agent to look again now', load: async () => (await import('./refresh.ts')).refresh },
  config: { summary: 'Prints the configuration in force, and where it comes from', load: async () => (await import('./config.ts')).config },
  capture: { summary: 'Records what the probes read, as a fake machine', load: async () => (await import('./capture.ts')).capture },
  parse: { summary: 'Reads captured output of a tool as the agent would', load: async () => (await import('./parse.ts')).parse },
}
