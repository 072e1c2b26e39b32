import { type FactTypes, MOST_PENDING } from '@fettle/catalog'
import { optionalText } from '@fettle/kit'
import * as v from 'valibot'
import { type Host, HostError, NotInstalled } from '../../host.ts'
import { Absent, type Captured, defineProbe, Failed, type Inputs, needed, type ParseContext, sole } from '../../probe.ts'
import { judgeAutomatic, parseConfig, parseUnits } from './apt-automatic.ts'
import { type PendingUpdate, pendingFromList, pendingUpdates } from './apt-pending.ts'
import { isSecurity, parseSources, parseVersionTables, type Release, type Sources } from './apt-policy.ts'
import { assertRan, isPackageName, parseHolds, parseList, parseSimulation } from './apt-simulation.ts'
import { auditFinding, lastCheck, parseHistory, parseRelease, stampOf } from './apt-state.ts'

const simulate = ['apt-get', '-s', '-o', 'Debug::NoLocking=1', '-o', 'APT::Get::Show-User-Simulation-Note=false', 'dist-upgrade']
const units = ['apt-daily.timer', 'apt-daily.service', 'apt-daily-upgrade.timer']
const unitFields = ['Id', 'UnitFileState', 'ActiveState', 'Result', 'ExecMainStatus']
const pathNames = {
  lists: 'Dir::State::lists/d',
  cache: 'Dir::Cache::pkgcache/f',
  history: 'Dir::Log::History/f',
  status: 'Dir::State::status/f',
}
/** Enough for the fields at the head of a Release file; thousands of checksums follow. */
const RELEASE_HEAD_BYTES = 4096
const MOST_RELEASES = 200

const options = v.strictObject({ configFile: optionalText })
type AptOptions = v.InferOutput<typeof options>

/** Pending updates of Debian and its kin, told by apt-get(8) and apt-cache(8). Never fetches lists: that needs the network, root and the lock. */
export default defineProbe<'updates', AptOptions>({
  subject: 'updates',
  source: 'apt',
  platforms: ['linux'],
  every: '6h',
  timeout: '5m',
  heavy: true,
  watch: ['/var/lib/dpkg/status', '/var/lib/apt/periodic', '/run/reboot-required'],
  setting: {
    schema: options,
    default: { configFile: null },
    doc: 'configFile: an apt.conf(5) that is given to apt as APT_CONFIG, to judge another root (a chroot, an image); null: the machine itself.',
    example: { configFile: '/srv/image/apt.conf' },
  },
  cost: '2.5 s of CPU with 136 updates waiting on 2 cores of a virtual machine with Debian 12',
  blind: 'When an update was published; packages that are no .deb (snap, flatpak). Needs lists that something else keeps fresh.',
  inputs: {
    simulate: { from: simulate.join(' '), recognise: text => /^(Inst \S+ |\d+ upgraded, | {2}Upgrading: \d)/m.test(text) },
    sources: { from: 'apt-cache policy', recognise: text => text.startsWith('Package files:') },
    versions: { from: 'apt-cache policy NAME…', recognise: text => /^ {2}Version table:$/m.test(text) },
    holds: { from: 'apt-mark showhold', recognise: text => text.trim() !== '' && text.trim().split('\n').every(isPackageName) },
    config: { from: 'apt-config dump', recognise: text => /^APT "";$|^APT::\S+ "/m.test(text) },
    units: { from: `systemctl show ${units.join(' ')}`, recognise: text => /^Id=apt-daily/m.test(text) },
    history: { from: '/var/log/apt/history.log', recognise: text => /^Start-Date: \d/m.test(text) },
    audit: { from: 'dpkg --audit', recognise: text => /^The following packages (are|have|were)/.test(text) },
    releases: {
      from: '/var/lib/apt/lists/*Release',
      recognise: text => /^(Origin|Label|Suite|Codename): /m.test(text) && /^Date: /m.test(text),
    },
    stamps: {
      from: 'times of /var/lib/apt/periodic/*, /var/cache/apt/pkgcache.bin, /var/lib/apt/lists/partial, /usr/bin/unattended-upgrade',
    },
    list: { from: 'apt list --upgradable', recognise: text => /^Listing\.\.\./m.test(text) || / \[upgradable from: /.test(text) },
  },

  async read(host, { configFile }) {
    const run = runner(host, configFile)
    const paths = await readPaths(run)
    await host.stat(paths.status, { missing: new Absent('no package is managed by dpkg here') })
    const first = {
      simulate: [await run(simulate)],
      sources: [await run(['apt-cache', 'policy'])],
      holds: [await run(['apt-mark', 'showhold'])],
    }
    const inputs: Inputs = {
      ...first,
      versions: await readVersions(run, first),
      config: [await run(['apt-config', 'dump'])],
      units: configFile === null ? await readUnits(host) : [],
      history: await readHistory(host, paths.history),
      audit: [await run(['dpkg', `--admindir=${folderOf(paths.status)}`, '--audit'])],
      releases: await readReleases(host, paths.lists),
      stamps: await readStamps(host, paths),
    }
    return parse(inputs, { now: host.now() })
  },
  parse,
})

/** @throws Failed where apt did or has no lists, Error where an input is no output of its command: never "nothing pending" */
export function parse(inputs: Inputs, { now }: Pick<ParseContext, 'now'>): FactTypes['updates'] {
  const listed = sole(inputs, 'simulate') ? undefined : sole(inputs, 'list')
  const sources = readSources(sole(inputs, 'sources'))
  const releaseFiles = (inputs.releases ?? []).map(file => ({ name: file.name, ...parseRelease(file.text) }))
  const known: readonly Release[] = sources ? [...sources.sources, ...releaseFiles] : []
  if (sources && known.length === 0)
    throw new Failed('apt has no package lists, so nothing can be told', 'Run apt-get update; see /etc/apt/sources.list.')
  const securityKnown = sources === undefined || known.some(isSecurity)
  const told = listed ? pendingFromList(parseList(listed)) : pendingUpdates(gather(inputs, sources))
  const classified = told.classified && securityKnown
  const pending = classified ? told.pending : told.pending.map((update): PendingUpdate => ({ ...update, class: 'other' }))
  const stamps = inputs.stamps ?? []
  const history = sole(inputs, 'history') ? parseHistory(needed(inputs, 'history')) : null
  const shown = parseUnits(sole(inputs, 'units'))
  const config = sole(inputs, 'config')
  return {
    pending: pending.slice(0, MOST_PENDING),
    more: Math.max(0, pending.length - MOST_PENDING),
    classified,
    lastCheckAt: lastCheck(stamps, now),
    lastCheckError: checkError(shown.get('apt-daily.service')),
    lastInstallAt: history?.lastGoodAt ?? null,
    lastInstallSucceeded: history?.lastSucceeded ?? null,
    automatic: {
      ...judgeAutomatic({
        config: config ? parseConfig(config.text) : undefined,
        installed: stamps.length === 0 ? null : stamps.some(stamp => stamp.name.endsWith('/unattended-upgrade')),
        units: shown,
        releases: sources?.sources ?? [],
      }),
      lastRunAt: stampOf(stamps, '/periodic/unattended-upgrades-stamp', now),
    },
    broken: auditFinding(sole(inputs, 'audit')),
    badSources: badSources(sources, releaseFiles, securityKnown, now),
    managedBy: null,
  }
}

function readSources(captured: Captured | undefined): Sources | undefined {
  if (!captured) return undefined
  assertRan(captured)
  if (!captured.text.includes('Package files:')) throw new Error('Cannot find the sources in what apt-cache policy printed')
  return parseSources(captured.text)
}

function gather(inputs: Inputs, sources: Sources | undefined) {
  const holds = sole(inputs, 'holds')
  const versions = inputs.versions ?? []
  for (const captured of versions) assertRan(captured)
  return {
    simulation: parseSimulation(needed(inputs, 'simulate')),
    holds: holds ? parseHolds(holds) : [],
    tables: new Map(versions.flatMap(captured => [...parseVersionTables(captured.text)])),
    sources: sources?.sources ?? [],
  }
}

function checkError(service: ReadonlyMap<string, string> | undefined): string | null {
  const result = service?.get('Result')
  if (!result || result === 'success') return null
  return `apt-daily.service ended with ${result}, status ${service?.get('ExecMainStatus') ?? 'unknown'}`.slice(0, 300)
}

const archivedSites = /\b(archive\.debian\.org|old-releases\.ubuntu\.com|snapshot\.debian\.org)\b/

function badSources(
  sources: Sources | undefined,
  files: readonly (ReturnType<typeof parseRelease> & { name: string })[],
  securityKnown: boolean,
  now: number,
) {
  const bad = new Set<string>()
  for (const file of files) {
    if (file.validUntil !== null && file.validUntil < now)
      bad.add(
        `${file.label} ${file.codename || file.archive}: its Release file expired on ${new Date(file.validUntil).toISOString().slice(0, 10)}`,
      )
  }
  for (const source of sources?.sources ?? []) {
    const name = `${source.label} ${source.codename || source.archive}`
    if (archivedSites.test(source.key)) bad.add(`${name}: comes from an archive that gets no more updates`)
    if (isSecurity(source) && source.priority < 100)
      bad.add(`${name}: its priority ${source.priority} keeps its updates from being installed`)
  }
  const isDistribution = sources?.sources.some(({ origin }) => origin === 'Debian' || origin === 'Ubuntu') ?? false
  if (isDistribution && !securityKnown) bad.add('no security source is configured: its updates are never seen')
  return [...bad].map(text => text.slice(0, 500)).slice(0, 64)
}

type Run = (argv: readonly string[]) => Promise<Captured>

function runner(host: Host, configFile: string | null): Run {
  const env = configFile === null ? {} : { APT_CONFIG: configFile }
  return argv => host.run(argv, { env, timeoutMs: 120_000 })
}

type Paths = { readonly [name in keyof typeof pathNames]: string }

/** Where this apt keeps what: apt-config(8) resolves `Dir` and its kin. `apt-config` is missing exactly where apt is. */
async function readPaths(run: Run): Promise<Paths> {
  const printed = await run(['apt-config', 'shell', ...Object.entries(pathNames).flat()])
  assertRan(printed)
  const path = (name: keyof Paths) => new RegExp(`^${name}='([^']*)'$`, 'm').exec(printed.text)?.[1] ?? ''
  const paths = { lists: path('lists'), cache: path('cache'), history: path('history'), status: path('status') }
  if (paths.lists === '' || paths.status === '') throw new Error('Cannot tell from apt-config shell where apt keeps its lists')
  return paths
}

/** The tables of what waits, is held back, or has a priority of its own: all the others have nothing to tell. */
async function readVersions(run: Run, inputs: Inputs): Promise<Captured[]> {
  const { upgrades, keptBack, phased } = parseSimulation(needed(inputs, 'simulate'))
  const names = new Set([...upgrades.map(({ name }) => name), ...keptBack, ...phased, ...parseHolds(needed(inputs, 'holds'))])
  for (const name of readSources(sole(inputs, 'sources'))?.pinned ?? []) if (isPackageName(name)) names.add(name)
  return names.size === 0 ? [] : [await run(['apt-cache', 'policy', ...names])]
}

/** Without systemd, or where it does not answer, nothing is known of timers. */
async function readUnits(host: Host): Promise<Captured[]> {
  try {
    return [await host.run(['systemctl', 'show', ...unitFields.map(field => `--property=${field}`), ...units])]
  } catch (error) {
    if (error instanceof NotInstalled) return []
    throw error
  }
}

/** The log is cut every month: the one before is read where the newest tells of no upgrade. */
async function readHistory(host: Host, path: string): Promise<Captured[]> {
  const newest = await host.captured(path, { missing: undefined })
  if (newest && /^Upgrade: /m.test(newest.text)) return [newest]
  const rotated = await host.stat(`${path}.1.gz`, { missing: undefined })
  if (!rotated) return newest ? [newest] : []
  const unpacked = await host.run(['zcat', `${path}.1.gz`])
  return [{ ...unpacked, modifiedAt: rotated.modifiedAt }]
}

async function readReleases(host: Host, folder: string): Promise<Captured[]> {
  const names = (await host.list(folder, { missing: [] })).filter(name => /_(In)?Release$/.test(name)).slice(0, MOST_RELEASES)
  return Promise.all(
    names.map(async name => fileOf(folder + name, Buffer.from(await host.bytes(folder + name, RELEASE_HEAD_BYTES)).toString('utf8'))),
  )
}

async function readStamps(host: Host, paths: Paths): Promise<Captured[]> {
  const state = folderOf(paths.lists.replace(/\/$/, ''))
  const periodic = ['update-success-stamp', 'update-stamp', 'unattended-upgrades-stamp'].map(name => `${state}/periodic/${name}`)
  const candidates = [...periodic, ...(paths.cache === '' ? [] : [paths.cache]), `${paths.lists}partial`, '/usr/bin/unattended-upgrade']
  const found = await Promise.all(candidates.map(async path => ({ path, stat: await statOf(host, path) })))
  return found.flatMap(({ path, stat }) => (stat ? [fileOf(path, '', stat.modifiedAt)] : []))
}

async function statOf(host: Host, path: string) {
  try {
    return await host.stat(path, { missing: undefined })
  } catch (error) {
    // A stamp that may not be looked at is one hint less, no reason to know nothing of updates.
    if (error instanceof HostError) return undefined
    throw error
  }
}

function fileOf(name: string, text: string, modifiedAt: number | null = null): Captured {
  return { text, stderr: '', code: null, name, modifiedAt }
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}
