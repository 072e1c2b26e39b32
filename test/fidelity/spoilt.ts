import { join } from 'node:path'
import { type FactTypes, type Finding, type HeldFact, judge, shippedSupportTable, supportEnd } from '@fettle/catalog'
import { type Given, parseCaptures, readCapture } from '../../agent/src/commands/parse.ts'
import { keyOf, type Probe } from '../../agent/src/probe.ts'
import { probes } from '../../agent/src/probes/index.ts'
import type { Case, CaseList, Samples } from './case.ts'
import { costly, randomOf, type Spoil, spoils } from './spoil.ts'

/** A capture that tells more good news once it is spoilt. */
export type Healthier = {
  readonly source: string
  readonly file: string
  readonly spoil: string
  readonly check: string
  readonly was: string
  readonly is: string
}

const HOUR = 3_600_000

/** Every case with a fact, spoilt in every way: what is then judged better than the whole capture. */
export async function healthier(samples: Samples, lists: readonly CaseList[], only?: string): Promise<Healthier[]> {
  const cases = lists.flatMap(list => list.cases(samples)).filter(one => 'ok' in one.reading && (only === undefined || one.source === only))
  const seen = new Set<string>()
  const found: Healthier[] = []
  for (const one of cases) {
    const ways = seen.has(one.source) ? spoils : [...spoils, ...costly]
    seen.add(one.source)
    found.push(...(await spoilt(samples, one, ways)))
  }
  return found
}

async function spoilt(samples: Samples, { source, files, named = [], code, now, hostname = 'sample' }: Case, ways: readonly Spoil[]) {
  const probe = probes.find(candidate => keyOf(candidate) === source)
  if (!probe) return []
  const given: Given[] = [
    ...(await Promise.all(files.map(async file => ({ captured: await readCapture(join(samples.root, file), code ?? null) })))),
    ...(await Promise.all(
      named.map(async ({ input, file }) => ({ input, captured: await readCapture(join(samples.root, file), code ?? null) })),
    )),
  ]
  const at = now === undefined ? Math.max(...given.map(({ captured }) => captured.modifiedAt ?? 0)) : Date.parse(now)
  const whole = judged(probe, given, hostname, at)
  if (!whole) return []
  const all = [...files, ...named.map(({ file }) => file)]
  return ways.flatMap(({ name, spoil }): Healthier[] => {
    const random = randomOf(`${name} ${all[0]}`)
    const which = Math.floor(random() * given.length)
    const changed = given.map((one, index) =>
      index === which ? { ...one, captured: { ...one.captured, text: spoil(one.captured.text, random) } } : one,
    )
    const less = judged(probe, changed, hostname, at)
    const better = less ? betterThan(whole, less) : undefined
    return better ? [{ source, file: all[which] ?? '', spoil: name, ...better }] : []
  })
}

/** Findings of the fact's own subject by check; undefined where nothing was told. */
function judged(probe: Probe, given: readonly Given[], hostname: string, at: number): ReadonlyMap<string, Finding> | undefined {
  const told = parseCaptures(probe, given, { hostname, now: at })
  if (told.outcome !== 'ok' && told.outcome !== 'absent') return undefined
  const fact: HeldFact = { key: keyOf(probe), at, everyMs: HOUR, ...told } as HeldFact
  const system = probe.subject === 'system' && told.outcome === 'ok' ? (told.data as FactTypes['system']) : null
  const context = {
    role: 'server' as const,
    supportEnd: system ? supportEnd(system, shippedSupportTable()) : null,
    firstSeen: () => null,
    instance: hostname,
    presence: { up: true, lastSeenAt: at, connectedSince: at, clockOffsetMs: null, agentVersion: '0', protocol: 'none', dropped: 0 },
  }
  const findings = judge({ held: new Map([[fact.key, fact]]), context }, at, subject =>
    subject.name === probe.subject ? subject.checks : [],
  )
  return new Map(findings.map(finding => [finding.check, finding]))
}

const BADNESS = { 'not-applicable': 0, ok: 0, unknown: 1, warning: 2, critical: 3 } as const

/** The worst finding decides: it may be told worse or not at all, never better. */
function betterThan(whole: ReadonlyMap<string, Finding>, less: ReadonlyMap<string, Finding>) {
  const worst = (findings: ReadonlyMap<string, Finding>) =>
    [...findings.values()].reduce((a, b) => (BADNESS[b.status] > BADNESS[a.status] ? b : a), [...findings.values()][0] as Finding)
  const [was, is] = [worst(whole), worst(less)]
  if (was === undefined || is === undefined || is.status === 'unknown' || BADNESS[is.status] >= BADNESS[was.status]) return undefined
  if (less.get(was.check)?.status === 'unknown') return undefined
  return { check: was.check, was: `${was.status}: ${was.reason}`, is: `${is.status}: ${is.reason}` }
}
