import type { FactTypes } from '@fettle/catalog'
import * as v from 'valibot'
import { type Host, HostError, NotInstalled } from '../../host.ts'
import { Absent, type Captured, Denied, defineProbe, Failed, type Inputs, type ParseContext, sole } from '../../probe.ts'
import { cut, told } from '../gather.ts'
import { isListing, parseConsole } from './bacula-listing.ts'
import { jobsOfRuns } from './bacula-runs.ts'
import { isState, LARGEST_STATE, parseState } from './bacula-state.ts'
import { filePath } from './options.ts'

/** What tells the two relatives apart. */
export type Relative = {
  readonly source: 'bacula' | 'bareos'
  /** Where the file daemon keeps its state. */
  readonly folders: readonly string[]
  /** Files that are there where the file daemon is installed. */
  readonly configs: readonly string[]
  /** What the console is told to list, in a way that both names and results come back. */
  readonly commands: (client: string) => string
}

const options = v.pipe(
  v.strictObject({
    console: v.optional(filePath),
    client: v.optional(v.pipe(v.string(), v.regex(/^[\w.:-]{1,127}$/, 'wanted the name of a client'))),
  }),
  v.check(given => (given.console === undefined) === (given.client === undefined), 'wanted both console and client, or none of them'),
)
type Options = v.InferOutput<typeof options>

const CONSOLE_MS = 45_000
const byFile = (code: string) => code === 'EACCES' || code === 'EPERM'

/**
 * Jobs of a client of Bacula or Bareos. What the client alone knows is in the state of its file daemon: the last ten jobs and how they ended for it.
 * The director knows more, and is only asked where the configuration names a console, since that is a look over the network.
 */
export function baculaClient(relative: Relative) {
  const { source } = relative
  const title = source === 'bacula' ? 'Bacula' : 'Bareos'
  const parse = (inputs: Inputs, { now }: ParseContext<Options>) => parseClient(inputs, source, now)
  return defineProbe<'backups', Options>({
    subject: 'backups',
    source,
    platforms: ['linux'],
    every: '1h',
    timeout: '1m',
    privilege: 'root: the state of the file daemon belongs to it',
    blind:
      'Without a console: what happened after the file daemon had sent its files, jobs that it has not run among its last ten, and whether a run was skipped.',
    setting: {
      schema: options,
      default: {},
      doc: `console: a configuration of bconsole, so that the director of ${title} is asked (network) about the jobs of client. Without it only the file daemon's own state is read.`,
      example: { console: `/etc/${source}/bconsole.conf`, client: 'this-fd' },
    },
    inputs: {
      state: { from: `xxd -p ${relative.folders[0]}/${source}-fd.9102.state`, recognise: isState },
      console: { from: `${relative.commands('NAME').trim().split('\n').slice(0, -1).join('; ')} in bconsole`, recognise: isListing },
    },
    parse,

    async read(host, given) {
      const context = { now: host.now(), hostname: host.hostname, options: given }
      if (given.console !== undefined && given.client !== undefined)
        return parse({ console: [await askDirector(host, given.console, relative.commands(given.client))] }, context)
      const state = await statesOf(host, relative)
      if (state.length > 0) return parse({ state }, context)
      for (const path of relative.configs) if ((await host.stat(path, { missing: null })) !== null) return { jobs: [] }
      throw new Absent(`the file daemon of ${title} is not installed`)
    },
  })
}

async function statesOf(host: Host, { source, folders }: Relative): Promise<Captured[]> {
  const found: Captured[] = []
  try {
    for (const folder of folders)
      for (const name of await host.list(folder, { missing: [] as string[] })) {
        if (!name.startsWith(`${source}-fd.`) || !name.endsWith('.state')) continue
        found.push(told(`${folder}/${name}`, Buffer.from(await host.bytes(`${folder}/${name}`, LARGEST_STATE)).toString('hex')))
      }
  } catch (error) {
    if (error instanceof HostError && byFile(error.code))
      throw new Denied('the state of the file daemon belongs to root', 'Run the agent as root, or in the group of the daemon.')
    throw error
  }
  return found
}

async function askDirector(host: Host, config: string, commands: string): Promise<Captured> {
  try {
    return await host.run(['bconsole', '-c', config], { input: commands, timeoutMs: CONSOLE_MS })
  } catch (error) {
    if (error instanceof NotInstalled)
      throw new Failed('a console is configured, but bconsole is not installed', 'Install the console of the director.')
    throw error
  }
}

function parseClient(inputs: Inputs, tool: string, now: number): FactTypes['backups'] {
  const listing = sole(inputs, 'console')
  if (listing) {
    if (/Permission denied/i.test(listing.stderr))
      throw new Denied('the configuration of the console may not be read', 'Run the agent as root.')
    if (listing.text.trim() === '') throw new Error(`Cannot ask the director: ${cut(listing.stderr, 200) || 'it said nothing'}`)
    return { jobs: jobsOfRuns(parseConsole(listing.text), tool, now) }
  }
  const states = inputs.state ?? []
  if (states.length === 0) throw new Error('Cannot judge without the input state')
  return {
    jobs: jobsOfRuns(
      states.flatMap(({ text }) => parseState(text)),
      tool,
      now,
    ),
  }
}
