import * as v from 'valibot'

/** Name of the file that lists a captured machine's calls. */
export const INDEX_FILE = 'index.json'

const failure = v.object({
  kind: v.literal('error'),
  /** Class of the error. */
  error: v.picklist(['HostError', 'NotInstalled', 'TimedOut', 'Denied', 'Error']),
  /** errno name of a HostError, command of a NotInstalled, hint of a Denied. */
  detail: v.optional(v.string()),
  message: v.string(),
})

const result = v.variant('kind', [
  /** Text or bytes in a file beside the index. */
  v.object({ kind: v.literal('file'), file: v.string() }),
  v.object({
    kind: v.literal('captured'),
    file: v.string(),
    stderr: v.string(),
    code: v.nullable(v.number()),
    name: v.string(),
    modifiedAt: v.nullable(v.number()),
  }),
  /** A list, a stat, a path: as it is. */
  v.object({ kind: v.literal('value'), value: v.unknown() }),
  failure,
])

const tape = v.object({
  /** Of this format. */
  version: v.literal(1),
  /** The machine's clock, epoch ms. */
  now: v.number(),
  hostname: v.string(),
  uid: v.number(),
  platform: v.picklist(['linux', 'win32', 'darwin']),
  agentVersion: v.string(),
  /** What the agent's configuration said about looking; its environment never. */
  config: v.object({
    role: v.nullable(v.picklist(['server', 'desktop', 'laptop'])),
    probes: v.record(v.string(), v.object({ enabled: v.optional(v.boolean()), every: v.optional(v.string()) })),
    options: v.record(v.string(), v.unknown()),
  }),
  /** Every call in its order; the same call more than once where it was made more than once. */
  calls: v.array(v.object({ call: v.string(), argument: v.unknown(), result })),
})

/** A captured machine: what each call of the probes gave. */
export type Tape = v.InferOutput<typeof tape>
export type TapeResult = v.InferOutput<typeof result>
export type TapeFailure = v.InferOutput<typeof failure>

/** @throws Error naming the place that is wrong */
export function readTape(json: string): Tape {
  const read = v.safeParse(tape, JSON.parse(json))
  if (read.success) return read.output
  const [issue] = read.issues
  throw new Error(`Cannot read ${INDEX_FILE} at ${v.getDotPath(issue) ?? 'its top'}: ${issue.message}`)
}

/** What makes two calls the same one. */
export function callKey(call: string, argument: unknown): string {
  return `${call} ${JSON.stringify(argument)}`
}
