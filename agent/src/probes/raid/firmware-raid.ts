import { shortText } from '../sysfs.ts'
import { emptyArray, type MdArray } from './mdstat.ts'

/** How firmware names the state of a volume: DDF and Intel's metadata, as super-ddf.c and super-intel.c of mdadm print them. */
const STATES: Readonly<Record<string, MdArray['state']>> = {
  // One member remembers it so: whether the array runs is not told.
  optimal: 'unknown',
  normal: 'unknown',
  uninitialized: 'unknown',
  'partially optimal': 'degraded',
  degraded: 'degraded',
  failed: 'failed',
  missing: 'failed',
  deleted: 'failed',
}

/** Whether `mdadm --examine` printed the metadata of firmware: SNIA DDF, or Intel's (IMSM, Rapid Storage). */
export function isFirmwareRaid(text: string): boolean {
  return /^[ \t]*Magic : (de11de11|Intel Raid ISM)/im.test(text)
}

/**
 * Volumes that the metadata of one member lists; see mdadm(8), and the SNIA DDF specification. It can show that members are missing, never that a
 * volume runs. @throws Error where it names no volume, or a state that is not known
 */
export function parseFirmwareRaid(text: string): MdArray[] {
  const volumes = /^[ \t]*Magic : Intel/im.test(text) ? intelVolumes(text) : ddfVolumes(text)
  if (volumes.length === 0) throw new Error('Cannot find a volume in the metadata of this member: feed /proc/mdstat or mdadm --detail')
  return volumes.map(({ name, level, members, state }) => {
    const word = state?.split(/,|<--/)[0]?.trim().toLowerCase() ?? ''
    const known = Object.hasOwn(STATES, word) ? STATES[word] : undefined
    if (known === undefined)
      throw new Error(`Cannot judge the volume ${name.slice(0, 64)}: its state is ${JSON.stringify(word.slice(0, 64))}`)
    const migrates = /<--\s*(degraded|failed)/i.test(state ?? '')
    return {
      ...emptyArray(name),
      level: shortText(level?.toLowerCase().replace(/^(?=\d)/, 'raid'), 32),
      state: migrates && known === 'unknown' ? ('degraded' as const) : known,
      disks: { required: members, active: null, failed: null, spare: null, missing: null },
      detail: `${word}, as the metadata of one member tells; whether the array runs is not in it`,
    }
  })
}

type Volume = {
  readonly name: string
  readonly level: string | undefined
  readonly members: number | null
  readonly state: string | undefined
}

/** `state[0] : Optimal, Consistent`: a number for each volume. */
function ddfVolumes(text: string): Volume[] {
  return [...text.matchAll(/^[ \t]*state\[(\d{1,4})\] : (.*)$/gm)].slice(0, 256).map(([, at = '', state = '']) => {
    const field = (label: string) => new RegExp(`^[ \\t]*${label}\\[${at}\\] : (.*)$`, 'm').exec(text)?.[1]?.trim()
    return {
      name: (field('Name') || `volume ${at}`).slice(0, 128),
      level: field('Raid Level'),
      members: countIn(field('Raid Devices')),
      state,
    }
  })
}

/** `[Volume0]:` and its fields, up to the next block. */
function intelVolumes(text: string): Volume[] {
  return text
    .split(/^(?=[ \t]*\[[^\]\n]{1,64}\]:[ \t]*$)/m)
    .slice(1, 257)
    .map(block => {
      const field = (label: string) => new RegExp(`^[ \\t]*${label} : (.*)$`, 'm').exec(block)?.[1]?.trim()
      const name = /^[ \t]*\[([^\]\n]{1,64})\]/.exec(block)?.[1] ?? 'volume'
      return { name, level: field('RAID Level'), members: countIn(field('Members')), state: field('Map State') }
    })
}

function countIn(text: string | undefined): number | null {
  const digits = /^\d{1,4}/.exec(text ?? '')?.[0]
  return digits === undefined ? null : Number(digits)
}
