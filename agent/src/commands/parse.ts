import { parseArgs } from 'node:util'
import { type CliContext, type Command, exitCodes, UsageError } from '../cli.ts'
import { defaultConfig } from '../config.ts'
import { readNamed, readNamedIfThere } from '../host/files.ts'
import { localHost } from '../host/local.ts'
import { type Captured, type Inputs, keyOf, type Probe } from '../probe.ts'
import { probes } from '../probes/index.ts'
import { checked, outcomeOf } from '../runner.ts'

/** `fettle-agent parse` */
export const parse: Command = {
  help: `fettle-agent parse: reads captured output of a tool as the agent would

Usage: fettle-agent parse SUBJECT/SOURCE FILE... [--input NAME=FILE]... [--exit N] [--now TIME] [--hostname NAME]
       fettle-agent parse --list [--json]

Prints the fact, or why there is none, as JSON: {"key", "outcome", "reason"?, "hint"?, "data"?}. A bare FILE goes to the first
input of the source that recognises its text, else to the first input. FILE.stderr beside it is taken as its standard error.

  --list             names every source, its inputs and where each comes from
  --input NAME=FILE  says which input a file is
  --exit N           exit code of the command that printed the files; without it the text alone decides
  --now TIME         when the files were captured, ISO 8601 or epoch ms; default: the newest file's time
  --hostname NAME    host name of the machine they come from; default: this one's

Exit codes: 0 for the outcomes ok and absent, 3 for failed, denied and timeout, 64 for a wrong command line.

Examples:
  apt-get -s dist-upgrade > pending.txt; fettle-agent parse updates/apt pending.txt
  fettle-agent parse disks/smartctl sda.json sdb.json
  fettle-agent parse raid/md /proc/mdstat
`,
  run: runParse,
}

async function runParse(context: CliContext, args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      list: { type: 'boolean' },
      json: { type: 'boolean' },
      input: { type: 'string', multiple: true, default: [] },
      exit: { type: 'string' },
      now: { type: 'string' },
      hostname: { type: 'string' },
    },
  })
  if (values.list) return printList(context, values.json ? 'json' : 'text')
  const [key, ...files] = positionals
  if (key === undefined) throw new UsageError('Cannot parse without SUBJECT/SOURCE; --list names them')
  const probe = probes.find(candidate => keyOf(candidate) === key)
  if (!probe) throw new UsageError(`There is no source ${JSON.stringify(key)}; --list names them all`)
  const code = values.exit === undefined ? null : readExit(values.exit)
  const told = await parseFiles(probe, {
    files,
    named: namedInputs(probe, values.input),
    code,
    hostname: values.hostname ?? localHost().hostname,
    ...(values.now === undefined ? {} : { now: readTime(values.now) }),
  })
  context.stdout.write(`${JSON.stringify({ key, ...told }, null, 2)}\n`)
  return told.outcome === 'ok' || told.outcome === 'absent' ? exitCodes.ok : exitCodes.notSo
}

/** What to read: files to be sorted by what they hold, and files whose input is named. */
export type ParseRequest = {
  readonly files: readonly string[]
  readonly named?: readonly { readonly input: string; readonly file: string }[]
  /** Exit code of the command that printed them; null where it is not known. */
  readonly code: number | null
  readonly hostname: string
  /** When they were captured, epoch ms; default: the newest file's time. */
  readonly now?: number
}

/** The fact that captured files give, or why they give none. @throws where a file cannot be read, or none is given */
export async function parseFiles(probe: Probe, { files, named = [], code, hostname, now }: ParseRequest) {
  const given = await Promise.all([
    ...files.map(async file => ({ captured: await readCapture(file, code) })),
    ...named.map(async ({ input, file }) => ({ input, captured: await readCapture(file, code) })),
  ])
  if (given.length === 0) throw new UsageError(`Cannot parse ${keyOf(probe)} without a file`)
  return parseCaptures(probe, given, { hostname, ...(now === undefined ? {} : { now }) })
}

/** A capture, and the input it is of where that is known; else what it holds decides. */
export type Given = { readonly input?: string; readonly captured: Captured }

/** The fact that captures give, or why they give none; `now` is by default the time of the newest. */
export function parseCaptures(probe: Probe, given: readonly Given[], { hostname, now }: Pick<ParseRequest, 'hostname' | 'now'>) {
  const newest = Math.max(...given.map(({ captured }) => captured.modifiedAt ?? 0))
  const named = given.map(({ input, captured }) => ({ input: input ?? inputOf(probe, captured), captured }))
  return judge(probe, gather(named), now ?? newest, hostname)
}

function judge(probe: Probe, inputs: Inputs, now: number, hostname: string) {
  try {
    const options = defaultConfig({}, probes).options[keyOf(probe)]
    return checked(probe, probe.parse(inputs, { now, hostname, options }))
  } catch (error) {
    return outcomeOf(error, 'linux')
  }
}

function inputOf(probe: Probe, { text }: Captured): string {
  const names = Object.keys(probe.inputs)
  const input = names.find(name => probe.inputs[name]?.recognise?.(text)) ?? names[0]
  if (input === undefined) throw new UsageError(`${keyOf(probe)} takes no files`)
  return input
}

function namedInputs(probe: Probe, given: readonly string[]) {
  return given.map(text => {
    const [, input = '', file = ''] = /^([^=]+)=(.+)$/s.exec(text) ?? []
    if (!Object.hasOwn(probe.inputs, input)) {
      throw new UsageError(`Cannot use --input ${text}: wanted NAME=FILE with one of ${Object.keys(probe.inputs).join(', ')}`)
    }
    return { input, file }
  })
}

/** A file as a capture, with what stands beside it as its standard error. */
export async function readCapture(file: string, code: number | null): Promise<Captured> {
  const { text, modifiedAt } = await readNamed(file)
  const stderr = (await readNamedIfThere(`${file}.stderr`)) ?? ''
  return { text, stderr, code, name: file, modifiedAt }
}

function gather(given: readonly { readonly input: string; readonly captured: Captured }[]): Inputs {
  const inputs: Record<string, Captured[]> = {}
  for (const { input, captured } of given) inputs[input] = [...(inputs[input] ?? []), captured]
  return inputs
}

function readExit(text: string): number {
  if (!/^\d{1,3}$/.test(text)) throw new UsageError(`Cannot read --exit ${text}: wanted a number from 0 to 255`)
  return Number(text)
}

function readTime(text: string): number {
  const time = /^\d{12,}$/.test(text) ? Number(text) : Date.parse(text)
  if (!Number.isFinite(time)) throw new UsageError(`Cannot read --now ${text}: wanted a time such as 2026-11-22T06:00:00Z`)
  return time
}

function printList(context: CliContext, format: 'json' | 'text'): number {
  const list = probes.map(probe => ({
    key: keyOf(probe),
    platforms: probe.platforms,
    every: probe.every,
    inputs: Object.fromEntries(Object.entries(probe.inputs).map(([name, { from }]) => [name, from])),
    ...(probe.privilege === undefined ? {} : { privilege: probe.privilege }),
    ...(probe.blind === undefined ? {} : { blind: probe.blind }),
  }))
  const text = list.map(
    ({ key, inputs }) =>
      `${key}\n${Object.entries(inputs)
        .map(([name, from]) => `  ${name.padEnd(14)} ${from}\n`)
        .join('')}`,
  )
  context.stdout.write(format === 'json' ? `${JSON.stringify(list, null, 2)}\n` : text.join(''))
  return exitCodes.ok
}
