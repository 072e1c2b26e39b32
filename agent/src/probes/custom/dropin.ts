import type { CustomEntry } from '@fettle/catalog'
import * as v from 'valibot'
import type { Host } from '../../host.ts'
import { Absent, type Captured, Denied, defineProbe, Failed, type Inputs, type ParseContext } from '../../probe.ts'
import { ASKING_TIMEOUT, absolutePath, askAll, maxAgeSetting, type Question, runBounded, timeoutSetting, userSetting } from './asking.ts'
import { readDocument } from './document.ts'
import { baseName, distinct, entryOf, factOf, isRefusal, oneLine, refusedEntries, unreadable } from './entry.ts'

const DEFAULT_DIRECTORY = '/etc/fettle/dropins.d'
const EXECUTABLE = 0o111
/** What lies beside drop-ins and is none: hidden files, notes, and what editors and packagers leave behind. */
const BESIDE = /^\.|~$|\.(bak|disabled|md|txt|swp|orig|dpkg-[a-z]+|rpm(new|save|orig))$|^README$/

const options = v.strictObject({
  directory: v.optional(absolutePath),
  timeout: timeoutSetting,
  maxAge: maxAgeSetting,
  user: userSetting,
})
type Options = v.InferOutput<typeof options>

/**
 * Executables of the machine's administrator, each printing one JSON document: `{"status": "ok", "text": "…"}`; see `readDocument`. They are run
 * only where nobody but root could have put or changed them. One that is refused, ends badly, is late or prints anything else is unknown.
 */
export default defineProbe<'custom', Options>({
  subject: 'custom',
  source: 'dropin',
  platforms: ['linux', 'darwin', 'win32'],
  every: '15m',
  timeout: ASKING_TIMEOUT,
  watch: [DEFAULT_DIRECTORY],
  setting: {
    schema: options,
    default: {},
    doc: `Executables that print a JSON document each. directory (${DEFAULT_DIRECTORY}) and all in it must belong to root and be writable by root alone; timeout for each (at most 60s); maxAge of an answer that tells of when it is; user to run them as.`,
    example: { directory: DEFAULT_DIRECTORY, timeout: '10s', maxAge: '1d', user: 'nobody' },
  },
  privilege:
    'runs what root put there, as root where the agent is root and no user is named; CAP_SETUID and CAP_SETGID to run it as another user',
  blind:
    'Whether a drop-in tells the truth. Access control lists of NFS are not read when it is judged who may write. On Windows nothing is run.',
  inputs: {
    output: {
      from: 'what an executable of /etc/fettle/dropins.d prints',
      recognise: text => /^\s*\{[\s\S]{0,4000}"status"\s*:/.test(text.slice(0, 4096)),
    },
    refused: { from: 'why one was not run, {"reason","hint"}', recognise: isRefusal },
  },
  parse: parseDropins,

  async read(host, given) {
    if (given.directory === undefined && host.platform === 'win32') throw new Absent('no directory of drop-ins is configured')
    const directory = given.directory ?? DEFAULT_DIRECTORY
    const missing =
      given.directory === undefined
        ? new Absent(`there is no ${directory}`)
        : new Failed(`the directory ${directory} is not there`, 'Make it, or take it out of the configuration of the agent.')
    const real = await host.trusted(directory, { missing })
    const names = (await host.list(real)).filter(name => !BESIDE.test(name))
    const questions: Question[] = []
    for (const name of names)
      if (!(await isFolder(host, `${real}/${name}`))) questions.push({ name, ask: () => ask(host, `${real}/${name}`, given) })
    return parseDropins(await askAll(host, questions), { now: host.now(), hostname: host.hostname, options: given })
  },
})

async function isFolder(host: Host, path: string): Promise<boolean> {
  return (await host.stat(path, { missing: null }))?.kind === 'directory'
}

/** @throws Denied where others could have changed it, Error where it gives no answer */
async function ask(host: Host, path: string, given: Options): Promise<Captured> {
  const { kind, mode } = await host.stat(await host.trusted(path))
  if (kind !== 'file') throw new Error('it is no file')
  if ((mode & EXECUTABLE) === 0) throw new Denied('it is not executable', `chmod 755 ${path}, or give it a name that ends in .disabled`)
  return runBounded(host, [path], { timeoutMs: given.timeout, user: given.user })
}

/** @throws Absent where there is none */
export function parseDropins(inputs: Inputs, context: ParseContext<Options>) {
  const maxAgeMs = context.options.maxAge
  const told = [
    ...(inputs.output ?? []).map(captured => entryFrom(captured, maxAgeMs)),
    ...refusedEntries(inputs).map(entry => ({ file: entry.name, entry })),
  ]
  if (told.length === 0) throw new Absent('there is no drop-in')
  told.sort((a, b) => (a.file < b.file ? -1 : 1))
  return factOf(distinct(told.map(({ entry }) => entry)))
}

function entryFrom({ name, text, stderr, code }: Captured, maxAgeMs: number): { readonly file: string; readonly entry: CustomEntry } {
  const file = baseName(name)
  const [complaint = ''] = stderr.trim().split('\n', 1)
  const said = complaint === '' ? '' : `: ${oneLine(complaint, 200)}`
  if (code !== null && code !== 0)
    return {
      file,
      entry: unreadable(
        file,
        `it ended with ${code}${said}`,
        'Run it by hand; a drop-in ends with 0 and tells its status in the document.',
      ),
    }
  try {
    const { name: own, maxAgeMs: allowed, ...more } = readDocument(text)
    return { file, entry: entryOf(own ?? file, { ...more, maxAgeMs: more.at === null ? null : (allowed ?? maxAgeMs) }) }
  } catch (error) {
    return { file, entry: unreadable(file, `${error instanceof Error ? error.message : error}${said}`) }
  }
}
