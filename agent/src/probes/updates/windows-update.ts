import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { type Captured, defineProbe, type Inputs, type ParseContext, sole } from '../../probe.ts'
import { cut } from '../gather.ts'
import { type Answer, answerOf, isAnswer, partIfThere, partOf } from '../windows/answer.ts'
import { besides, isEventXml } from '../windows/events.ts'
import { type Properties, truth, whole } from '../windows/properties.ts'
import { isRegistry, queryKey, type Registry, registryOf } from '../windows/registry.ts'
import { windowsTime } from '../windows/time.ts'
import { DELIVERY_LOGS, type Deliveries, deliveriesOf } from './windows-update-events.ts'
import { listedUpdates, titled } from './windows-update-listed.ts'
import { policyOf } from './windows-update-policy.ts'

type PendingUpdate = FactTypes['updates']['pending'][number]

type Updates = FactTypes['updates']

const SCRIPT = 'updates/windows-update'
const MOST = 1500
const POLICIES = [
  ['HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows\\WindowsUpdate', '/s'],
  ['HKLM\\SOFTWARE\\Microsoft\\WindowsUpdate\\UX\\Settings'],
] as const
/** CategoryIDs of Microsoft's catalogue; titles and names of categories are translated. First match counts. */
const CLASSES: readonly (readonly [string, PendingUpdate['class']])[] = [
  ['e0789628-ce08-4437-be74-2495b842f43b', 'definition'],
  ['ebfc1fc5-71a4-4f7b-9aca-3b9a503104a0', 'driver'],
  ['0fa1201d-4330-4fa8-8ae9-b877473b6441', 'security'],
  ['3689bdc8-b205-4af4-8d4a-a63924c5e9d5', 'feature'],
  ['b54e7d24-7add-428f-8b75-90a396fa584f', 'feature'],
  ['68c5b0a3-d1a6-4553-ae49-01d3a7827828', 'feature'],
  ['e6cf1350-c01b-414d-a61f-263d14d133b4', 'quality'],
  ['28bc880e-0592-4cbf-8f95-c79b17911d5f', 'quality'],
  ['cd5ffd1e-e932-4e3a-bf74-18bf0b1bbd83', 'quality'],
]
/** OperationResultCode: 2 succeeded, 3 with errors, 4 failed, 5 aborted. */
const RESULTS: Readonly<Record<string, string>> = {
  '0': 'not started',
  '1': 'still running',
  '3': 'succeeded with errors',
  '4': 'failed',
  '5': 'was aborted',
}

/**
 * Pending updates as the Windows Update agent's last search found them; see IUpdateSearcher (Online = false: no network), IAutomaticUpdates,
 * QueryHistory. Any HRESULT is a failure and never "nothing pending".
 */
export default defineProbe({
  subject: 'updates',
  source: 'windows-update',
  platforms: ['win32'],
  every: '6h',
  timeout: '4m',
  heavy: true,
  blind:
    'What was published since the last search of the machine. Behind a WSUS server: what that server does not approve. Updates of applications and of the Store.',
  inputs: {
    answer: { from: `powershell ${SCRIPT}`, recognise: text => isAnswer(text, 'resultCode') },
    policy: { from: 'reg.exe query HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows\\WindowsUpdate /s', recognise: isRegistry },
    events: { from: DELIVERY_LOGS.map(argv => argv.join(' ')).join('; '), recognise: isEventXml },
    listed: {
      from: 'a list of titles or KB numbers out of IUpdateSearcher::Search',
      recognise: text => /^\ufeff?\s*(KB\d{6,8}: |\d{6,8}\s*$|<<<windows_updates>>>)/m.test(text.slice(0, 2000)) && !/^\s*[[{]/.test(text),
    },
  },
  parse: parseWindowsUpdate,

  async read(host: Host) {
    const policy: Captured[] = []
    for (const [key, ...flags] of POLICIES) policy.push(await queryKey(host, key, ...flags))
    // A search takes minutes on some machines: in a process of its own nobody waits for it.
    const [answer, ...events] = await Promise.all([
      host.powershell(SCRIPT, { alone: true }),
      ...DELIVERY_LOGS.map(argv => besides(host, argv)),
    ])
    const inputs = { answer: [answer], policy, events }
    return parseWindowsUpdate(inputs, { now: host.now(), hostname: host.hostname, options: undefined })
  },
})

/** @throws Denied, Error where the search failed or is not whole */
export function parseWindowsUpdate(inputs: Inputs, { now }: ParseContext): Updates {
  const registry = registryOf(inputs.policy ?? [])
  const listed = sole(inputs, 'listed')
  const captured = sole(inputs, 'answer')
  // A policy that nobody asked for may say anything.
  if (captured) return withDeliveries(fromAnswer(answerOf(captured), registry, { now, policyAsked: inputs.policy !== undefined }), inputs)
  if (inputs.events && !listed) return eventsAlone(inputs.events, registry, now)
  const found = listed ? listedUpdates(listed.text) : undefined
  if (!found) throw new Error('Cannot tell what is pending: wanted the result of a search of the Windows Update agent')
  return withDeliveries(factOf(found.pending, { more: found.more, classified: false, now, registry }), inputs)
}

/** What the log says besides: a search that failed after the last good one, and installations where the agent keeps no history of them. */
function withDeliveries(fact: Updates, { events }: Inputs): Updates {
  if (!events) return fact
  let found: Deliveries
  try {
    found = deliveriesOf(events)
  } catch {
    return { ...fact, failing: null }
  }
  const { checkFailed } = found
  const failed = checkFailed !== null && checkFailed.at > (fact.lastCheckAt ?? 0)
  return {
    ...fact,
    failing: found.failing,
    lastCheckError: failed ? `the search ended with ${checkFailed.code}` : fact.lastCheckError,
    lastInstallAt: fact.lastInstallAt ?? found.lastInstallAt,
    lastInstallSucceeded: fact.lastInstallSucceeded ?? found.lastInstallSucceeded,
  }
}

/** The log alone: what waits is not known, and without a time of the last search an empty list says so. @throws where it tells of no delivery */
function eventsAlone(events: readonly Captured[], registry: Registry, now: number): Updates {
  const { failing, checkFailed, lastInstallAt, lastInstallSucceeded } = deliveriesOf(events)
  if (failing.length === 0 && !checkFailed && lastInstallSucceeded === null)
    throw new Error('Cannot tell anything of the updates: these records tell of no installation, download or search that ended')
  return withDeliveries({ ...factOf([], { more: 0, classified: false, now, registry }), lastInstallAt, lastInstallSucceeded }, { events })
}

type Besides = {
  readonly more: number
  readonly classified: boolean
  readonly now: number
  readonly registry: Registry
  readonly start?: string | undefined
  readonly type?: string | undefined
}

function factOf(pending: readonly PendingUpdate[], { more, classified, now, registry, start, type }: Besides): Updates {
  return {
    pending: pending.slice(0, MOST),
    more: more + Math.max(0, pending.length - MOST),
    classified,
    lastCheckAt: null,
    lastCheckError: null,
    lastInstallAt: null,
    lastInstallSucceeded: null,
    ...policyOf(registry, { start, installsUntold: type === undefined ? null : type === '1' }, now),
    broken: null,
    badSources: [],
  }
}

type Asked = { readonly now: number; readonly policyAsked: boolean }

function fromAnswer(answer: Answer, registry: Registry, { now, policyAsked }: Asked): Updates {
  const code = String(answer.resultCode ?? '')
  if (code !== '2')
    throw new Error(`The search for updates ${RESULTS[code] ?? `ended with ${cut(code, 20) || 'nothing'}`}: what is pending is not known`)
  const updates = partOf(answer, 'updates')
  if (!updates) throw new Error('Cannot read what the search found: the list is missing')
  const [service] = partIfThere(answer, 'service') ?? []
  const [results] = partIfThere(answer, 'results') ?? []
  const [os] = partIfThere(answer, 'os') ?? []
  const pending = updates.map(updateOf).sort((a, b) => Number(b.class === 'security') - Number(a.class === 'security'))
  const fact = factOf(pending, {
    more: 0,
    classified: true,
    now,
    registry,
    start: service?.get('start'),
    type: policyAsked ? os?.get('type') : undefined,
  })
  return { ...fact, lastCheckAt: windowsTime(results?.get('search')), ...installed(partIfThere(answer, 'history') ?? [], results) }
}

function updateOf(object: Properties): PendingUpdate {
  const title = object.get('title') ?? object.get('id') ?? ''
  if (title === '') throw new Error('Cannot read an update of the list: it has neither title nor id')
  const kind = classOf(object)
  const optional = truth(object.get('browseonly')) === true && kind !== 'security'
  const articles = (object.get('kb') ?? '').split(',').filter(kb => /^\d{5,8}$/.test(kb))
  const severity = (object.get('severity') ?? '').toLowerCase()
  const restart = object.get('reboot')
  return {
    ...titled(title, null),
    ...(articles[0] ? { name: `KB${articles[0]}`, origin: cut(title, 256) } : {}),
    // Definitions keep their article; the version in the title tells one from the next.
    candidate: kind === 'definition' ? (/\b(\d{1,4}(?:\.\d{1,6}){3})\b/.exec(title)?.[1] ?? null) : null,
    class: kind,
    severity: severity === 'critical' || severity === 'important' || severity === 'moderate' || severity === 'low' ? severity : null,
    published: windowsTime(object.get('changed')),
    withheld: truth(object.get('hidden')) === true ? 'hidden' : optional ? 'deferred' : null,
    restart: restart === '1' ? true : restart === '0' ? false : null,
  }
}

/** MsrcSeverity is empty for many security updates, so the category decides; type 2 is a driver. */
function classOf(object: Properties): PendingUpdate['class'] {
  const categories = (object.get('categories') ?? '').toLowerCase().split(',')
  if (object.get('type') === '2') return 'driver'
  const known = CLASSES.find(([id]) => categories.includes(id))?.[1]
  const severe = /^(critical|important|moderate|low)$/i.test(object.get('severity') ?? '') || (whole(object.get('cves')) ?? 0) > 0
  return known !== 'definition' && known !== 'driver' && severe ? 'security' : (known ?? 'other')
}

/** The last installation by the history, definitions left out: Defender installs those every few hours. */
function installed(
  history: readonly Properties[],
  results: Properties | undefined,
): Pick<Updates, 'lastInstallAt' | 'lastInstallSucceeded'> {
  const own = history.filter(entry => entry.get('operation') === '1' && !/KB(2267602|4052623|5007651)\b/.test(entry.get('title') ?? ''))
  const dated = own.map(entry => ({ at: windowsTime(entry.get('date')), result: entry.get('result') }))
  const newest = dated.filter(entry => entry.at !== null).sort((a, b) => (b.at ?? 0) - (a.at ?? 0))
  const good = newest.find(entry => entry.result === '2' || entry.result === '3')
  const last = newest.find(entry => /^[2345]$/.test(entry.result ?? ''))
  return {
    lastInstallAt: good?.at ?? (history.length === 0 ? windowsTime(results?.get('install')) : null),
    lastInstallSucceeded: last === undefined ? null : last.result === '2',
  }
}
