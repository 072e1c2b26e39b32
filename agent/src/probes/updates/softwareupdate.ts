import type { FactTypes } from '@fettle/catalog'
import * as v from 'valibot'
import type { Host } from '../../host.ts'
import { Absent, defineProbe, type Inputs, type ParseContext, sole } from '../../probe.ts'
import { present } from '../gather.ts'
import { type Dict, dictsOf, isPlistWith, parsePlist, parsePlistDict, readPlistIfMay, textIn, timeIn } from '../property-list.ts'
import { isListing, listed, recommended, scanned } from './softwareupdate-list.ts'
import { automatic, DECLARED, DECLARED_KEY, MANAGED, management, RESTRICTIONS } from './softwareupdate-managed.ts'

type UpdatesFact = FactTypes['updates']
type Options = { readonly scan: boolean }

const SETTINGS = '/Library/Preferences/com.apple.SoftwareUpdate.plist'
const HISTORY = '/Library/Receipts/InstallHistory.plist'
const VERSION = '/System/Library/CoreServices/SystemVersion.plist'

/** Updates that Apple offers this Mac; see softwareupdate(8) and Apple's device management reference, "Restrictions" and "SoftwareUpdate". */
export default defineProbe<'updates', Options>({
  subject: 'updates',
  source: 'softwareupdate',
  platforms: ['darwin'],
  every: '6h',
  timeout: '300s',
  heavy: true,
  setting: {
    schema: v.strictObject({ scan: v.optional(v.boolean(), false) }),
    default: {},
    doc: "scan: ask Apple's servers at every look; else the result of the system's own last scan is read, and nothing uses the network.",
    example: { scan: true },
  },
  watch: [SETTINGS, HISTORY, DECLARED],
  privilege: 'root: /Library/Managed Preferences and /var/db/softwareupdate',
  network: 'Only where `updates.softwareupdate.scan` is true: then the servers of Apple are asked. Default: the last scan of the system.',
  blind:
    'Severities, and when an update was published. A delay that device management sets hides updates entirely: the delay is told, not what it hides. Applications.',
  inputs: {
    list: { from: 'softwareupdate --list --no-scan', recognise: isListing },
    managed: {
      from: MANAGED.join(', '),
      recognise: text => RESTRICTIONS.some(key => isPlistWith(text, key)),
    },
    declared: { from: DECLARED, recognise: text => isPlistWith(text, DECLARED_KEY) },
    version: { from: VERSION, recognise: text => isPlistWith(text, 'ProductVersion', 'ProductBuildVersion') },
    history: { from: HISTORY, recognise: text => isPlistWith(text, 'displayName', 'processName') },
    settings: { from: SETTINGS, recognise: text => /<plist[\s>]/.test(text) },
  },
  parse: parseSoftwareUpdate,

  async read(host: Host, { scan }: Options) {
    const version = await readPlistIfMay(host, VERSION)
    if (!version) throw new Absent('this is no macOS')
    const list = await host.run(['softwareupdate', '--list', ...(scan ? [] : ['--no-scan'])], { timeoutMs: 240_000 })
    return parseSoftwareUpdate(
      {
        list: [list],
        version: [version],
        settings: present(await readPlistIfMay(host, SETTINGS)),
        history: present(await readPlistIfMay(host, HISTORY)),
        managed: present(...(await Promise.all(MANAGED.map(path => readPlistIfMay(host, path))))),
        declared: present(await readPlistIfMay(host, DECLARED)),
      },
      { now: host.now(), hostname: host.hostname, options: { scan } },
    )
  },
})

/**
 * What waits is what the list says; the cached `RecommendedUpdates` only speak where there is no list, since they may name what is installed.
 * @throws Failed where looking for updates ended in an error, Error where nothing tells what waits
 */
export function parseSoftwareUpdate(inputs: Inputs, context: ParseContext<unknown>): UpdatesFact {
  const version = sole(inputs, 'version')
  const running = version ? textIn(parsePlistDict(version.text).ProductVersion) : null
  const settings = dictOfInput(inputs, 'settings')
  const list = sole(inputs, 'list')
  if (!list && !settings) throw new Error('Cannot tell which updates wait without what `softwareupdate --list` prints')
  const cached = settings && !list ? recommended(settings, running) : null
  if (!list && cached === null) throw new Error(`Cannot tell which updates wait: ${SETTINGS} has no RecommendedUpdates`)
  const pending = list ? listed(list.text, list.stderr, running) : (cached ?? [])
  const managed = (inputs.managed ?? []).map(({ text }) => parsePlistDict(text))
  const declared = dictOfInput(inputs, 'declared')
  return {
    pending,
    more: 0,
    classified: running !== null || pending.every(update => update.class !== 'other'),
    lastCheckAt: checkedAt(settings, list && scanned(list.text) ? context.now : null),
    lastCheckError: null,
    ...lastInstall(sole(inputs, 'history')?.text),
    automatic: automatic(settings, managed, declared),
    broken: null,
    badSources: [],
    ...management(managed, declared),
  }
}

function dictOfInput(inputs: Inputs, name: string): Dict | undefined {
  const captured = sole(inputs, name)
  return captured ? parsePlistDict(captured.text) : undefined
}

/** `LastUpdatesAvailable` and its like are no longer kept since macOS 15.4; the dates are. */
function checkedAt(settings: Dict | undefined, now: number | null): number | null {
  const times = ['LastFullSuccessfulDate', 'LastSuccessfulDate', 'LastBackgroundSuccessfulDate'].flatMap(
    key => timeIn(settings?.[key]) ?? [],
  )
  const latest = Math.max(now ?? 0, ...times)
  return latest > 0 ? latest : null
}

/** The history only holds what went well; data of XProtect and its like comes daily and is no update of the system. */
function lastInstall(text: string | undefined): Pick<UpdatesFact, 'lastInstallAt' | 'lastInstallSucceeded'> {
  const entries = text === undefined ? [] : dictsOf(parsePlist(text))
  const times = entries
    .filter(entry => /^(macOS|OS X|Safari|Security Update|Rapid Security Response)\b/.test(textIn(entry.displayName) ?? ''))
    .flatMap(entry => timeIn(entry.date) ?? [])
  const at = times.reduce((latest, time) => Math.max(latest, time), 0)
  return { lastInstallAt: at > 0 ? at : null, lastInstallSucceeded: at > 0 ? true : null }
}
