import type { FactTypes } from '@fettle/catalog'
import * as v from 'valibot'
import type { Host } from '../../host.ts'
import { Absent, defineProbe, type Inputs, type ParseContext, sole } from '../../probe.ts'
import { cut, present } from '../gather.ts'
import {
  type Dict,
  dictsOf,
  flagIn,
  isPlistWith,
  numberIn,
  parsePlist,
  parsePlistDict,
  readPlistIfMay,
  textIn,
  timeIn,
} from '../property-list.ts'
import { isListing, listed, recommended, scanned } from './softwareupdate-list.ts'

type UpdatesFact = FactTypes['updates']
type Options = { readonly scan: boolean }

const SETTINGS = '/Library/Preferences/com.apple.SoftwareUpdate.plist'
const MANAGED = '/Library/Managed Preferences'
const HISTORY = '/Library/Receipts/InstallHistory.plist'
const VERSION = '/System/Library/CoreServices/SystemVersion.plist'
const RESTRICTIONS = ['enforcedSoftwareUpdateDelay', 'forceDelayedSoftwareUpdates', 'forceDelayedMajorSoftwareUpdates'] as const

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
  watch: [SETTINGS, HISTORY],
  privilege: 'root: /Library/Managed Preferences',
  network: 'Only where `updates.softwareupdate.scan` is true: then the servers of Apple are asked. Default: the last scan of the system.',
  blind:
    'Severities, and when an update was published. A delay that device management sets hides updates entirely: `managedBy` names it. Applications.',
  inputs: {
    list: { from: 'softwareupdate --list --no-scan', recognise: isListing },
    managed: {
      from: `${MANAGED}/com.apple.SoftwareUpdate.plist, ${MANAGED}/com.apple.applicationaccess.plist`,
      recognise: text => RESTRICTIONS.some(key => isPlistWith(text, key)),
    },
    version: { from: VERSION, recognise: text => isPlistWith(text, 'ProductVersion', 'ProductBuildVersion') },
    history: { from: HISTORY, recognise: text => isPlistWith(text, 'displayName', 'processName') },
    settings: { from: SETTINGS, recognise: text => /<plist[\s>]/.test(text) },
  },
  parse: parseSoftwareUpdate,

  async read(host: Host, { scan }: Options) {
    const version = await readPlistIfMay(host, VERSION)
    if (!version) throw new Absent('this is no macOS')
    const list = await host.run(['softwareupdate', '--list', ...(scan ? [] : ['--no-scan'])], { timeoutMs: 240_000 })
    const managed = [`${MANAGED}/com.apple.SoftwareUpdate.plist`, `${MANAGED}/com.apple.applicationaccess.plist`]
    return parseSoftwareUpdate(
      {
        list: [list],
        version: [version],
        settings: present(await readPlistIfMay(host, SETTINGS)),
        history: present(await readPlistIfMay(host, HISTORY)),
        managed: present(...(await Promise.all(managed.map(path => readPlistIfMay(host, path))))),
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
  return {
    pending,
    more: 0,
    classified: running !== null || pending.every(update => update.class !== 'other'),
    lastCheckAt: checkedAt(settings, list && scanned(list.text) ? context.now : null),
    lastCheckError: null,
    ...lastInstall(sole(inputs, 'history')?.text),
    automatic: automatic(settings, managed),
    broken: null,
    badSources: [],
    managedBy: delay(managed),
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

/** A missing key is the default of the release, which differs: then nothing is told. What device management sets wins. */
function automatic(settings: Dict | undefined, managed: readonly Dict[]): UpdatesFact['automatic'] {
  const flag = (key: string) => managed.map(dict => flagIn(dict[key])).find(value => value !== null) ?? flagIn(settings?.[key])
  const keys = [
    'AutomaticCheckEnabled',
    'AutomaticDownload',
    'AutomaticallyInstallMacOSUpdates',
    'CriticalUpdateInstall',
    'ConfigDataInstall',
  ]
  const told = keys.flatMap(key => (flag(key) === null ? [] : [`${key} ${flag(key) ? 'on' : 'off'}`]))
  const needed = keys.slice(0, 3).map(flag)
  return {
    enabled: needed.some(value => value === false) ? false : needed[2] ? true : null,
    detail: told.length > 0 ? told.join(', ') : null,
    lastRunAt: null,
  }
}

/** Days for which device management hides updates after they were published. */
function delay(managed: readonly Dict[]): string | null {
  for (const dict of managed) {
    const forced = Object.keys(dict).filter(key => /^forceDelayed\w{0,16}SoftwareUpdates$/.test(key) && flagIn(dict[key]) === true)
    if (forced.length === 0) continue
    const days = Object.keys(dict).flatMap(key => (/^enforcedSoftwareUpdate\w{0,32}Delay$/.test(key) ? (numberIn(dict[key]) ?? []) : []))
    const long = days.length > 0 ? `${Math.max(...days)} days` : '30 days, unless told otherwise'
    return cut(`device management hides updates for ${long} (${forced.join(', ')})`, 253)
  }
  const server = managed.map(dict => textIn(dict.CatalogURL)).find(url => url !== null)
  return server ? cut(server.replace(/\/\/[^/@]{1,200}@/, '//'), 253) : null
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
