import { bad, type Check, defineCheck, type Limit, sinceTiers } from '../../check.ts'
import { age } from '../../duration.ts'
import { type Answer, notApplicable, ok, unknown, worstOr } from '../../finding.ts'
import type { FactsBySubject } from '../../view.ts'
import type { CustomEntry } from './facts.ts'

/** How much of what an entry says a reason holds, characters. */
const SAID = 200

type Told = { readonly source: string; readonly entry: CustomEntry }

const entries = ({ custom }: FactsBySubject): Told[] => custom.flatMap(({ source, data }) => data.entries.map(entry => ({ source, entry })))

/** Sources that have more entries than they look at: what the others say is not known. */
const overfull = ({ custom }: FactsBySubject): Answer[] =>
  custom.flatMap(({ source, data }) =>
    data.more === 0
      ? []
      : [unknown(`custom/${source} has ${data.more} more entries than it looks at`, 'Take some away, or let one drop-in tell of several.')],
  )

export const customStatus = defineCheck({
  name: 'custom-status',
  subject: 'custom',
  title: 'A check of your own is not fine',
  unit: 'state',
  thresholds: { warning: 1, critical: 1 },
  why: 'Drop-ins and monitoring plug-ins were put on the machine because someone wants to know what they say. Their own limits count.',
  remedy: 'Run the drop-in or plug-in by hand as the user that the agent runs it as, and mend what it tells of.',
  blind: 'Whether a drop-in or plug-in looks at the right thing. The numbers of a text file are not judged: alert on them in Prometheus.',

  evaluate: (facts, limit, now) =>
    worstOr('nothing of your own is set up', [...entries(facts).map(told => judged(told, limit, now)), ...overfull(facts)]),
})

function judged({ source, entry }: Told, limit: Limit, now: number): Answer {
  const said = entry.reason ?? entry.text
  const reason = `${entry.name}: ${said.slice(0, SAID) || `is ${entry.status}`}`
  const evidence = { source, entry: entry.name, status: entry.status, text: said }
  if (entry.status === 'unknown') return { ...unknown(reason, entry.hint ?? undefined), evidence }
  if (entry.status === 'critical') return bad(limit, reason, evidence)
  if (entry.status === 'warning') return bad(limit.warning === undefined ? {} : { warning: limit.warning }, reason, evidence)
  return stillSo({ source, entry }, now)
}

/** Good news of long ago is no news. */
function stillSo({ entry }: Told, now: number): Answer {
  const { at, maxAgeMs } = entry
  if (at === null || maxAgeMs === null) return ok('every check of your own is fine')
  const answer = sinceTiers(at, now, { warning: maxAgeMs }, { reason: value => `${entry.name}: what it says is of ${value} ago` })
  if (answer.status === 'warning') return unknown(answer.reason, 'See why it is not written anew.')
  return answer.status === 'ok' ? ok('every check of your own is fine', { changesAt: answer.changesAt }) : answer
}

export const customStale = defineCheck({
  name: 'custom-stale',
  subject: 'custom',
  title: 'A check of your own is not renewed',
  unit: 'ratio',
  thresholds: { warning: 1, critical: 3 },
  why: 'A job that writes a text file or a time and then dies leaves its last good word behind. The limits are multiples of the age that the configuration or the drop-in allows (1 d by default).',
  remedy: 'See why the job that writes it does not run any more; remove the file if nobody needs it.',
  blind: 'A drop-in that does not tell of when its answer is counts as of now: it is run at each look.',

  evaluate: (facts, limit, now) =>
    worstOr(
      'nothing of your own tells of when it is',
      entries(facts).map(({ source, entry }) => {
        const { at, maxAgeMs } = entry
        if (at === null || maxAgeMs === null) return notApplicable(`${entry.name} is asked at each look`)
        const answer = sinceTiers(at, now, times(limit, maxAgeMs), {
          reason: value => `${entry.name} was last written ${value} ago; ${age(maxAgeMs)} are allowed`,
          evidence: { source, entry: entry.name, at, maxAgeMs },
        })
        return answer.status === 'unknown' ? { ...answer, reason: `${entry.name}: ${answer.reason}` } : answer
      }),
    ),
})

function times({ warning, critical }: Limit, ms: number): Limit {
  return { ...(warning === undefined ? {} : { warning: warning * ms }), ...(critical === undefined ? {} : { critical: critical * ms }) }
}

export const customChecks: readonly Check[] = [customStatus, customStale]
