import * as v from 'valibot'
import { expect, test } from 'vitest'
import type { Check, Context } from './check.ts'
import type { Finding, Status } from './finding.ts'
import { factsBySubject, judge, keyParts } from './judge.ts'
import type { FactTypes, SubjectName } from './subjects/facts.ts'
import { subjectOf } from './subjects/index.ts'
import type { HeldFact, HostView, Presence } from './view.ts'

/** The moment at which the tests of the catalog judge, epoch ms. */
export const NOW = Date.UTC(2026, 5, 15, 12)

const HOUR = 3_600_000

/** Facts by key `subject/source`; a bare subject stands for one source called `test`. */
export type Told = { readonly [key: string]: FactTypes[SubjectName] | Partial<HeldFact> }

export type Around = Partial<Omit<Context, 'previous'>> & { readonly now?: number; readonly previous?: Finding | undefined }

const presence: Presence = {
  up: true,
  lastSeenAt: NOW,
  connectedSince: NOW - HOUR,
  clockOffsetMs: 0,
  agentVersion: '0.1.0',
  protocol: '1',
  dropped: 0,
}

/** What the collector would hold of such facts, looked at just now; each must pass its subject's schema. */
export function held(told: Told, now = NOW): Map<string, HeldFact> {
  return new Map(
    Object.entries(told).map(([name, fact]) => {
      const key = name.includes('/') ? name : `${name}/test`
      const base = { key, at: now, everyMs: HOUR, tookMs: 5 }
      if ('outcome' in fact) return [key, { ...base, ...fact, outcome: fact.outcome ?? 'failed' }]
      const schema = subjectOf(keyParts(key).subject)?.fact
      if (!schema) throw new Error(`Cannot make a fact of ${key}: no such subject`)
      return [key, { ...base, outcome: 'ok', data: v.parse(schema, fact) }]
    }),
  )
}

/** A check's finding over such facts. */
export function findingOf(check: Check, told: Told, around: Around = {}): Finding {
  const { now = NOW, previous, ...context } = around
  const host = {
    held: held(told, now),
    context: { role: 'server', supportEnd: null, instance: 'host', presence, firstSeen: () => null, ...context } as const,
    ...(previous ? { previous: new Map([[check.name, previous]]) } : {}),
  }
  const [finding] = judge(host, now, subject => (subject.name === check.subject ? [check] : []))
  if (!finding) throw new Error(`Cannot judge ${check.name}: no such subject as ${check.subject}`)
  return finding
}

/** Cases of one check: what is so, the facts, what the check says, and what is around. */
export type Cases = readonly (readonly [title: string, told: Told, wanted: Status, around?: Around])[]
/** Cases of several checks. */
export type Rows = readonly (readonly [check: Check, title: string, told: Told, wanted: Status, around?: Around])[]

/** Tests a check on a table of cases. */
export function judges(check: Check, cases: Cases): void {
  judgesEach(cases.map(([title, told, wanted, around]) => [check, title, told, wanted, around ?? {}]))
}

/** Tests several checks on a table of cases. */
export function judgesEach(rows: Rows): void {
  for (const [check, title, told, wanted, around] of rows) {
    test(`${check.name}: ${title}`, () => {
      expect(findingOf(check, told, around).status).toBe(wanted)
    })
  }
}

/** A host as metrics see it. */
export function viewOf(told: Told, more: Partial<HostView> = {}): HostView {
  const known = held(told)
  return {
    hostId: 'id',
    instance: 'host',
    role: 'server',
    labels: {},
    facts: factsBySubject(known),
    held: known,
    findings: [],
    presence,
    supportEnd: null,
    firstSeen: () => null,
    ...more,
  }
}
