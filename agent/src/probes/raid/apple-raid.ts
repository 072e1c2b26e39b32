import type { FactTypes } from '@fettle/catalog'
import { type Host, NotInstalled } from '../../host.ts'
import { Absent, defineProbe, type Inputs, needed } from '../../probe.ts'
import { cut } from '../gather.ts'
import { dictsOf, isPlistWith, numberIn, parsePlistDict, textIn } from '../property-list.ts'

type RaidArray = FactTypes['raid']['arrays'][number]
type Member = RaidArray['members'][number]

/** Words of diskutil for a set as a whole; others are unknown. */
const STATES: { readonly [word: string]: RaidArray['state'] } = { online: 'ok', degraded: 'degraded', offline: 'failed', failed: 'failed' }
const MEMBERS: { readonly [word: string]: Member['state'] } = {
  online: 'active',
  spare: 'spare',
  failed: 'failed',
  missing: 'missing',
  'missing/damaged': 'missing',
  rebuilding: 'rebuilding',
  offline: 'failed',
}

/** Software RAID of macOS; see diskutil(8), `appleRAID list`. */
export default defineProbe({
  subject: 'raid',
  source: 'apple-raid',
  platforms: ['darwin'],
  every: '1h',
  timeout: '60s',
  blind: 'Sets of other makers (SoftRAID), and RAID inside of enclosures. Apple RAID is never verified as a whole.',
  inputs: {
    list: {
      from: 'diskutil appleRAID list -plist',
      recognise: text => isPlistWith(text, 'AppleRAIDSets') || /No AppleRAID sets found/.test(text),
    },
  },
  parse: parseAppleRaid,

  async read(host: Host) {
    try {
      return parseAppleRaid({ list: [await host.run(['diskutil', 'appleRAID', 'list', '-plist'], { timeoutMs: 30_000 })] })
    } catch (error) {
      if (error instanceof NotInstalled) throw new Absent('diskutil is not there')
      throw error
    }
  },
})

/** @throws Absent where no set exists, Error where the list cannot be read */
export function parseAppleRaid(inputs: Inputs): FactTypes['raid'] {
  const { text } = needed(inputs, 'list')
  if (/No AppleRAID sets found/.test(text)) throw new Absent('no Apple RAID set exists')
  const sets = parsePlistDict(text).AppleRAIDSets
  if (!Array.isArray(sets)) throw new Error('Cannot read what diskutil appleRAID list -plist printed: no AppleRAIDSets in it')
  if (sets.length === 0) throw new Absent('no Apple RAID set exists')
  const arrays = dictsOf(sets).slice(0, 256).map(arrayOf)
  if (arrays.length < Math.min(sets.length, 256)) throw new Error('Cannot read an Apple RAID set that is no dictionary')
  return { arrays }
}

function arrayOf(set: { readonly [key: string]: unknown }): RaidArray {
  const status = textIn(set.Status) ?? ''
  const members = dictsOf(set.Members)
    .slice(0, 256)
    .map(member => memberOf(member))
  const bad = members.filter(({ state }) => state === 'failed' || state === 'missing')
  const rebuilding = members.some(({ state }) => state === 'rebuilding')
  const told = Object.hasOwn(STATES, status.toLowerCase()) ? STATES[status.toLowerCase()] : undefined
  const state = told === 'ok' && (bad.length > 0 || rebuilding) ? 'degraded' : (told ?? 'unknown')
  const count = (wanted: Member['state']) => members.filter(member => member.state === wanted).length
  return {
    name: cut(textIn(set.Name) ?? textIn(set.BSDName) ?? textIn(set.AppleRAIDSetUUID) ?? 'Apple RAID', 128),
    implementation: 'apple-raid',
    level: textIn(set.Level)?.toLowerCase().slice(0, 32) ?? null,
    state,
    disks: {
      required: members.length - count('spare') || null,
      active: count('active'),
      failed: count('failed'),
      spare: count('spare'),
      missing: count('missing'),
    },
    sync: rebuilding ? { action: 'recovery', ratio: null } : null,
    errors: null,
    lastScrubAt: null,
    members,
    detail: status === '' ? 'diskutil tells no status' : numberIn(set.Status) === null ? cut(status, 128) : null,
  }
}

/** A member that rebuilds says how far it is: `12% (Rebuilding)`. */
function memberOf(member: { readonly [key: string]: unknown }): Member {
  const word = (textIn(member.MemberStatus) ?? '').toLowerCase()
  const state = /rebuilding/.test(word) ? 'rebuilding' : Object.hasOwn(MEMBERS, word) ? MEMBERS[word] : undefined
  return { name: cut(textIn(member.BSDName) ?? textIn(member.AppleRAIDMemberUUID) ?? 'member', 128), state: state ?? 'unknown' }
}
