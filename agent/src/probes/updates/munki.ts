import type { FactTypes } from '@fettle/catalog'
import { type Host, HostError } from '../../host.ts'
import { Absent, Denied, defineProbe, type Inputs, needed, type ParseContext } from '../../probe.ts'
import { cut } from '../gather.ts'
import { type Dict, dictOf, dictsOf, flagIn, isPlistWith, numberIn, parsePlistDict, readPlist, textIn, timeIn } from '../property-list.ts'

type UpdatesFact = FactTypes['updates']
type PendingUpdate = UpdatesFact['pending'][number]

const REPORT = '/Library/Managed Installs/ManagedInstallReport.plist'
const MOST = 1500
/** A report that ends later than this after now was written by a clock that was wrong, ms. */
const TOLERANCE_MS = 10 * 60_000

/** Software that Munki manages, by the report of its last run; see "Managed Install Report" in Munki's wiki. */
export default defineProbe({
  subject: 'updates',
  source: 'munki',
  platforms: ['darwin'],
  every: '1h',
  timeout: '20s',
  watch: [REPORT],
  blind: 'Which updates are for security, and since when they wait. What the server offers that no manifest of this Mac names.',
  inputs: { report: { from: REPORT, recognise: text => isPlistWith(text, 'ManagedInstallVersion') } },
  parse: parseMunki,

  async read(host: Host) {
    const report = await readPlist(host, REPORT).catch(error => {
      if (error instanceof HostError) throw new Denied("Munki's report may not be read", 'Run the agent as root.')
      throw error
    })
    if (!report) throw new Absent('Munki is not there, or has never run')
    return parseMunki({ report: [report] }, { now: host.now(), hostname: host.hostname, options: undefined })
  },
})

/** @throws Error where it is no report of Munki, or its lists cannot be read */
export function parseMunki(inputs: Inputs, { now }: ParseContext): UpdatesFact {
  const report = parsePlistDict(needed(inputs, 'report').text)
  if (textIn(report.ManagedInstallVersion) === null) throw new Error('Cannot read a report that does not name its version of Munki')
  const results = listOf(report, 'InstallResults')
  const done = new Set(results.filter(result => numberIn(result.status) === 0).map(keyOf))
  const waiting = waitingIn(report).filter(item => !done.has(keyOf(item)))
  const pending = [...new Map(waiting.map(item => [keyOf(item), pendingOf(item)])).values()]
  const ended = timeIn(report.EndTime)
  return {
    pending: pending.slice(0, MOST),
    more: Math.max(0, pending.length - MOST),
    classified: false,
    lastCheckAt: ended !== null && ended <= now + TOLERANCE_MS ? ended : null,
    lastCheckError: errorOf(report),
    ...lastInstall(results),
    automatic: { enabled: null, detail: null, lastRunAt: null },
    broken: null,
    badSources: [],
    managedBy: 'Munki',
  }
}

/**
 * What is not as the manifest wants it: managed installs that are not installed, and what the run was about to install, Apple's updates among it.
 * Without the first list nothing is known. @throws where it is missing
 */
function waitingIn(report: Dict): Dict[] {
  if (!Array.isArray(report.ManagedInstalls)) throw new Error('Cannot tell what waits: the report has no ManagedInstalls')
  const managed = listOf(report, 'ManagedInstalls').filter(item => {
    const installed = flagIn(item.installed)
    if (installed === null) throw new Error(`Cannot tell whether ${cut(textIn(item.name) ?? 'an item', 100)} is installed`)
    return !installed
  })
  return [...managed, ...listOf(report, 'ItemsToInstall'), ...listOf(report, 'AppleUpdates'), ...listOf(report, 'ProblemInstalls')]
}

/** A list of dictionaries; older versions write names alone. @throws where it holds anything else */
function listOf(report: Dict, key: string): Dict[] {
  const value = report[key]
  if (value === undefined) return []
  if (!Array.isArray(value)) throw new Error(`Cannot read ${key} of Munki's report: it is no list`)
  const items: readonly unknown[] = value
  return items.map(item => {
    const found = typeof item === 'string' ? { name: item } : dictOf(item)
    if (!found) throw new Error(`Cannot read an entry of ${key} in Munki's report`)
    return found
  })
}

const nameOf = (item: Dict): string | null => textIn(item.name) ?? textIn(item.display_name)
const versionOf = (item: Dict): string | null => textIn(item.version_to_install) ?? textIn(item.version)

function keyOf(item: Dict): string {
  return `${nameOf(item)} ${versionOf(item) ?? ''}`
}

function pendingOf(item: Dict): PendingUpdate {
  const name = nameOf(item)
  if (name === null) throw new Error("Cannot read an item of Munki's report that has no name")
  const [installed, candidate] = [textIn(item.installed_version), versionOf(item)]
  const action = textIn(item.RestartAction)
  return {
    name: cut(name, 200),
    installed: installed === null ? null : cut(installed, 128),
    candidate: candidate === null ? null : cut(candidate, 128),
    class: 'other',
    severity: null,
    published: null,
    origin: 'Munki',
    withheld: null,
    restart: action === null ? null : /restart|shutdown/i.test(action),
  }
}

/** Errors of the run, and items that it could not install. */
function errorOf(report: Dict): string | null {
  const value = report.Errors
  const errors: readonly unknown[] = Array.isArray(value) ? value : []
  const problems = dictsOf(report.ProblemInstalls).map(
    item => `${nameOf(item) ?? 'an item'}: ${textIn(item.note) ?? 'cannot be installed'}`,
  )
  const said = [...errors.map(error => textIn(error) ?? 'an error without words'), ...problems]
  const [first] = said
  return first === undefined ? null : cut(said.length > 1 ? `${cut(first, 400)} (and ${said.length - 1} more)` : first, 500)
}

function lastInstall(results: readonly Dict[]): Pick<UpdatesFact, 'lastInstallAt' | 'lastInstallSucceeded'> {
  const known = results.filter(result => numberIn(result.status) !== null)
  const good = known.filter(result => numberIn(result.status) === 0)
  const at = good.flatMap(result => timeIn(result.time) ?? []).reduce((latest, time) => Math.max(latest, time), 0)
  return { lastInstallAt: at > 0 ? at : null, lastInstallSucceeded: known.length === 0 ? null : good.length === known.length }
}
