import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { defineProbe, type Inputs, needed, type ParseContext } from '../../probe.ts'
import { cut } from '../gather.ts'
import { answerOf, isAnswer, partIfThere, partOf } from '../windows/answer.ts'
import { jsonObjects, listObjects, type Properties, truth, whole } from '../windows/properties.ts'
import { daysOf, windowsTime } from '../windows/time.ts'
import { type AntivirusProduct, unknownProduct } from './product.ts'

const DAY = 86_400_000
const SCRIPT = 'antivirus/defender'
/** Any of these makes a text the state of Defender. */
const KNOWN = /\b(AMServiceEnabled|RealTimeProtectionEnabled|AntivirusSignatureAge|AMRunningMode)\b/

/** Microsoft Defender Antivirus on clients and servers; see Get-MpComputerStatus (class MSFT_MpComputerStatus). */
export default defineProbe({
  subject: 'antivirus',
  source: 'defender',
  platforms: ['win32'],
  shares: 'powershell',
  every: '30m',
  timeout: '2m',
  blind: 'Exclusions, where the agent does not run as SYSTEM; whether the cloud protection of Microsoft answers.',
  inputs: {
    answer: { from: `powershell ${SCRIPT}`, recognise: text => isAnswer(text, 'status') },
    status: { from: 'Get-MpComputerStatus', recognise: text => KNOWN.test(text) },
  },
  parse: parseDefender,

  async read(host: Host) {
    const inputs = { answer: [await host.powershell(SCRIPT)] }
    return parseDefender(inputs, { now: host.now(), hostname: host.hostname, options: undefined })
  },
})

/** @throws where nothing tells the state of Defender; Denied, Absent as the module says */
export function parseDefender(inputs: Inputs, { now }: ParseContext): FactTypes['antivirus'] {
  if (inputs.status) return { products: [productOf(stateOf(needed(inputs, 'status').text), now, null)] }
  const answer = answerOf(needed(inputs, 'answer'))
  const [state] = partOf(answer, 'status') ?? []
  const [preference] = partIfThere(answer, 'preference') ?? []
  const [threats] = partIfThere(answer, 'threats') ?? []
  const product = productOf(checkedState(state), now, excluded(preference))
  return { products: [{ ...product, activeThreats: whole(threats?.get('active')) }] }
}

function stateOf(text: string): Properties {
  const objects = jsonObjects(text) ?? listObjects(text)
  return checkedState(objects.find(isState))
}

function checkedState(state: Properties | undefined): Properties {
  if (!state || !isState(state)) throw new Error('Cannot read the state of Defender: wanted AMServiceEnabled or RealTimeProtectionEnabled')
  return state
}

function isState(state: Properties): boolean {
  return ['amserviceenabled', 'realtimeprotectionenabled', 'antivirusenabled'].some(name => truth(state.get(name)) !== null)
}

function productOf(state: Properties, now: number, exclusion: string | null): AntivirusProduct {
  const mode = (state.get('amrunningmode') ?? '').toLowerCase()
  const stopped = /not running/.test(mode)
  const passive = mode === '' || stopped ? null : /passive|edr block/.test(mode)
  const enabled = truth(state.get('antivirusenabled'))
  const service = truth(state.get('amserviceenabled'))
  const realtime = truth(state.get('realtimeprotectionenabled'))
  const off = stopped || service === false || enabled === false
  return {
    ...unknownProduct('Microsoft Defender Antivirus'),
    vendor: 'Microsoft',
    version: short(state.get('amproductversion')),
    running: off ? false : service,
    realtime: off || passive === true ? false : realtime,
    passive,
    signaturesVersion: short(state.get('antivirussignatureversion')),
    ...signatures(state, now),
    tamperProtection: truth(state.get('istamperprotected')),
    degraded: degraded(state, realtime === true && !off, exclusion),
    tellsScans: true,
    quickScanAt: scanned(state, 'quickscan'),
    fullScanAt: scanned(state, 'fullscan'),
  }
}

function short(text: string | undefined): string | null {
  return text === undefined || text === '0.0.0.0' ? null : cut(text, 64)
}

/** An age of 65535 or 4294967295 days means that there have never been any. */
function signatures(state: Properties, now: number): Pick<AntivirusProduct, 'signaturesAt' | 'signaturesCurrent'> {
  const told = state.get('antivirussignatureage')
  const age = daysOf(told)
  const never = told !== undefined && /^\d+$/.test(told) && age === null
  const dated = windowsTime(state.get('antivirussignaturelastupdated'))
  const outdated = truth(state.get('defendersignaturesoutofdate'))
  return {
    signaturesAt: never ? null : (dated ?? (age === null ? null : now - age * DAY)),
    signaturesCurrent: never ? false : outdated === null ? null : !outdated,
  }
}

function scanned(state: Properties, kind: 'quickscan' | 'fullscan'): number | null {
  const age = state.get(`${kind}age`)
  return age !== undefined && daysOf(age) === null ? null : windowsTime(state.get(`${kind}endtime`))
}

/** What makes it protect less than "on" sounds; see MSFT_MpComputerStatus. */
function degraded(state: Properties, protects: boolean, exclusion: string | null): string | null {
  const reasons: string[] = []
  if (/^enabled$/i.test(state.get('troubleshootingmode') ?? '')) reasons.push('troubleshooting mode is on')
  const started = state.get('initializationprogress')
  if (started !== undefined && started !== 'ServiceStartedSuccessfully') reasons.push(`the service says ${cut(started, 60)}`)
  if (protects) {
    if (truth(state.get('onaccessprotectionenabled')) === false) reasons.push('files are not scanned when they are opened')
    if (truth(state.get('behaviormonitorenabled')) === false) reasons.push('behaviour is not watched')
    if (truth(state.get('ioavprotectionenabled')) === false) reasons.push('downloads are not scanned')
  }
  if (exclusion !== null) reasons.push(exclusion)
  return reasons.length === 0 ? null : cut(reasons.join('; '), 500)
}

/** Exclusions that take a whole drive or the system out of the protection. */
function excluded(preference: Properties | undefined): string | null {
  const paths = (preference?.get('excluded') ?? '').split(',').map(path => path.trim())
  const wide = paths.filter(path => /^([A-Za-z]:\\?\*?|[A-Za-z]:\\(windows|users|program files)\\?\*?)$/i.test(path))
  return wide.length === 0 ? null : `${cut(wide.slice(0, 5).join(', '), 120)} excluded from scanning`
}
