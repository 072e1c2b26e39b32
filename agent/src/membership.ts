import * as v from 'valibot'
import type { StateDir } from './host/state.ts'

const FILE = 'collector.json'

const schema = v.object({
  /** Addresses of the collector that this machine was enrolled at, tried in their order. */
  urls: v.pipe(v.array(v.string()), v.minLength(1)),
  caFile: v.nullable(v.string()),
  /** PEM of the certificate authorities that the collector is known by: those of the enrolment, later what it tells. Empty: those of the system. */
  authorities: v.array(v.string()),
  /** Enrolled with the explicit leave to speak in plain text. */
  allowPlain: v.boolean(),
  instance: v.nullable(v.string()),
  /** The name that the collector gives itself: the agent signs for no other. Null until it was first heard. */
  server: v.optional(v.nullable(v.string()), null),
  /** What the collector gave at the last welcome, to be shown again. */
  linkToken: v.nullable(v.string()),
})

/** What an enrolment left on this machine. */
export type Membership = v.InferOutput<typeof schema>

/** The enrolment of this machine; undefined where there was none. @throws where the file is damaged */
export async function readMembership(state: StateDir): Promise<Membership | undefined> {
  const bytes = await state.read(FILE)
  if (!bytes) return undefined
  try {
    return v.parse(schema, JSON.parse(bytes.toString('utf8')))
  } catch {
    throw new Error(`Cannot read ${state.path}/${FILE}: it is damaged; enrol this machine again`)
  }
}

/** Keeps the enrolment. */
export async function writeMembership(state: StateDir, membership: Membership): Promise<void> {
  await state.write(FILE, `${JSON.stringify(membership, null, 2)}\n`)
}
