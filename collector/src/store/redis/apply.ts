import { type Applied, bucketOf, type Change, FEED_KEPT, TRANSITION_BYTES_KEPT, TRANSITIONS_KEPT } from '../store.ts'
import { changeArguments } from './rows.ts'

/** Bounds of one script call: Redis serves nobody else meanwhile. A call holds at least one change, whatever its size. */
const CALL = { changes: 128, characters: 512 * 1024 } as const

/** One call of the `apply` script: changes of one bucket in their order. */
export type Call = { readonly bucket: number; readonly args: readonly (string | number)[]; readonly positions: readonly number[] }

type Group = { readonly args: (string | number)[]; readonly positions: number[]; characters: number }

/** The calls that apply the changes, in rounds: calls of a round touch different buckets and may run side by side, rounds run one after the other. */
export function roundsOf(changes: readonly Change[]): Call[][] {
  const rounds: Call[][] = []
  for (const [bucket, groups] of groupsByBucket(changes)) {
    for (const [round, { args, positions }] of groups.entries()) {
      const calls = rounds[round] ?? []
      rounds[round] = calls
      calls.push({ bucket, args, positions })
    }
  }
  return rounds
}

function groupsByBucket(changes: readonly Change[]): Map<number, Group[]> {
  const buckets = new Map<number, Group[]>()
  for (const [position, change] of changes.entries()) {
    const bucket = bucketOf(change.hostId)
    const groups = buckets.get(bucket) ?? []
    buckets.set(bucket, groups)
    const args = changeArguments(change)
    const group = roomIn(groups)
    for (const argument of args) group.args.push(argument)
    group.positions.push(position)
    group.characters += change.kind === 'report' ? (change.fact.data?.length ?? 0) + 200 : args.length * 20
  }
  return buckets
}

function roomIn(groups: Group[]): Group {
  const last = groups.at(-1)
  if (last && last.positions.length < CALL.changes && last.characters < CALL.characters) return last
  const next: Group = { args: [TRANSITIONS_KEPT, TRANSITION_BYTES_KEPT, FEED_KEPT], positions: [], characters: 0 }
  groups.push(next)
  return next
}

const answers: Readonly<Record<string, Applied>> = { a: 'applied', o: 'old', g: 'gone' }

/** Puts the script's answer, a letter a change, to where its changes stood. @throws when it is not an answer to this call */
export function readAnswers(call: Call, reply: unknown, into: Applied[]): void {
  for (const [i, position] of call.positions.entries()) {
    const answer = answers[String(reply).charAt(i)]
    if (!answer) throw new Error(`Cannot read Redis's answer to a group of reports: ${JSON.stringify(reply)}`)
    into[position] = answer
  }
}
