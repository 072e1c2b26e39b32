import { keyParts } from '@fettle/catalog'
import { factHash } from '@fettle/protocol'
import { keyOf } from '../../../agent/src/probe.ts'
import { probes } from '../../../agent/src/probes/index.ts'
import { seeded } from '../../bench/statistics.ts'
import { capturedFacts } from './captured.ts'
import { linuxFacts, linuxMoving } from './linux.ts'
import { macosFacts, macosMoving } from './macos.ts'
import { type Kind, kinds, type Member, type Told } from './member.ts'
import { windowsFacts, windowsMoving } from './windows.ts'

/** A fact as a report carries it. */
export type SaidFact = {
  readonly key: string
  readonly outcome: string
  readonly reason?: string | undefined
  readonly hint?: string | undefined
  readonly everyMs: number
  readonly tookMs: number
  readonly hash: string
  readonly data?: unknown
}

/** Share of each kind in a mixed fleet. */
export const MIX: Readonly<Record<Kind, number>> = {
  'linux-server': 0.3,
  'captured-server': 0.05,
  'windows-server': 0.1,
  'windows-desktop': 0.25,
  'windows-laptop': 0.2,
  'mac-laptop': 0.1,
}

/** How often each subject is looked at, ms; as the agent's probes have it, roughly. */
const EVERY_MS = 3_600_000
const OFTEN_MS = 300_000
const often = new Set(['usage', 'filesystems', 'clock', 'services', 'agent', 'sensors'])

/** The machine of that index in the fleet of that seed. */
export function memberOf(index: number, seed: number): Member {
  const random = seeded(seed * 1_000_003 + index)
  const kind = kindAt(random())
  const name = `${kind.replace('captured', 'linux').replace('-', '')}-${String(index).padStart(6, '0')}`
  const labels = { site: `site-${index % 20}`, team: `team-${index % 7}` }
  const own = Math.floor(random() * 1e6)
  return { index, kind, instance: `${name}.example.com`, labels, comesAndGoes: kind.endsWith('laptop'), seed: own }
}

function kindAt(share: number): Kind {
  let sum = 0
  for (const kind of kinds) {
    sum += MIX[kind]
    if (share < sum) return kind
  }
  return 'linux-server'
}

/** Everything that a machine tells at first. */
export function factsOfMember(member: Member, now: number): SaidFact[] {
  if (member.kind === 'captured-server') {
    return capturedFacts(member, now).map(({ key, outcome, reason, hint, everyMs, tookMs, data }) => ({
      ...{ key, outcome, reason, hint, everyMs, tookMs, hash: factHash({ outcome, reason, data }) },
      ...(data === undefined ? {} : { data }),
    }))
  }
  const told = saidOf(toldBy(member, now))
  return [...told, ...absentOn(platformOf(member), new Set(told.map(fact => fact.key)))]
}

const platformOf = ({ kind }: Member) => (kind === 'mac-laptop' ? 'darwin' : kind.startsWith('windows') ? 'win32' : 'linux')

/** A machine has few of all the sources that its agent asks, and says so of each of the others. */
function absentOn(platform: 'linux' | 'win32' | 'darwin', told: ReadonlySet<string>): SaidFact[] {
  const reason = 'this machine has no such thing'
  const hash = factHash({ outcome: 'absent', reason })
  return probes
    .filter(probe => probe.platforms.includes(platform) && !told.has(keyOf(probe)))
    .map(probe => ({ key: keyOf(probe), outcome: 'absent', reason, everyMs: EVERY_MS, tookMs: 1, hash }))
}

function toldBy(member: Member, now: number): Told {
  if (member.kind === 'mac-laptop') return macosFacts(member, now)
  return member.kind === 'linux-server' ? linuxFacts(member, now) : windowsFacts(member, now)
}

/** Keys whose facts change from round to round. */
export function movingKeys(member: Member): string[] {
  return Object.keys(movingBy(member, 0, 0))
}

/** One of the facts that move, as it is in that round. @throws where the key does not move on such a machine */
export function movedFact(member: Member, key: string, round: number, now: number): SaidFact {
  const data = movingBy(member, round, now)[key as keyof Told]
  const [fact] = data === undefined ? [] : saidOf({ [key]: data })
  if (!fact) throw new Error(`Cannot move ${key} of ${member.instance}: it does not change there`)
  return fact
}

function movingBy(member: Member, round: number, now: number): Told {
  if (member.kind === 'mac-laptop') return macosMoving(round, now)
  return member.kind.startsWith('windows') ? windowsMoving(round, now) : linuxMoving(member, round, now)
}

function saidOf(told: Told): SaidFact[] {
  return Object.entries(told).map(([key, data]) => ({
    key,
    outcome: 'ok',
    everyMs: often.has(keyParts(key).subject) ? OFTEN_MS : EVERY_MS,
    tookMs: 5,
    hash: factHash({ outcome: 'ok', data }),
    data,
  }))
}
