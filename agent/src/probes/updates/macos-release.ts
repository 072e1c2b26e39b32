import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, defineProbe, type Inputs, needed, type ParseContext } from '../../probe.ts'
import { cut } from '../gather.ts'
import { isPlistWith, parsePlistDict, readPlist, textIn } from '../property-list.ts'
import { MACOS_KNOWN_UNTIL, MACOS_LEFT_BEHIND, MACOS_RELEASES, OLDEST_MENDED } from './macos-releases.ts'

type Updates = FactTypes['updates']

const DAY = 86_400_000
const VERSION = '/System/Library/CoreServices/SystemVersion.plist'

/**
 * How far the running macOS is behind by its version, against a dated table in the agent: no scan, no network, and what device management hides is seen.
 * Versions are compared by number: 15 was followed by 26.
 */
export default defineProbe({
  subject: 'updates',
  source: 'macos-release',
  platforms: ['darwin'],
  every: '1h',
  timeout: '20s',
  watch: [VERSION],
  blind: `Releases after ${MACOS_KNOWN_UNTIL}, which this agent does not know: it proves that a Mac is late, never that it is not. Background Security Improvements.`,
  inputs: { version: { from: VERSION, recognise: text => isPlistWith(text, 'ProductVersion', 'ProductBuildVersion') } },
  parse: parseRelease,

  async read(host: Host) {
    const version = await readPlist(host, VERSION)
    if (!version) throw new Absent('this is no macOS')
    return parseRelease({ version: [version] }, { now: host.now(), hostname: host.hostname, options: undefined })
  },
})

/** @throws Absent where the table has ended and finds nothing missing, or does not know so new a release; Error where no version is told */
export function parseRelease(inputs: Inputs, { now }: ParseContext): Updates {
  const running = textIn(parsePlistDict(needed(inputs, 'version').text).ProductVersion)
  const version = numbers(running)
  if (running === null || version === null) throw new Error('Cannot tell how late this macOS is: wanted ProductVersion')
  const major = version[0] ?? 0
  const releases = MACOS_RELEASES[String(major)]
  if (!releases && major >= OLDEST_MENDED) throw new Absent(`the agent knows releases until ${MACOS_KNOWN_UNTIL}, and no macOS ${major}`)
  const missing = (releases ?? []).filter(([, known]) => isNewer(known, version))
  const pending = releases ? missing.map(([day, known]) => release(running, known, Date.parse(day))) : [leftBehind(running, major)]
  const complete = now < Date.parse(MACOS_KNOWN_UNTIL) + DAY
  if (!complete && pending.length === 0)
    throw new Absent(
      `macOS ${cut(running, 40)} lacks nothing that was published until ${MACOS_KNOWN_UNTIL}; the agent knows no later releases`,
    )
  return {
    pending,
    more: 0,
    classified: true,
    lastCheckAt: complete ? Math.floor(now / DAY) * DAY : null,
    lastCheckError: null,
    lastInstallAt: null,
    lastInstallSucceeded: null,
    automatic: { enabled: null, detail: null, lastRunAt: null },
    broken: null,
    badSources: releases ? [] : [`Apple mends macOS ${major} no more`],
    managedBy: null,
  }
}

function release(running: string, candidate: string | null, published: number | null): Updates['pending'][number] {
  return {
    name: candidate === null ? 'a macOS that still gets security updates' : `macOS ${candidate}`,
    installed: cut(running, 40),
    candidate,
    class: 'security',
    severity: null,
    published,
    origin: "the agent's table of releases",
    withheld: null,
    restart: true,
  }
}

function leftBehind(running: string, major: number): Updates['pending'][number] {
  const day = MACOS_LEFT_BEHIND[String(major)]
  return release(running, null, day === undefined ? null : Date.parse(day))
}

/** `26.6.2` as numbers; null where it is no version. */
function numbers(text: string | null): number[] | null {
  return text !== null && /^\d{1,4}(\.\d{1,4}){0,3}$/.test(text) ? text.split('.').map(Number) : null
}

function isNewer(known: string, running: readonly number[]): boolean {
  const parts = known.split('.').map(Number)
  for (let at = 0; at < Math.max(parts.length, running.length); at++) {
    const [one, other] = [parts[at] ?? 0, running[at] ?? 0]
    if (one !== other) return one > other
  }
  return false
}
