import { crc32 } from 'node:zlib'
import * as v from 'valibot'

/** One state of one key, as the outbox holds it. What the fact says stays text: a long outage must not fill the memory with objects. */
export type Entry = {
  readonly seq: number
  readonly key: string
  /** When the source was looked at and first said this, epoch ms. */
  readonly at: number
  readonly everyMs: number
  readonly hash: string
  /** JSON of `{ tookMs, outcome, reason?, hint?, data? }`. */
  readonly body: string
}

/** What holds for the whole outbox: no seq above `high` was ever given out; everything up to `acked` is durable at the collector. */
export type Marks = { readonly high: number; readonly acked: number; readonly dropped: number }

export type Line = { readonly marks: Marks } | { readonly entry: Entry }

const whole = v.pipe(v.number(), v.integer(), v.minValue(0))
const lineSchema = v.union([
  v.object({ marks: v.object({ high: whole, acked: whole, dropped: whole }) }),
  v.object({ entry: v.tuple([whole, v.string(), whole, whole, v.string()]), body: v.object({ outcome: v.string() }), text: v.string() }),
])

/** A line of the file: CRC-32 of the rest, then JSON. */
export function encodeLine(line: Line): string {
  const json = 'marks' in line ? JSON.stringify(line) : encodeEntry(line.entry)
  return `${checksum(json)} ${json}\n`
}

function encodeEntry({ seq, key, at, everyMs, hash, body }: Entry): string {
  return `{"entry":${JSON.stringify([seq, key, at, everyMs, hash])},"body":${body}}`
}

const checksum = (json: string): string => crc32(json).toString(16).padStart(8, '0')

/** What can be read of a file, in its order, and whether anything was damaged: a torn or rotten line is left out, whole ones hold. */
export function decodeLines(bytes: Uint8Array): { readonly lines: Line[]; readonly damaged: boolean } {
  const texts = Buffer.from(bytes).toString('utf8').split('\n')
  const torn = texts.pop() !== ''
  const lines = texts.map(decodeLine)
  const good = lines.filter(line => line !== undefined)
  return { lines: good, damaged: torn || good.length < lines.length }
}

function decodeLine(text: string): Line | undefined {
  const json = text.slice(9)
  if (text[8] !== ' ' || text.slice(0, 8) !== checksum(json)) return undefined
  const bodyAt = json.indexOf(',"body":')
  const body = bodyAt === -1 ? '' : json.slice(bodyAt + ',"body":'.length, -1)
  const result = v.safeParse(lineSchema, { ...(JSON.parse(json) as object), text: body })
  if (!result.success) return undefined
  if ('marks' in result.output) return { marks: result.output.marks }
  const [seq, key, at, everyMs, hash] = result.output.entry
  return { entry: { seq, key, at, everyMs, hash, body } }
}
