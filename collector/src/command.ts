import { readFile } from 'node:fs/promises'
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { loadYaml } from '@fettle/kit'
import { type CollectorConfig, readCollectorConfig } from './config.ts'

/** The process as commands see it. */
export type Io = {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly out: { write(text: string): unknown; readonly isTTY?: boolean }
  readonly err: { write(text: string): unknown; readonly isTTY?: boolean }
  /** For signals only. */
  readonly process: NodeJS.Process
}

/** A command that cannot be done as it was said; 64 is EX_USAGE of sysexits(3). */
export class CommandError extends Error {
  override name = 'CommandError'
  readonly exitCode: number
  constructor(message: string, exitCode = 1) {
    super(message)
    this.exitCode = exitCode
  }
}

const DEFAULT_FILE = '/etc/fettle/collector.yaml'

/** The configuration of this process: file and environment. @throws ConfigError, CommandError */
export async function loadConfig(env: Io['env']): Promise<CollectorConfig> {
  await loadYaml()
  const path = env.FETTLE_CONFIG ?? DEFAULT_FILE
  try {
    return readCollectorConfig({ path, text: await readFile(path, 'utf8') }, env)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    if (env.FETTLE_CONFIG !== undefined) throw new CommandError(`Cannot read the configuration ${path}: there is no such file`, 78)
    return readCollectorConfig(undefined, env)
  }
}

/** Options and at most so many positionals of a command. @throws CommandError with exit code 64 */
export function parsed<const O extends NonNullable<ParseArgsConfig['options']>>(args: readonly string[], options: O, most = 0) {
  const found = parseOf(args, options)
  const surplus = found.positionals[most]
  if (surplus !== undefined) throw new CommandError(`there is no place for ${JSON.stringify(surplus)}; see --help`, 64)
  return found
}

function parseOf<const O extends NonNullable<ParseArgsConfig['options']>>(args: readonly string[], options: O) {
  try {
    return parseArgs({
      args: [...args],
      options: { ...options, help: { type: 'boolean', short: 'h' }, json: { type: 'boolean' } } as const,
      allowPositionals: true,
      strict: true,
    })
  } catch (error) {
    throw new CommandError(`${error instanceof Error ? error.message.split('. ')[0] : String(error)}; see --help`, 64)
  }
}

/** Rows in columns as wide as they need to be; the first row is the head. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map(row => (row[column] ?? '').length))) ?? []
  return rows
    .map(row =>
      row
        .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
    .concat('\n')
}
