import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, defineProbe, type Inputs, type ParseContext } from '../../probe.ts'
import { isRegistry, queryKey, registryOf, registryValue } from '../windows/registry.ts'
import { ENDED_BUILDS, KNOWN_UNTIL, RELEASES_KNOWN_UNTIL, WINDOWS_RELEASES } from './windows-builds.ts'

type Updates = FactTypes['updates']

const DAY = 86_400_000
const KEY = 'HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion'

/**
 * How far the running Windows is behind by its build and revision (UBR), against a dated table in the agent: no search, no service, no
 * network. The revision changes with the restart, so an update that waits for one still counts as missing.
 */
export default defineProbe({
  subject: 'updates',
  source: 'windows-build',
  platforms: ['win32'],
  every: '1h',
  timeout: '30s',
  blind: `Releases after ${RELEASES_KNOWN_UNTIL}, which this agent does not know: it proves that a machine is late, never that it is not. On servers with hotpatches, and on clients whose hotpatch the table lacks, a month may be told as missing that is there.`,
  inputs: { registry: { from: `reg.exe query "${KEY}" /reg:64`, recognise: isRegistry } },
  parse: parseBuild,

  async read(host: Host) {
    const inputs = { registry: [await queryKey(host, KEY)] }
    return parseBuild(inputs, { now: host.now(), hostname: host.hostname, options: undefined })
  },
})

/** @throws Absent where the table has ended and finds nothing missing; Error where build or revision are missing, or the table does not know the build */
export function parseBuild(inputs: Inputs, { now }: ParseContext): Updates {
  const registry = registryOf(inputs.registry ?? [])
  const said = (name: string) => registryValue(registry, '\\windows nt\\currentversion', name)
  const build = said('CurrentBuildNumber') ?? said('CurrentBuild')
  const revision = Number(said('UBR') ?? Number.NaN)
  if (!build || !/^\d{4,6}$/.test(build) || !Number.isInteger(revision))
    throw new Error('Cannot tell the revision: wanted CurrentBuildNumber and UBR')
  const server = /server/i.test(said('InstallationType') ?? '')
  const ended = ENDED_BUILDS[build]
  const releases = (server ? WINDOWS_RELEASES[`${build}-server`] : undefined) ?? WINDOWS_RELEASES[build]
  if (!releases && !ended) throw new Error(`Cannot tell how late build ${build}.${revision} is: the agent's table does not know it`)
  const missing = (releases ?? []).filter(([, known]) => known > revision)
  const pending = missing.map(([day, known]) => release(build, revision, known, Date.parse(day)))
  if (ended)
    pending.unshift({ ...release(build, revision, null, Date.parse(ended)), name: 'a version of Windows that still gets security updates' })
  const current = (releases ?? []).findLast(([, known]) => known <= revision)
  const knownUntil = KNOWN_UNTIL[build] ?? RELEASES_KNOWN_UNTIL
  const complete = now < Date.parse(knownUntil) + DAY
  if (!complete && pending.length === 0)
    throw new Absent(`build ${build}.${revision} lacks nothing that was published until ${knownUntil}; the agent knows no later releases`)
  return {
    pending,
    more: 0,
    classified: true,
    lastCheckAt: complete ? Math.floor(now / DAY) * DAY : null,
    lastCheckError: null,
    lastInstallAt: current ? Date.parse(current[0]) : null,
    lastInstallSucceeded: null,
    automatic: { enabled: null, detail: null, lastRunAt: null },
    broken: null,
    badSources: ended ? [`Microsoft ended build ${build} on ${ended}`] : [],
    managedBy: null,
  }
}

function release(build: string, revision: number, known: number | null, published: number): Updates['pending'][number] {
  return {
    name: `Windows ${build} security release`,
    installed: `${build}.${revision}`,
    candidate: known === null ? null : `${build}.${known}`,
    class: 'security',
    severity: null,
    published,
    origin: "the agent's table of builds",
    withheld: null,
    restart: true,
  }
}
