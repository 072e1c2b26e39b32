import type { CustomEntry, CustomValue } from '@fettle/catalog'
import * as v from 'valibot'
import type { Host } from '../../host.ts'
import { Absent, type Captured, defineProbe, Failed, type Inputs, type ParseContext } from '../../probe.ts'
import { absolutePath, maxAgeSetting, refusalOf } from './asking.ts'
import { baseName, distinct, entryOf, factOf, isRefusal, measurementOf, oneLine, refusedEntries, unreadable } from './entry.ts'
import { parseExposition, type Series } from './exposition.ts'

const DEFAULT_DIRECTORY = '/var/lib/fettle/textfile.d'
/** Largest file, bytes. */
const LARGEST = 1024 * 1024
/** Most series that are kept of one file. */
const MOST_SERIES = 200

const options = v.strictObject({ directory: v.optional(absolutePath), maxAge: maxAgeSetting })
type Options = v.InferOutput<typeof options>

/**
 * Files of the Prometheus text format that jobs leave behind, as the textfile collector of node_exporter reads them: `*.prom` in a folder. A file with
 * a mistake, or with timestamps, is taken for unknown as a whole. When it was written is told: a dead job leaves its last file behind.
 */
export default defineProbe<'custom', Options>({
  subject: 'custom',
  source: 'textfile',
  platforms: ['linux', 'darwin', 'win32'],
  every: '5m',
  timeout: '60s',
  setting: {
    schema: options,
    default: {},
    doc: `Files *.prom in the Prometheus text format. directory (${DEFAULT_DIRECTORY}) and the files must belong to root and be writable by root alone; maxAge tells how old a file may be.`,
    example: { directory: DEFAULT_DIRECTORY, maxAge: '1d' },
  },
  blind: `Whether what a job wrote is right; its numbers are not judged. At most ${MOST_SERIES} series of a file are kept. Access control lists of NFS are not read when it is judged who may write. On Windows no file is read.`,
  inputs: {
    file: {
      from: '/var/lib/fettle/textfile.d/*.prom',
      recognise: text => /^(?:# (?:HELP|TYPE) |[a-zA-Z_:][\w:]{0,200}(?:\{| [-+.\dNI]))/m.test(text.slice(0, 4096)),
    },
    refused: { from: 'why one was not read, {"reason","hint"}', recognise: isRefusal },
  },
  parse: parseTextfiles,

  async read(host, given) {
    if (given.directory === undefined && host.platform === 'win32') throw new Absent('no directory of text files is configured')
    const directory = given.directory ?? DEFAULT_DIRECTORY
    const missing =
      given.directory === undefined
        ? new Absent(`there is no ${directory}`)
        : new Failed(`the directory ${directory} is not there`, 'Make it, or take it out of the configuration of the agent.')
    const real = await host.trusted(directory, { missing })
    const names = (await host.list(real)).filter(name => name.endsWith('.prom') && !name.startsWith('.'))
    const inputs = { file: [] as Captured[], refused: [] as Captured[] }
    for (const name of names) {
      await readFile(host, `${real}/${name}`).then(
        captured => inputs.file.push({ ...captured, name }),
        error => inputs.refused.push(refusalOf(name, error)),
      )
    }
    return parseTextfiles(inputs, { now: host.now(), hostname: host.hostname, options: given })
  },
})

/** @throws Denied where others could have changed it */
async function readFile(host: Host, path: string): Promise<Captured> {
  const real = await host.trusted(path)
  const { kind, size } = await host.stat(real)
  if (kind !== 'file') throw new Error('it is no file')
  if (size > LARGEST) throw new Error(`it is larger than ${LARGEST / 1024} KiB`)
  return host.captured(real)
}

/** @throws Absent where there is none */
export function parseTextfiles(inputs: Inputs, context: ParseContext<Options>) {
  const entries = [...(inputs.file ?? []).map(file => entryFrom(file, context.options.maxAge)), ...refusedEntries(inputs)]
  if (entries.length === 0) throw new Absent('there is no text file of metrics')
  return factOf(distinct(entries.sort((a, b) => (a.name < b.name ? -1 : 1))))
}

function entryFrom({ name, text, modifiedAt }: Captured, maxAgeMs: number): CustomEntry {
  const file = baseName(name)
  const written = modifiedAt !== null && modifiedAt > 0 ? { at: modifiedAt, maxAgeMs } : { at: null, maxAgeMs: null }
  try {
    const series = parseExposition(text)
    const values = series.slice(0, MOST_SERIES).map(measured)
    return entryOf(file, { ...written, status: 'ok', text: `${series.length} series`, values, left: series.length - values.length })
  } catch (error) {
    return { ...unreadable(file, `Cannot read it: ${error instanceof Error ? error.message : error}`, hint), ...written }
  }
}
const hint = 'Write it anew to another name in the same folder, then rename it; promtool check metrics tells what is wrong.'

/** A comma within a label's value is escaped, so that no two series look alike. */
function measured({ name, labels, value, kind }: Series): CustomValue {
  const said = [...labels].map(([label, text]) => `${label}=${text.replace(/[\\,]/g, '\\$&')}`).join(',')
  return measurementOf(name, value, { kind, labels: oneLine(said, 256) })
}
