import * as v from 'valibot'
import { limits } from './limits.ts'

/** The frames of `fettle.v1`. A newer peer may add keys, which are ignored here, and never gives an old key a new meaning. */

const key = v.pipe(
  v.string(),
  v.maxLength(limits.keyLength),
  v.regex(/^[a-z][a-z0-9-]*\/[a-z0-9][a-z0-9-]*$/, 'a key is subject/source in lower case'),
)
const epochMs = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(8.64e15))
const seq = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(Number.MAX_SAFE_INTEGER))
const short = v.pipe(v.string(), v.maxLength(256))
const reason = v.pipe(v.string(), v.maxLength(limits.reasonLength))
/** The seq of the frame sent before this one on the connection, 0 for the first: a gap is noticed, and nothing behind it is acknowledged. */
const after = v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER)))
const hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/, '32 hexadecimal digits'))
const delay = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(24 * 3600 * 1000))
const base64 = v.pipe(v.string(), v.maxLength(1024), v.regex(/^[A-Za-z0-9+/]*={0,2}$/, 'base64'))
const labels = v.pipe(v.record(v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_]{0,31}$/)), short), v.maxEntries(16))
const keyed = <const S extends v.GenericSchema>(value: S) => v.pipe(v.record(key, value), v.maxEntries(limits.factsPerHost))

export const hostIdSchema = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/, 'a hostId is 32 hexadecimal digits'))

const challenge = v.object({ type: v.literal('challenge'), nonce: base64, collectorTime: epochMs, server: short })
const hello = v.object({
  type: v.literal('hello'),
  protocol: v.pipe(v.number(), v.integer(), v.minValue(1)),
  hostId: hostIdSchema,
  agentVersion: short,
  /** Random for each connection attempt. */
  session: short,
  signature: base64,
  agentTime: epochMs,
  digests: keyed(hash),
  /** Highest seq the agent ever gave out: a store that went back in time sees it here. */
  lastSeq: v.pipe(v.number(), v.integer(), v.minValue(0)),
  /** Only when enrolling: the token, and the public key (SPKI DER, base64) whose hash is the hostId. */
  enrol: v.optional(v.object({ token: short, publicKey: base64, instance: v.pipe(v.string(), v.minLength(1), v.maxLength(253)), labels })),
  /** The link token that the agent keeps: the newest one that reached its disk. */
  linkToken: v.optional(short),
  /** `channelOf` the agent's connection; left out in plain text. Behind a proxy the collector's own connection has another. */
  channel: v.optional(base64),
})
const welcome = v.object({
  type: v.literal('welcome'),
  epoch: short,
  instance: short,
  /** Keys whose digest differs or that the store lacks. */
  want: v.pipe(v.array(key), v.maxLength(limits.factsPerHost)),
  /** Highest seq of this host that is durable. */
  acked: v.pipe(v.number(), v.integer(), v.minValue(0)),
  settings: v.object({ beatMs: delay }),
  /** To be kept, told with `kept`, and shown at the next hello: a copy of the machine cannot have it. */
  linkToken: v.optional(short),
  /** PEM of the certificate authorities to trust from now on, where the collector has its own: the present one, and the next before it is used. */
  authorities: v.optional(v.pipe(v.array(v.pipe(v.string(), v.maxLength(limits.certificateLength))), v.minLength(1), v.maxLength(4))),
})
const report = v.object({
  type: v.literal('report'),
  seq,
  key,
  /** When the source was looked at, agent's clock. */
  at: epochMs,
  /** Agent's clock when this frame was sent: tells the offset. */
  sentAt: epochMs,
  tookMs: v.pipe(v.number(), v.minValue(0)),
  everyMs: v.pipe(v.number(), v.integer(), v.minValue(1000), v.maxValue(limits.everyMs)),
  outcome: v.picklist(['ok', 'absent', 'denied', 'failed', 'timeout']),
  reason: v.optional(reason),
  hint: v.optional(reason),
  /** Of outcome, reason and data; see `factHash`. */
  hash,
  /** There exactly where the outcome is `ok`. */
  data: v.optional(v.unknown()),
  /** True for an older state that a newer one has already replaced: it is only a transition. */
  superseded: v.optional(v.boolean()),
  /** On the first frame sent after a nack, the nack's seq: what came between was on its way and is ignored. */
  resumes: v.optional(seq),
  after,
  dropped: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
})
const beat = v.object({
  type: v.literal('beat'),
  seq,
  at: epochMs,
  fresh: keyed(epochMs),
  resumes: v.optional(seq),
  after,
  dropped: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
})
/** The link token of the last welcome is on the agent's disk: earlier ones are worth nothing from now on. */
const kept = v.object({ type: v.literal('kept'), linkToken: short })
const leave = v.object({ type: v.literal('leave'), reason: v.picklist(['stop', 'suspend']) })
const ack = v.object({ type: v.literal('ack'), seq })
const nack = v.object({ type: v.literal('nack'), seq, reason, retryAfterMs: delay })
const refresh = v.object({ type: v.literal('refresh'), keys: v.pipe(v.array(key), v.maxLength(limits.factsPerHost)) })
const bye = v.object({ type: v.literal('bye'), reason, retryAfterMs: delay })

const fromAgent = v.variant('type', [hello, report, beat, kept, leave])
const fromCollector = v.variant('type', [challenge, welcome, ack, nack, refresh, bye])

export type AgentFrame = v.InferOutput<typeof fromAgent>
export type CollectorFrame = v.InferOutput<typeof fromCollector>
export type Frame<T extends (AgentFrame | CollectorFrame)['type']> = Extract<AgentFrame | CollectorFrame, { type: T }>

/** Most of a path that is told, characters. */
const LONGEST_PATH = 128

/** Why bytes are no frame: which path is wrong and what was wanted. */
export class FrameError extends Error {
  override name = 'FrameError'
  readonly path: string
  constructor(where: string, wanted: string) {
    // A key may be as long as a frame.
    const path = where.slice(0, LONGEST_PATH)
    super(path ? `Cannot read the frame at ${path}: ${wanted}` : `Cannot read the frame: ${wanted}`)
    this.path = path
  }
}

/** What an agent sent. @throws FrameError */
export function readAgentFrame(textOfFrame: string): AgentFrame {
  return read(fromAgent, textOfFrame)
}

/** What a collector sent. @throws FrameError */
export function readCollectorFrame(textOfFrame: string): CollectorFrame {
  return read(fromCollector, textOfFrame)
}

function read<S extends typeof fromAgent | typeof fromCollector>(schema: S, textOfFrame: string): v.InferOutput<S> {
  const result = v.safeParse(schema, parseBounded(textOfFrame), { abortEarly: true })
  if (result.success) return result.output
  const [issue] = result.issues
  throw new FrameError(v.getDotPath(issue) ?? '', issue.message)
}

/** JSON of bounded depth. `__proto__` keys are dropped by the schemas; in a fact's data they are refused here. @throws FrameError */
function parseBounded(textOfFrame: string): unknown {
  if (depthOf(textOfFrame) > limits.jsonDepth) throw new FrameError('', `nested at most ${limits.jsonDepth} deep`)
  try {
    // A look at every key costs as much as all the rest: only where the text could hold this one, plain or escaped.
    if (!textOfFrame.includes('__proto__') && !textOfFrame.includes('\\u')) return JSON.parse(textOfFrame)
    return JSON.parse(textOfFrame, (name, value) => {
      if (name === '__proto__') throw new FrameError('__proto__', 'no such key')
      return value
    })
  } catch (error) {
    if (error instanceof FrameError) throw error
    throw new FrameError('', 'valid JSON')
  }
}

/** Deepest nesting of brackets outside strings, found without building anything. */
function depthOf(json: string): number {
  let depth = 0
  let deepest = 0
  let inString = false
  for (let i = 0; i < json.length; i++) {
    const c = json.charCodeAt(i)
    if (inString) {
      if (c === 0x5c) i++
      else if (c === 0x22) inString = false
    } else if (c === 0x22) inString = true
    else if (c === 0x5b || c === 0x7b) deepest = Math.max(deepest, ++depth)
    else if (c === 0x5d || c === 0x7d) depth--
  }
  return deepest
}
