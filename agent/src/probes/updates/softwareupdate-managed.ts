import type { FactTypes } from '@fettle/catalog'
import { cut } from '../gather.ts'
import { type Dict, dictOf, flagIn, numberIn, textIn } from '../property-list.ts'

type UpdatesFact = FactTypes['updates']

/** Property lists of configuration profiles that speak of updates. */
export const MANAGED = [
  '/Library/Managed Preferences/com.apple.SoftwareUpdate.plist',
  '/Library/Managed Preferences/com.apple.applicationaccess.plist',
] as const

/** Where macOS 14 and later keep what declarative management asks for; since macOS 27 profiles are heard no more. The layout is Apple's own. */
export const DECLARED = '/var/db/softwareupdate/SoftwareUpdateDDMStatePersistence.plist'

/** Top key of that list. */
export const DECLARED_KEY = 'SUCorePersistedStatePolicyFields'

/** Keys by which a profile is known; see Apple's device management reference, "Restrictions". */
export const RESTRICTIONS = ['enforcedSoftwareUpdateDelay', 'forceDelayedSoftwareUpdates', 'forceDelayedMajorSoftwareUpdates'] as const

/** Without a number Apple delays by so much, and never by more than that, days. */
const DEFAULT_DELAY = 30
const LONGEST_DELAY = 90

/** What a profile restricts: the switch, the key of its days, and what it hides. Only the first holds updates back that mend security. */
const PROFILE_DELAYS = [
  ['forceDelayedSoftwareUpdates', 'enforcedSoftwareUpdateMinorOSDeferredInstallDelay', 'updates'],
  ['forceDelayedMajorSoftwareUpdates', 'enforcedSoftwareUpdateMajorOSDeferredInstallDelay', 'upgrades'],
  ['forceDelayedAppSoftwareUpdates', 'enforcedSoftwareUpdateNonOSDeferredInstallDelay', 'other software'],
] as const
/** The same as declared: "Deferrals" of the configuration softwareupdate.settings. */
const DECLARED_DELAYS = [
  ['minorOSDeferralPeriod', 'updates'],
  ['combinedUpdatesDeferralPeriod', 'updates'],
  ['majorOSDeferralPeriod', 'upgrades'],
  ['systemUpdatesDeferralPeriod', 'other software'],
] as const

/** What device management decides, from every property list that was given. */
export type Management = Pick<UpdatesFact, 'managedBy' | 'deferralDays'>

type Delay = { readonly days: number; readonly what: 'updates' | 'upgrades' | 'other software' }

/** Settings of declarative management; undefined where there are none. */
export function declaredSettings(declared: Dict | undefined): Dict | undefined {
  return dictOf(dictOf(declared?.[DECLARED_KEY])?.SUCoreDDMDeclarationGlobalSettings)
}

/** Days for which updates are hidden after they were published, and by whom. */
export function management(managed: readonly Dict[], declared: Dict | undefined): Management {
  const settings = declaredSettings(declared)
  const delays = [...managed.flatMap(profileDelays), ...(settings ? declaredDelays(settings) : [])]
  const said = [...new Set(delays.map(({ days, what }) => `${what} for ${days} days`))]
  const server = managed.map(dict => textIn(dict.CatalogURL)).find(url => url !== null)
  const words = [
    ...(said.length > 0 ? [`device management hides ${said.join(', ')}`] : []),
    ...enforced(declared),
    ...(server ? [server.replace(/\/\/[^/@]{1,200}@/, '//')] : []),
  ]
  const security = Math.max(0, ...delays.filter(({ what }) => what === 'updates').map(({ days }) => days))
  return { managedBy: words.length > 0 ? cut(words.join('; '), 253) : null, ...(security > 0 ? { deferralDays: security } : {}) }
}

function profileDelays(dict: Dict): Delay[] {
  return PROFILE_DELAYS.flatMap(([force, own, what]) => {
    if (flagIn(dict[force]) !== true) return []
    const days = numberIn(dict[own]) ?? numberIn(dict.enforcedSoftwareUpdateDelay) ?? DEFAULT_DELAY
    return [{ days: bounded(days), what }]
  })
}

function declaredDelays(settings: Dict): Delay[] {
  return DECLARED_DELAYS.flatMap(([key, what]) => {
    const days = numberIn(settings[key])
    return days === null || days <= 0 ? [] : [{ days: bounded(days), what }]
  })
}

const bounded = (days: number): number => Math.min(LONGEST_DELAY, Math.max(1, Math.round(days)))

/** A release that a declaration wants installed by a time of the Mac's own clock. */
function enforced(declared: Dict | undefined): string[] {
  const declarations = dictOf(dictOf(declared?.[DECLARED_KEY])?.Declarations)
  return Object.values(declarations ?? {})
    .slice(0, 64)
    .flatMap(value => {
      const declaration = dictOf(value)
      const release = textIn(declaration?.TargetOSVersion)
      const by = /^(\d{4}-\d\d-\d\d)T/.exec(textIn(declaration?.TargetLocalDateTime) ?? '')?.[1]
      return release === null ? [] : [`macOS ${cut(release, 20)} is to be installed${by === undefined ? '' : ` by ${by}`}`]
    })
    .slice(0, 2)
}

/** What is installed without asking: declarations win over profiles, those over the user. A missing key is the default of the release, which differs. */
export function automatic(settings: Dict | undefined, managed: readonly Dict[], declared: Dict | undefined): UpdatesFact['automatic'] {
  const wanted = declaredSettings(declared)
  const flag = (key: string, own: string | null) =>
    (own === null ? null : flagIn(wanted?.[own])) ??
    managed.map(dict => flagIn(dict[key])).find(value => value !== null) ??
    flagIn(settings?.[key])
  const keys = [
    ['AutomaticCheckEnabled', 'automaticallyCheck'],
    ['AutomaticDownload', 'automaticallyDownload'],
    ['AutomaticallyInstallMacOSUpdates', 'automaticallyInstallOSUpdates'],
    ['CriticalUpdateInstall', 'automaticallyInstallSystemAndSecurityUpdates'],
    ['ConfigDataInstall', null],
  ] as const
  const values = keys.map(([key, own]) => ({ key, value: flag(key, own) }))
  const told = values.flatMap(({ key, value }) => (value === null ? [] : [`${key} ${value ? 'on' : 'off'}`]))
  const response = flagIn(wanted?.enableRapidSecurityResponse)
  const [check, download, install] = values.map(({ value }) => value)
  return {
    enabled: check === false || download === false || install === false ? false : install ? true : null,
    detail: [...told, ...(response === false ? ['Background Security Improvements off'] : [])].join(', ') || null,
    lastRunAt: null,
  }
}
