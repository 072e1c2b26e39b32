import type { FactTypes } from '@fettle/catalog'
import type { Captured } from '../../probe.ts'
import { cut } from '../gather.ts'
import { type LogEvent, logQuery, recordsOf } from '../windows/events.ts'

type Updates = FactTypes['updates']

export type Failing = NonNullable<Updates['failing']>[number]

/** What the log tells of deliveries; `checkFailed` is the newest search that failed with none that went well after it. */
export type Deliveries = {
  readonly failing: Failing[]
  readonly checkFailed: { readonly at: number; readonly code: string } | null
  readonly lastInstallAt: number | null
  readonly lastInstallSucceeded: boolean | null
}

const MONTH_MS = 30 * 86_400_000
const MOST = 64
const PROVIDER = 'Microsoft-Windows-WindowsUpdateClient'
/** 19 installed, 20 not installed (System); 25 not searched, 26 searched, 31 not downloaded (Operational); see the provider's manifest. */
const [INSTALLED, NOT_INSTALLED, NOT_SEARCHED, SEARCHED, NOT_DOWNLOADED] = [19, 20, 25, 26, 31]
/** The Store brings applications of its own by the same way. */
const STORE = /855e8a7c-ecb4-4ca3-b045-1dfa50104289/i
/** Signatures and platform of Defender: installed every few hours. */
const DEFINITION = /KB(2267602|4052623|5007651)\b/i

const asked = (log: string, ...ids: readonly number[]) =>
  logQuery(
    log,
    `*[System[Provider[@Name='${PROVIDER}'] and (${ids.map(id => `EventID=${id}`).join(' or ')}) and TimeCreated[timediff(@SystemTime) <= ${MONTH_MS}]]]`,
  )

/** What became of searches, downloads and installations in the last 30 days. */
export const DELIVERY_LOGS: readonly (readonly string[])[] = [
  asked('System', INSTALLED, NOT_INSTALLED),
  asked(`${PROVIDER}/Operational`, NOT_SEARCHED, SEARCHED, NOT_DOWNLOADED),
]

/** Oldest record first. @throws Denied, Error where one of the logs cannot be read */
export function deliveriesOf(captures: readonly Captured[]): Deliveries {
  const records = captures
    .flatMap(recordsOf)
    .filter(record => record.provider === PROVIDER && record.at !== null && !STORE.test(dataOf(record, 'serviceGuid') ?? ''))
    .sort((a, b) => (a.at ?? 0) - (b.at ?? 0))
  const failing = new Map<string, Failing>()
  let deliveries: Omit<Deliveries, 'failing'> = { checkFailed: null, lastInstallAt: null, lastInstallSucceeded: null }
  for (const record of records) {
    deliveries = { ...deliveries, ...changeBy(record) }
    const key = dataOf(record, 'updateGuid') ?? dataOf(record, 'updateTitle') ?? ''
    if (record.id === INSTALLED) failing.delete(key)
    if (record.id === NOT_INSTALLED || record.id === NOT_DOWNLOADED) failing.set(key, failedAgain(failing.get(key), record))
  }
  const newest = [...failing.values()].sort((a, b) => (b.lastAt ?? 0) - (a.lastAt ?? 0))
  return { ...deliveries, failing: newest.slice(0, MOST) }
}

function changeBy(record: LogEvent): Partial<Deliveries> {
  const { id, at } = record
  if (at === null) return {}
  if (id === SEARCHED) return { checkFailed: null }
  if (id === NOT_SEARCHED) return { checkFailed: { at, code: codeOf(record) ?? 'an error that is not told' } }
  if (DEFINITION.test(dataOf(record, 'updateTitle') ?? '')) return {}
  if (id === INSTALLED) return { lastInstallAt: at, lastInstallSucceeded: true }
  return id === NOT_INSTALLED ? { lastInstallSucceeded: false } : {}
}

function failedAgain(before: Failing | undefined, record: LogEvent): Failing {
  const title = dataOf(record, 'updateTitle') ?? ''
  return {
    name: /\bKB\d{6,8}\b/i.exec(title)?.[0].toUpperCase() ?? (cut(title, 200) || 'an update that is not named'),
    step: record.id === NOT_DOWNLOADED ? 'download' : 'install',
    code: codeOf(record),
    count: (before?.count ?? 0) + 1,
    firstAt: before?.firstAt ?? record.at,
    lastAt: record.at,
  }
}

function dataOf({ data }: LogEvent, name: string): string | undefined {
  return data.find(([own, value]) => own === name && value !== '')?.[1]
}

/** An HRESULT as `0x80248007`. */
function codeOf(record: LogEvent): string | null {
  const said = dataOf(record, 'errorCode') ?? ''
  if (/^0x[0-9a-f]{1,8}$/i.test(said)) return `0x${said.slice(2).toLowerCase().padStart(8, '0')}`
  return /^-?\d{1,10}$/.test(said) ? `0x${(Number(said) >>> 0).toString(16).padStart(8, '0')}` : null
}
