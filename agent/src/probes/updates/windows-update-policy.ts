import type { FactTypes } from '@fettle/catalog'
import { cut } from '../gather.ts'
import { whole } from '../windows/properties.ts'
import { type Registry, registryValue } from '../windows/registry.ts'
import { windowsTime } from '../windows/time.ts'

type Updates = FactTypes['updates']

const POLICY = '\\policies\\microsoft\\windows\\windowsupdate'
const AU = `${POLICY}\\au`
const UX = '\\windowsupdate\\ux\\settings'

/** Start type of the service `wuauserv`, and whether this is a client: those install by themselves unless they are told otherwise. Null where that is not known. */
type Machine = { readonly start: string | undefined; readonly installsUntold: boolean | null }

/** Who decides what is installed and when; see "Configure Windows Update for Business" and the policy AUOptions. */
export function policyOf(registry: Registry, { start, installsUntold }: Machine, now: number): Pick<Updates, 'automatic' | 'managedBy'> {
  const number = (key: string, name: string) => whole(registryValue(registry, key, name))
  const wsus = number(AU, 'UseWUServer') === 1 ? registryValue(registry, POLICY, 'WUServer') : undefined
  const pausedUntil = windowsTime(registryValue(registry, UX, 'PauseUpdatesExpiryTime'))
  const paused = pausedUntil !== null && pausedUntil > now
  const stopped = /^disabled$/i.test(start ?? '')
  const option = number(AU, 'AUOptions')
  const off = number(AU, 'NoAutoUpdate') === 1 || option === 1
  const enabled =
    stopped || off || paused
      ? false
      : option === 2 || option === 3
        ? false
        : option === 4 || (option === null && installsUntold === true)
          ? true
          : null
  const days = number(POLICY, 'DeferQualityUpdatesPeriodInDays')
  const words = [
    stopped ? 'the service wuauserv is disabled' : null,
    off ? 'automatic updates are switched off by policy' : null,
    paused ? `paused until ${new Date(pausedUntil).toISOString().slice(0, 10)}` : null,
    option === 2 ? 'asks before downloading' : option === 3 ? 'asks before installing' : null,
    days !== null && days > 0 ? `quality updates deferred by ${days} days` : null,
    registryValue(registry, POLICY, 'TargetReleaseVersionInfo')
      ? `held at ${cut(registryValue(registry, POLICY, 'TargetReleaseVersionInfo') ?? '', 20)}`
      : null,
  ].filter(word => word !== null)
  return {
    automatic: { enabled, detail: words.length === 0 ? null : cut(words.join('; '), 400), lastRunAt: null },
    managedBy: wsus ? hostOfUrl(wsus) : days !== null && days > 0 ? `deferral policy (${days} days)` : null,
  }
}

function hostOfUrl(text: string): string {
  return cut(/^https?:\/\/([^/:@\s]{1,253})/i.exec(text)?.[1] ?? text.replace(/\/\/[^@/]*@/, '//'), 253)
}
