import type { HeldFact } from '@fettle/catalog'
import type { Expected, Reading } from './case.ts'

/** `refused`: less is told than is known, with a reason. `wrong`: something else is told than is true. */
export type Verdict = { readonly grade: 'right' | 'refused' | 'wrong'; readonly why: string }

type Told = Pick<HeldFact, 'outcome' | 'reason' | 'data'>

/** Compares what was read with what is true. */
export function compare(told: Told, reading: Reading): Verdict {
  const said = `${told.outcome}: ${told.reason ?? JSON.stringify(told.data)?.slice(0, 200)}`
  if ('outcomes' in reading) {
    if ((reading.outcomes as readonly string[]).includes(told.outcome)) return { grade: 'right', why: '' }
    const refused = told.outcome !== 'ok' && told.outcome !== 'absent'
    return { grade: refused ? 'refused' : 'wrong', why: `wanted ${reading.outcomes.join(' or ')}, is ${said}` }
  }
  if (told.outcome === 'ok') return worst(differences(told.data, reading.ok, ''))
  return { grade: told.outcome === 'absent' ? 'wrong' : 'refused', why: said }
}

/** An unknown is no lie: only a value that differs is wrong. */
function* differences(actual: unknown, expected: Expected, path: string): Generator<Verdict> {
  const at = (grade: 'refused' | 'wrong') => ({ grade, why: `${path || 'the fact'} is ${JSON.stringify(actual)?.slice(0, 120)}` })
  if (actual === undefined || (actual === null && expected !== null)) {
    if (typeof expected !== 'function' || !(expected as (value: unknown) => boolean)(actual)) yield at('refused')
  } else if (typeof expected === 'function') {
    if (!(expected as (value: unknown) => boolean)(actual)) yield at('wrong')
  } else if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) yield at('wrong')
    else for (const [index, one] of expected.entries()) yield* differences(actual[index], one, `${path}[${index}]`)
  } else if (typeof expected === 'object' && expected !== null) {
    for (const [field, one] of Object.entries(expected)) yield* differences((actual as never)[field], one as Expected, `${path}.${field}`)
  } else if (actual !== expected) yield { ...at('wrong'), why: `${at('wrong').why}, wanted ${JSON.stringify(expected)}` }
}

function worst(found: Iterable<Verdict>): Verdict {
  let verdict: Verdict = { grade: 'right', why: '' }
  for (const one of found) {
    if (one.grade === 'wrong') return one
    if (verdict.grade === 'right') verdict = one
  }
  return verdict
}
