import { parseArgs } from 'node:util'
import { type Command, exitCodes } from '../cli.ts'
import { ask, NoAgent } from '../control.ts'
import { shortSocketPath } from '../host/state.ts'
import { here } from './here.ts'

const WAIT_MS = 300_000

/** `fettle-agent refresh` */
export const refresh: Command = {
  help: `fettle-agent refresh: asks the running agent to look again now

Usage: fettle-agent refresh [--no-wait] [SUBJECT | SUBJECT/SOURCE]...

Without a name everything is looked at. Ends once the looks are done and, where the agent is connected, the collector has them.
Package managers call it after installing, so that a patched machine is green within a minute.

  --no-wait   only asks, and ends at once

Exit code 3: no agent runs here.

Examples:
  sudo fettle-agent refresh                     everything
  sudo fettle-agent refresh updates reboot      after installing updates
  sudo fettle-agent refresh backups/restic      after a backup
`,
  async run(context, args) {
    const { values, positionals } = parseArgs({ args: [...args], options: { 'no-wait': { type: 'boolean' } }, allowPositionals: true })
    const { config } = await here(context)
    const socketPath = shortSocketPath(config.dataDir)
    try {
      const answer = await ask({ socketPath }, { ask: 'refresh', keys: positionals, wait: !values['no-wait'] }, WAIT_MS)
      const out = answer.ok ? context.stdout : context.stderr
      out.write(`${answer.message}${answer.keys?.length ? `: ${answer.keys.join(', ')}` : ''}\n`)
      return answer.ok ? exitCodes.ok : exitCodes.failed
    } catch (error) {
      if (!(error instanceof NoAgent)) throw error
      context.stderr.write(`fettle-agent: ${error.message} (${config.dataDir}); start it with systemctl start fettle-agent\n`)
      return exitCodes.notSo
    }
  },
}
