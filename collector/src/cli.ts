import { ConfigError } from '@fettle/kit'
import { CommandError, type Io } from './command.ts'
import { audit } from './commands/audit.ts'
import { authority } from './commands/authority.ts'
import { config } from './commands/config.ts'
import { host } from './commands/host.ts'
import { run } from './commands/run.ts'
import { session } from './commands/session.ts'
import { store } from './commands/store.ts'
import { token } from './commands/token.ts'
import { VERSION } from './version.ts'

const commands = { run, token, host, session, audit, store, authority, config }

const HELP = `fettle-collector ${VERSION}: keeps the fleet, judges it, tells Prometheus and people.

  fettle-collector run                       run in the foreground
  fettle-collector token create|list|revoke  tokens for machines to enrol with, and for the API
  fettle-collector host list|show|approve|revoke|…  the machines of the fleet
  fettle-collector session list|end          people who are signed in
  fettle-collector audit                     who did what, when, from where
  fettle-collector store backup|restore|move  what is kept, into a file, back, or into another engine
  fettle-collector authority                 its certificate authority, for Prometheus and browsers
  fettle-collector config                    what is in force, and where each value came from

Every command has --help. Settings come from /etc/fettle/collector.yaml (or FETTLE_CONFIG) and the environment over it;
fettle-collector config --sample prints the file with every setting explained.

Exit codes: 0 done, 1 failed, 64 wrong usage, 78 wrong configuration.
`

/** The command line. @returns the exit code */
export async function cli(io: Io): Promise<number> {
  const [name = '--help', ...args] = io.argv
  if (name === '--help' || name === '-h' || name === 'help') return print(io, HELP)
  if (name === '--version') return print(io, `${VERSION}\n`)
  const command = commands[name as keyof typeof commands]
  if (!Object.hasOwn(commands, name))
    return complain(io, `fettle-collector: there is no command ${JSON.stringify(name)}; see fettle-collector --help`, 64)
  try {
    return await command(args, io)
  } catch (error) {
    if (error instanceof CommandError) return complain(io, `fettle-collector ${name}: ${error.message}`, error.exitCode)
    if (error instanceof ConfigError) return complain(io, `fettle-collector: ${error.message}`, 78)
    return complain(io, `fettle-collector ${name}: ${error instanceof Error ? error.message : String(error)}`, 1)
  }
}

function print(io: Io, text: string): number {
  io.out.write(text)
  return 0
}

function complain(io: Io, text: string, exitCode: number): number {
  io.err.write(`${text}\n`)
  return exitCode
}
