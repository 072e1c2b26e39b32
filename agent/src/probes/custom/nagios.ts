import type { CustomEntry } from '@fettle/catalog'
import * as v from 'valibot'
import type { Host } from '../../host.ts'
import { Absent, type Captured, Denied, defineProbe, type Inputs } from '../../probe.ts'
import { ASKING_TIMEOUT, absolutePath, askAll, runBounded, timeoutSetting, userSetting } from './asking.ts'
import { baseName, detailsOf, distinct, entryOf, factOf, isRefusal, oneLine, refusedEntries, unreadable } from './entry.ts'
import { parsePerfdata } from './perfdata.ts'

const EXECUTABLE = 0o111
/** Programs that run what their arguments name: then that must not be changeable by others either. */
const RUNS_OTHERS =
  /^(?:[a-z]{0,3}sh|python[\d.]*|perl[\d.]*|ruby[\d.]*|node|php[\d.]*|lua[\d.]*|pwsh|env|nice|ionice|timeout|sudo|setpriv|runuser|negate|urlize)$/

const argument = v.pipe(
  v.string('wanted text'),
  v.check(text => text.length <= 1024 && !text.includes('\0'), 'wanted at most 1024 characters'),
)
const command = v.strictObject({
  name: v.pipe(
    v.string('wanted a name'),
    v.regex(/^[\p{L}\p{N}][\p{L}\p{N} ._:@-]{0,63}$/u, 'wanted a name of at most 64 letters, digits, spaces and ._:@-'),
  ),
  command: v.pipe(v.tupleWithRest([absolutePath], argument, 'wanted a list: absolute path, arguments'), v.maxLength(64)),
  timeout: timeoutSetting,
  user: userSetting,
})
type Command = v.InferOutput<typeof command>

const commands = v.pipe(
  v.array(command, 'wanted a list of {name, command}'),
  v.maxLength(100, 'wanted at most 100 plug-ins'),
  v.check(list => new Set(list.map(({ name }) => name)).size === list.length, 'wanted a different name for each plug-in'),
)

/**
 * Plug-ins of Nagios, Icinga and their kin, by command line: the exit status 0, 1, 2, 3 is ok, warning, critical, unknown, any other is unknown; then
 * a line of text, `|`, performance data. See the Monitoring Plugins Development Guidelines. Only the machine's own configuration names commands.
 */
export default defineProbe<'custom', readonly Command[]>({
  subject: 'custom',
  source: 'nagios',
  platforms: ['linux', 'darwin', 'win32'],
  every: '15m',
  timeout: ASKING_TIMEOUT,
  setting: {
    schema: commands,
    default: [],
    doc: 'Monitoring plug-ins: name, command (absolute path, then arguments; no shell), timeout (10s, at most 60s), user to run it as. The executable, and all folders above it, must belong to root and be writable by root alone.',
    example: [{ name: 'load', command: ['/usr/lib/nagios/plugins/check_load', '-w', '10,8,6', '-c', '20,16,12'] }],
  },
  privilege:
    'runs what the configuration names, as root where the agent is root and no user is named; CAP_SETUID and CAP_SETGID to run it as another user',
  blind:
    'Whether a plug-in looks at the right thing. Access control lists of NFS are not read when it is judged who may write. On Windows nothing is run.',
  inputs: {
    output: { from: 'what a monitoring plug-in prints' },
    refused: { from: 'why one was not run, {"reason","hint"}', recognise: isRefusal },
  },
  parse: parsePlugins,

  async read(host, given) {
    if (given.length === 0) throw new Absent('no monitoring plug-in is configured')
    const asked = await askAll(
      host,
      given.map(plugin => ({ name: plugin.name, ask: () => ask(host, plugin) })),
    )
    return parsePlugins(asked)
  },
})

/** @throws Denied where others could have changed what is run, Error where it gives no answer */
async function ask(host: Host, { command: argv, timeout, user }: Command): Promise<Captured> {
  const [path, ...given] = argv
  const { kind, mode } = await host.stat(await host.trusted(path))
  if (kind !== 'file' || (mode & EXECUTABLE) === 0)
    throw new Denied(`${path} is no executable file`, 'Name the plug-in by its absolute path.')
  for (const one of given) await trustArgument(host, one, RUNS_OTHERS.test(baseName(path)))
  return runBounded(host, argv, { timeoutMs: timeout, user })
}

/** An argument that names a program, or a script of an interpreter, is run as well. Data may belong to whomever it likes. */
async function trustArgument(host: Host, path: string, isRun: boolean): Promise<void> {
  if (!path.startsWith('/') || path.length > 1024) return
  const real = await host.realpath(path, { missing: null })
  if (real === null) return
  const { kind, mode } = await host.stat(real)
  if (kind === 'file' && (isRun || (mode & EXECUTABLE) !== 0)) await host.trusted(path)
}

/** @throws Absent where there is none */
export function parsePlugins(inputs: Inputs) {
  const entries = [...(inputs.output ?? []).map(entryFrom), ...refusedEntries(inputs)]
  if (entries.length === 0) throw new Absent('no monitoring plug-in is configured')
  return factOf(distinct(entries.sort((a, b) => (a.name < b.name ? -1 : 1))))
}

const statuses = ['ok', 'warning', 'critical', 'unknown'] as const

function entryFrom({ name, text, stderr, code }: Captured): CustomEntry {
  const { line, details, perfdata } = parsePluginOutput(text)
  const file = baseName(name)
  const complaint = oneLine(stderr.trim().split('\n', 1)[0] ?? '', 200)
  const status = code === null ? statusOfText(line) : statuses[code]
  if (status === undefined) {
    const how = code === null ? 'its exit status is not known, and its text names none' : `it ended with ${code}`
    const said = line || complaint
    return unreadable(file, said === '' ? how : `${how}: ${oneLine(said, 300)}`, 'Run it by hand; a plug-in ends with 0, 1, 2 or 3.')
  }
  const measured = parsePerfdata(perfdata)
  if (line === '' && status === 'ok') return unreadable(file, 'it printed nothing: a plug-in prints a line of text', null)
  return entryOf(file, { status, text: line || complaint || `it ended with ${code} and printed nothing`, details, ...measured })
}

/** The worst status that the beginning of the text names, where no exit status is known. */
function statusOfText(line: string): (typeof statuses)[number] | undefined {
  const words = new Set(line.slice(0, 80).split(/[^A-Z]+/))
  if (words.has('CRITICAL')) return 'critical'
  if (words.has('WARNING')) return 'warning'
  if (words.has('UNKNOWN')) return 'unknown'
  return words.has('OK') ? 'ok' : undefined
}

/** First line, further lines, and all performance data: after the first line's `|`, and after the first `|` of the further lines. */
export function parsePluginOutput(text: string): { readonly line: string; readonly details: string | null; readonly perfdata: string } {
  const clean = text.replace(/^\s+/, '')
  const end = clean.indexOf('\n')
  const [first, rest] = end < 0 ? [clean, ''] : [clean.slice(0, end), clean.slice(end + 1)]
  const [line, measured] = halves(first)
  const [more, measuredMore] = halves(rest)
  return { line: oneLine(line), details: detailsOf(more), perfdata: `${measured}\n${measuredMore}` }
}

function halves(text: string): [string, string] {
  const bar = text.indexOf('|')
  return bar < 0 ? [text, ''] : [text.slice(0, bar), text.slice(bar + 1)]
}
