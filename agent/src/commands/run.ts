import { parseArgs } from 'node:util'
import { createLog, systemClock } from '@fettle/kit'
import { startAgent } from '../agent.ts'
import { type Command, exitCodes } from '../cli.ts'
import { openStateDir } from '../host/state.ts'
import { here } from './here.ts'

/** `fettle-agent run` */
export const run: Command = {
  help: `fettle-agent run: looks at this machine, keeps what it saw, and reports it to the collector

Usage: fettle-agent run

Stays in the foreground and writes JSON lines to standard error; SIGTERM stops it. As root it sees everything; without root it
runs as well, and what it may not read says so with the way to allow it. Configuration: fettle-agent config --help

Examples:
  sudo systemctl enable --now fettle-agent        as the service that the package installs
  FETTLE_DATA_DIR=/tmp/fettle fettle-agent run    by hand, with its own state
`,
  async run(context, args) {
    parseArgs({ args: [...args], options: {} })
    const { config, host } = await here(context)
    const log = createLog('fettle-agent', config.logLevel)
    const agent = await startAgent({ config, host, clock: systemClock, log, state: await openStateDir(config.dataDir) })
    // Timers of the clock never keep the process alive: this one does, until the signal.
    const alive = setInterval(() => {}, 2 ** 30)
    const code = await (context.untilStopped?.(log, agent.stop) ?? exitCodes.ok)
    clearInterval(alive)
    return code
  },
}
