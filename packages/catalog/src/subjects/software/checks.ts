import { bad, type Check, type Context, defineCheck, type Limit } from '../../check.ts'
import { type Answer, ok, unknown, worst, worstOr } from '../../finding.ts'
import type { FactsBySubject, SourceFact } from '../../view.ts'
import type { SoftwareFact } from './facts.ts'
import { packagesNamed } from './lookup.ts'
import type { SoftwareRule } from './policy.ts'
import { compareVersions } from './versions.ts'

type Package = SoftwareFact['packages'][number]
type Source = SourceFact<SoftwareFact>
/** A package that a rule's name fits, and how its version compares with the rule's; undefined where that cannot be told. */
type Found = { readonly source: string; readonly package: Package; readonly order: number | undefined; readonly half: boolean }

export const softwareBroken = defineCheck({
  name: 'software-broken',
  subject: 'software',
  title: 'Packages are half installed, or the package database does not answer',
  unit: 'count',
  thresholds: { warning: 1 },
  why: 'A package that is only half installed keeps its service from starting and every later update from being installed.',
  remedy: 'Let the package manager finish: `dpkg --configure -a`, `apt-get -f install`, or reinstall what is named.',

  evaluate: ({ software }, limit) =>
    worstOr(
      'no package database',
      software.map(({ source, data: { broken, total } }) => {
        if (broken === null || broken.length === 0) return ok(`${source}: ${total} packages`)
        return bad(limit, `${source}: ${broken.slice(0, 5).join(', ')} half installed`, { source, broken: broken.slice(0, 20) })
      }),
    ),
})

export const softwareRequired = defineCheck({
  name: 'software-required',
  subject: 'software',
  title: 'Software that must be installed is missing or too old',
  unit: 'state',
  thresholds: { critical: 1 },
  // A source that cannot be read may be the one that holds it: then it is not known to be missing.
  sources: 'any',
  whenAbsent: 'evaluate',
  why: 'The configuration of the collector (`software.required`) says that this machine must have it: protection, remote support or backup that was never rolled out is noticed on the day it is needed.',
  remedy: 'Install or update what is named, or see why the tool that distributes software passed this machine by.',
  blind:
    'Whether it runs. Versions that cannot be compared, lists that are cut and users who are not logged in make it unknown, never critical.',

  moot: context => noRules(context, 'required'),
  evaluate: ({ software }, limit, _now, { software: policy }) =>
    judged(software, policy?.required ?? [], (rule, found, unseen) => required(rule, found, unseen, limit)),
})

export const softwareForbidden = defineCheck({
  name: 'software-forbidden',
  subject: 'software',
  title: 'Software that must not be installed is there',
  unit: 'state',
  thresholds: { critical: 1 },
  whenAbsent: 'evaluate',
  why: 'The configuration of the collector (`software.forbidden`) says that this machine must not have it: remote control that nobody manages, end of support, a known hole.',
  remedy: 'Remove or update what is named.',
  blind:
    'Programs that were never installed but only copied, and whatever no source lists. A list that is cut, or users who are not logged in, make it unknown.',

  moot: context => noRules(context, 'forbidden'),
  evaluate: ({ software }, limit, _now, { software: policy }) =>
    judged(software, policy?.forbidden ?? [], (rule, found, unseen) => forbidden(rule, found, unseen, limit)),
})

function noRules({ software }: Context, kind: 'required' | 'forbidden'): string | undefined {
  return (software?.[kind].length ?? 0) > 0 ? undefined : `no software is ${kind} here`
}

function judged(
  sources: FactsBySubject['software'],
  rules: readonly SoftwareRule[],
  judge: (rule: SoftwareRule, found: readonly Found[], unseen: string | undefined) => Answer,
): Answer {
  if (sources.length === 0) return unknown('no source tells what is installed', 'See which sources of software the agent could read.')
  const unseen = sources.flatMap(unseenBy)[0]
  return worst(
    rules.map(rule =>
      judge(
        rule,
        sources.flatMap(source => foundIn(source, rule)),
        unseen,
      ),
    ),
  )
}

function required(rule: SoftwareRule, found: readonly Found[], unseen: string | undefined, limit: Limit): Answer {
  const whole = found.filter(({ half }) => !half)
  const good = whole.find(({ order }) => rule.atLeast === undefined || (order !== undefined && order >= 0))
  if (good) return ok(`${rule.name} is installed`, { evidence: evidenceOf(good) })
  const vague = whole.find(({ order }) => order === undefined)
  if (vague) return incomparable(vague, rule.atLeast ?? '')
  if (unseen !== undefined) return notSeen(`whether ${rule.name} is installed`, unseen)
  const [old] = whole
  if (old) return bad(limit, `${said(old)} is installed, wanted ${rule.atLeast} or newer`, evidenceOf(old))
  const [half] = found
  if (half) return bad(limit, `${said(half)} is only half installed`, evidenceOf(half))
  return bad(limit, `${rule.name} is not installed`, { rule: rule.name })
}

function forbidden(rule: SoftwareRule, found: readonly Found[], unseen: string | undefined, limit: Limit): Answer {
  const there = found.find(({ order }) => rule.below === undefined || (order !== undefined && order < 0))
  if (there) return bad(limit, `${said(there)} is installed`, evidenceOf(there))
  const vague = found.find(({ order }) => order === undefined)
  if (vague && rule.below !== undefined) return incomparable(vague, rule.below)
  if (unseen !== undefined) return notSeen(`whether ${rule.name} is installed`, unseen)
  return ok(`${rule.name} is not installed`)
}

function incomparable(found: Found, wanted: string): Answer {
  const version = found.package.version === null ? 'has no version' : `cannot be compared with ${wanted}`
  return unknown(`${said(found)} ${version}`, 'Write the rule without a version, or for a name whose versions are numbers.')
}

function notSeen(what: string, why: string): Answer {
  return unknown(`${what} is not known: ${why}`, 'Unknown until the source sees everything; what is listed is judged.')
}

const said = ({ package: { name, version } }: Found): string => (version === null ? name : `${name} ${version}`)
const evidenceOf = ({ source, package: { name, version } }: Found) => ({ source, name, version })

/** Why a source may lack something that is installed. */
function unseenBy({ source, data }: Source): string[] {
  if (data.total > data.packages.length) return [`${source} lists ${data.packages.length} of ${data.total}`]
  return data.unseen === null ? [] : [`${source}: ${data.unseen}`]
}

function foundIn({ source, data }: Source, rule: SoftwareRule): Found[] {
  const version = rule.atLeast ?? rule.below
  return packagesNamed(data, rule.name).map(one => ({
    source,
    package: one,
    order: version === undefined ? 0 : one.version === null ? undefined : compareVersions(source, one.version, version),
    half: data.broken?.includes(one.name) ?? false,
  }))
}

export const softwareChecks: readonly Check[] = [softwareBroken, softwareRequired, softwareForbidden]
