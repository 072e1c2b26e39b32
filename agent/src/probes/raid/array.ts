import type { FactTypes } from '@fettle/catalog'
import { Absent } from '../../probe.ts'
import { shortText } from '../sysfs.ts'

/** An array as every source of `raid` tells it. */
export type RaidArray = FactTypes['raid']['arrays'][number]
export type Member = RaidArray['members'][number]
export type MemberState = Member['state']
export type ArrayState = RaidArray['state']

const MOST_ARRAYS = 256
const MOST_MEMBERS = 256
const WORST_FIRST = ['failed', 'missing', 'unknown', 'rebuilding', 'spare', 'active'] as const
const RANK: Readonly<Record<ArrayState, number>> = { ok: 0, unknown: 1, degraded: 2, failed: 3 }

/** An array of which nothing is known but its name. */
export function blankArray(implementation: string, name: string): RaidArray {
  return {
    name: shortText(name, 128) ?? implementation,
    implementation,
    level: null,
    state: 'unknown',
    disks: { required: null, active: null, failed: null, spare: null, missing: null },
    sync: null,
    errors: null,
    lastScrubAt: null,
    members: [],
    detail: null,
  }
}

/** The worse of two states; a state that is not known is worse than a good one. */
export function worse(one: ArrayState, other: ArrayState): ArrayState {
  return RANK[other] > RANK[one] ? other : one
}

/** How many members there are by state. A member that is being rebuilt is neither active nor failed. */
export function countMembers(members: readonly Member[], required: number | null): RaidArray['disks'] {
  const of = (state: MemberState) => members.filter(member => member.state === state).length
  if (members.length === 0) return { required, active: null, failed: null, spare: null, missing: null }
  const unread = of('unknown') > 0
  return { required, active: unread ? null : of('active'), failed: of('failed'), spare: of('spare'), missing: of('missing') }
}

/** Members as a fact may carry them: names cut, and where there are too many the worst stay. */
export function boundedMembers(members: readonly Member[]): Member[] {
  const named = members.map(({ name, state }) => ({ name: shortText(name, 128) ?? 'unnamed', state }))
  if (named.length <= MOST_MEMBERS) return named
  return named.sort((a, b) => WORST_FIRST.indexOf(a.state) - WORST_FIRST.indexOf(b.state)).slice(0, MOST_MEMBERS)
}

/** Progress in hundredths, so that a running sync makes a hundred facts at most; null for anything that is no share. */
export function steadyRatio(ratio: number | null | undefined): number | null {
  if (ratio === null || ratio === undefined || !(ratio >= 0 && ratio <= 1)) return null
  return Math.floor(ratio * 100) / 100
}

/** Sentences as the detail of an array; null where there is none. */
export function detailOf(...parts: readonly (string | null | undefined | false)[]): string | null {
  return shortText(parts.filter(Boolean).join('; '), 512)
}

/** Bounded fact of the arrays; the worst stay where there are too many. @throws Absent where there is none */
export function raidFact(arrays: readonly RaidArray[], none: string): FactTypes['raid'] {
  if (arrays.length === 0) throw new Absent(none)
  const told = distinct(arrays).map(array => ({ ...array, members: boundedMembers(array.members) }))
  if (told.length <= MOST_ARRAYS) return { arrays: told }
  const left = told.length - MOST_ARRAYS + 1
  const kept = told.sort((a, b) => RANK[b.state] - RANK[a.state]).slice(0, MOST_ARRAYS - 1)
  return {
    arrays: [...kept, { ...blankArray(kept[0]?.implementation ?? 'raid', 'more'), detail: `${left} more arrays than a fact may carry` }],
  }
}

/** Arrays of one name are told apart by number: findings and series go by name. */
function distinct(arrays: readonly RaidArray[]): RaidArray[] {
  const times = new Map<string, number>()
  return arrays.map(array => {
    const time = (times.get(array.name) ?? 0) + 1
    times.set(array.name, time)
    return time === 1 ? array : { ...array, name: `${array.name.slice(0, 120)} #${time}` }
  })
}
