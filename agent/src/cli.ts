import { ConfigError, type Log } from '@fettle/kit'
import { commands } from './commands/index.ts'
import { version } from './version.ts'

/** Exit codes besides those of `check`: sysexits(3) where it has one. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  /** `parse` gave another outcome than ok or absent; `refresh` found no running agent. */
  notSo: 3,
  /** The command line is wrong. */
  usage: 64,
  /** The configuration is wrong. */
  config: 78,
} as const

/** Where a command prints. */
export type Output = { write(text: string): unknown; readonly isTTY?: boolean | undefined; readonly columns?: number | undefined }

/** All that a command gets from the process. */
export type CliContext = {
  /** Without the program's own name. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdout: Output
  readonly stderr: Output
  /** All of standard input; only `enroll -` reads it. */
  readonly readStdin?: () => Promise<string>
  /** Waits for the signal to stop, stops, and gives the exit code; only `run` needs it. */
  readonly untilStopped?: (log: Log, stop: () => Promise<void>) => Promise<number>
}

/** The command line is wrong; the message says what was wanted. */
export class UsageError extends Error {
  override name = 'UsageError'
}

/** One command of `fettle-agent`. */
export type Command = {
  /** Printed by `--help`: what it does, its options, examples. */
  readonly help: string
  /** @returns the exit code @throws UsageError, ConfigError, or Error for people */
  run(context: CliContext, args: readonly string[]): Promise<number>
}

/** `fettle-agent`: runs a command and gives its exit code. Never throws and never ends the process. */
export async function cli(context: CliContext): Promise<number> {
  const [name, ...args] = context.argv
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') return printHelp(context, args[0])
  if (name === '--version' || name === '-V') {
    context.stdout.write(`fettle-agent ${version}\n`)
    return exitCodes.ok
  }
  const entry = commands[name]
  if (!entry || !Object.hasOwn(commands, name)) return tell(context, new UsageError(`There is no command ${JSON.stringify(name)}`))
  const command = await entry.load()
  if (args.includes('--help') || args.includes('-h')) {
    context.stdout.write(command.help)
    return exitCodes.ok
  }
  try {
    return await command.run(context, args)
  } catch (error) {
    return tell(context, error, name)
  }
}

async function printHelp(context: CliContext, about: string | undefined): Promise<number> {
  const entry = about !== undefined && Object.hasOwn(commands, about) ? commands[about] : undefined
  if (entry) {
    context.stdout.write((await entry.load()).help)
    return exitCodes.ok
  }
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(10)}${summary}`)
  context.stdout.write(`fettle-agent ${version}: tells whether this computer is healthy, up to date, backed up and protected

Usage: fettle-agent COMMAND [OPTIONS]

${lines.join('\n')}

  --version  prints the version
  --help     after a command: what it does, with examples

Try first:  sudo fettle-agent check
Exit codes: 0 done, 1 failed, 64 wrong command line, 78 wrong configuration; check: 0 ok, 1 warning, 2 critical, 3 unknown
`)
  return exitCodes.ok
}

function tell(context: CliContext, error: unknown, command?: string): number {
  const message = error instanceof Error ? error.message : String(error)
  context.stderr.write(`fettle-agent: ${message}\n`)
  if (error instanceof UsageError || isParseArgsError(error)) {
    context.stderr.write(`See: fettle-agent ${command ? `${command} ` : ''}--help\n`)
    return exitCodes.usage
  }
  if (error instanceof ConfigError) return exitCodes.config
  // A monitoring system takes 1 for a warning: a check that could not be made is unknown.
  return command === 'check' ? exitCodes.notSo : exitCodes.failed
}

function isParseArgsError(error: unknown): boolean {
  return error instanceof TypeError && ((error as NodeJS.ErrnoException).code ?? '').startsWith('ERR_PARSE_ARGS')
}
