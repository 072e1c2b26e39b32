import type { Context, Limit } from '../../check.ts'
import { sinceTiers } from '../../check.ts'
import { age, days } from '../../duration.ts'
import { type Answer, ok, unknown, worst } from '../../finding.ts'
import type { SourceFact } from '../../view.ts'
import { type PendingUpdate, type UpdatesFact, updateKey } from './facts.ts'

/** Lists older than this no longer say that nothing waits, ms. */
export const LISTS_GOOD_FOR = days(7)
/** How many updates an answer names as evidence. */
const NAMED = 10

/** A pending update, and since when it waits: published by the vendor, else first seen in the fleet. */
type Waiting = { readonly update: PendingUpdate; readonly since: number | null }

/**
 * Judges how long the oldest of the wanted updates of a source waits. Nothing waiting is only good news if the lists are young, were read, and are whole.
 * @param what how the updates are called: `security update`
 */
export function oldestWaiting(
  fact: SourceFact<UpdatesFact>,
  wanted: (update: PendingUpdate) => boolean,
  what: string,
  { limit, now, context }: { readonly limit: Limit; readonly now: number; readonly context: Context },
): Answer {
  const { source, data } = fact
  const waiting = data.pending
    .filter(wanted)
    .map(update => ({ update, since: update.published ?? context.firstSeen(updateKey(source, update)) }))
  return worst([...late(waiting, what, limit, now), ...doubts(fact, now), ok(`no ${what} waits`)])
}

function late(waiting: readonly Waiting[], what: string, limit: Limit, now: number): Answer[] {
  const dated = waiting.flatMap(({ update, since }) => (since === null ? [] : [{ update, since }])).sort((a, b) => a.since - b.since)
  const undated = waiting.filter(({ since }) => since === null)
  const [oldest] = dated
  const answers: Answer[] = []
  if (oldest) {
    const more = waiting.length > 1 ? ` (${waiting.length} wait)` : ''
    const reason = (value: string) => `${what} ${title(oldest.update)} waits since ${value}${more}`
    answers.push(sinceTiers(oldest.since, now, limit, { reason, evidence: evidence(dated) }))
  }
  const [first] = undated
  if (first && limit.warning !== undefined) {
    const reason = `${undated.length} ${what}${undated.length > 1 ? 's' : ''} such as ${title(first.update)} wait; since when is not known here`
    answers.push({ status: 'warning', reason, evidence: evidence(undated) })
  }
  return answers
}

const title = ({ name, candidate }: PendingUpdate): string => (candidate ? `${name} ${candidate}` : name)

const evidence = (waiting: readonly Waiting[]) =>
  waiting.slice(0, NAMED).map(({ update, since }) => ({ name: update.name, candidate: update.candidate, severity: update.severity, since }))

/** Why "nothing waits" would not be knowledge. */
function doubts({ source, data }: SourceFact<UpdatesFact>, now: number): Answer[] {
  const answers: Answer[] = []
  const hint = 'Let the machine look for updates, and see `updates-check-stale`.'
  if (data.lastCheckAt === null) answers.push(unknown(`${source}: when updates were last looked for is not known`, hint))
  else if (now - data.lastCheckAt >= LISTS_GOOD_FOR) {
    answers.push(unknown(`${source}: updates were last looked for ${age(now - data.lastCheckAt)} ago`, hint))
  } else
    answers.push(
      ok(`${source} looked for updates ${age(Math.max(0, now - data.lastCheckAt))} ago`, { changesAt: data.lastCheckAt + LISTS_GOOD_FOR }),
    )
  if (data.more > 0) answers.push(unknown(`${source}: ${data.more} more updates wait than are listed`))
  return answers
}
