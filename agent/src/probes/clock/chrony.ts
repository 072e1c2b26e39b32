import type { FactTypes } from '@fettle/catalog'
import { type Host, NotInstalled } from '../../host.ts'
import { Absent, type Captured, Denied, defineProbe, Failed, type Inputs, needed, type ParseContext, sole } from '../../probe.ts'
import { cut, present } from '../gather.ts'
import { offsetInSteps, syncInSteps } from './steps.ts'

/** Reference id of chronyd's own clock: `local` in its configuration, right with nobody but itself. */
const LOCAL_REFERENCE = '7F7F0101'
const CSV_FIELDS = 14

/** Whether chronyd keeps the clock right, by its own word: `tracking` of chronyc(1). */
export default defineProbe({
  subject: 'clock',
  source: 'chrony',
  platforms: ['linux'],
  every: '15m',
  timeout: '30s',
  blind: 'Whether the servers that chronyd follows are right themselves.',
  inputs: {
    tracking: {
      from: 'chronyc -c -n tracking',
      recognise: text => /^([0-9A-F]{8},|Reference ID\s*:|50[0-9] )/m.test(text),
    },
    enabled: {
      from: 'systemctl is-enabled chronyd.service chrony.service',
      recognise: text => /^(enabled|disabled|masked|alias|static)\s*$/m.test(text),
    },
  },
  parse: parseChrony,

  async read(host) {
    // -n: names would be looked up in the DNS.
    const tracking = await host.run(['chronyc', '-c', '-n', 'tracking'], { timeoutMs: 10_000 })
    const enabled = talks(tracking) ? undefined : await isEnabled(host)
    const context = { now: host.now(), hostname: host.hostname, options: undefined }
    return parseChrony({ tracking: [tracking], enabled: present(enabled) }, context)
  },
})

/**
 * Both forms of `tracking`. A chronyd that is not reached is absent where it is known to be switched off, and else a failure: it may have died.
 * @throws Absent, Failed, Denied, or Error on any other text
 */
export function parseChrony(inputs: Inputs, _context: ParseContext): FactTypes['clock'] {
  const tracking = needed(inputs, 'tracking')
  if (!talks(tracking)) refuse(tracking, sole(inputs, 'enabled'))
  const { referenceId, reference, stratum, syncedAt, slowSeconds, leap } = readCsv(tracking.text) ?? readReport(tracking.text)
  const isLocal = referenceId === LOCAL_REFERENCE
  const follows = leap !== 'Not synchronised' && !isLocal && !/^0+$/.test(referenceId)
  return {
    synchronized: follows,
    service: 'chronyd',
    enabled: true,
    reference: isLocal ? 'own clock' : cut(reference || (follows ? referenceId : ''), 253) || null,
    stratum: follows && stratum >= 1 && stratum <= 15 ? stratum : null,
    offsetSeconds: follows ? offsetInSteps(-slowSeconds) : null,
    // The epoch is how chronyd says never.
    lastSyncAt: follows && syncedAt > 86_400_000 ? syncInSteps(syncedAt) : null,
  }
}

type Tracking = {
  readonly referenceId: string
  readonly reference: string
  readonly stratum: number
  readonly syncedAt: number
  /** How far the clock is behind; negative is fast. */
  readonly slowSeconds: number
  readonly leap: string
}

const LEAPS = ['Normal', 'Insert second', 'Delete second', 'Not synchronised']

/** Reference id, name, stratum, time, `System time` (positive is slow), ten more; the leap status stands last. */
function readCsv(text: string): Tracking | undefined {
  const line = text.split('\n').find(candidate => /^[0-9A-F]{8},/.test(candidate))
  if (line === undefined) return undefined
  const fields = line.trim().split(',')
  if (fields.length < CSV_FIELDS) throw new Error(`Cannot read what chronyc says: ${fields.length} fields, wanted ${CSV_FIELDS}`)
  const [referenceId = '', reference = '', stratum, seconds, slow] = fields
  return checked({
    referenceId,
    reference,
    stratum: asNumber(stratum),
    syncedAt: asNumber(seconds) * 1000,
    slowSeconds: asNumber(slow),
    leap: fields[CSV_FIELDS - 1] ?? '',
  })
}

/** `Reference ID : 7F000001 (127.0.0.1)` and so on, for people. */
function readReport(text: string): Tracking {
  const say = (key: string) => new RegExp(`^${key}[ \\t]*:[ \\t]*(.*)$`, 'm').exec(text)?.[1]?.trim() ?? ''
  const id = /^([0-9A-F]{1,8})(?: \((.*)\))?$/.exec(say('Reference ID'))
  const offset = /^(\d+\.\d+) seconds (slow|fast) of NTP time$/.exec(say('System time'))
  if (!id?.[1] || !offset) throw new Error(`Cannot read what chronyc says: ${JSON.stringify(cut(text, 120))}`)
  return checked({
    referenceId: id[1],
    reference: id[2] ?? '',
    stratum: asNumber(say('Stratum')),
    syncedAt: Date.parse(`${say('Ref time \\(UTC\\)')} UTC`),
    slowSeconds: Number(offset[1]) * (offset[2] === 'slow' ? 1 : -1),
    leap: say('Leap status'),
  })
}

function checked(tracking: Tracking): Tracking {
  const { stratum, syncedAt, slowSeconds, leap } = tracking
  if (![stratum, syncedAt, slowSeconds].every(Number.isFinite) || !LEAPS.includes(leap)) {
    throw new Error(`Cannot read what chronyc says: stratum ${stratum}, leap status ${JSON.stringify(cut(leap, 40))}`)
  }
  return { ...tracking, syncedAt: Math.min(syncedAt, 8.64e15) }
}

/** Not as lenient as `Number`, for which nothing is 0. */
function asNumber(text = ''): number {
  return /^-?\d{1,15}(\.\d{1,12})?$/.test(text) ? Number(text) : Number.NaN
}

/** Whether chronyd answered at all. */
function talks({ text, stderr }: Captured): boolean {
  return !/^50[0-9] /m.test(`${text}\n${stderr}`)
}

function refuse(tracking: Captured, enabled: Captured | undefined): never {
  const said = cut(/^50[0-9] .*$/m.exec(`${tracking.text}\n${tracking.stderr}`)?.[0] ?? '', 120)
  if (said.startsWith('501'))
    throw new Denied(`chronyd says ${said}`, 'Run the agent as root, or allow monitoring from 127.0.0.1 (cmdallow).')
  const states = enabled?.text.trim().split(/\s+/) ?? []
  const isOff = states.some(state => /^(disabled|masked)/.test(state)) && !states.some(state => /^enabled/.test(state))
  if (isOff) throw new Absent('chronyd is installed and switched off')
  throw new Failed(
    `chronyd does not answer: ${said}`,
    'Start chronyd (systemctl status chronyd), or disable it where another service keeps the time.',
  )
}

async function isEnabled(host: Host): Promise<Captured | undefined> {
  try {
    return await host.run(['systemctl', 'is-enabled', 'chronyd.service', 'chrony.service'], { timeoutMs: 10_000 })
  } catch (error) {
    if (error instanceof NotInstalled) return undefined
    throw error
  }
}
