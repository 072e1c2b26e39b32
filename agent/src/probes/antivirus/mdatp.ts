import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, defineProbe, type Inputs, needed, type ParseContext, sole } from '../../probe.ts'
import { cut } from '../gather.ts'
import { isRegistry, queryKey, registryOf, registryValue } from '../windows/registry.ts'
import { isServices, printed, refuseRights, runsAsService, services, unread } from './evidence.ts'
import { type AntivirusProduct, unknownProduct } from './product.ts'
import { productOfServices, serviceInput, servicesOfWindows } from './windows-services.ts'

type Health = ReadonlyMap<string, unknown>

const MDATP = { linux: 'mdatp', darwin: '/usr/local/bin/mdatp', win32: 'mdatp' } as const

/** Of Windows: the sensor is part of it, and sleeps until the machine is onboarded. */
const SERVICES = /^Sense$/i
const STATUS = 'HKLM\\SOFTWARE\\Microsoft\\Windows Advanced Threat Protection\\Status'

/**
 * Microsoft Defender for Endpoint: what `mdatp health` tells, in JSON of any version or as text; see "Investigate agent health issues" in
 * Microsoft's documentation. `healthy` says nothing of real-time protection or passive mode, and of a setting only `value` counts.
 */
export default defineProbe({
  subject: 'antivirus',
  source: 'mdatp',
  platforms: ['linux', 'darwin', 'win32'],
  every: '30m',
  timeout: '60s',
  privilege: 'root for some fields',
  blind: 'When it last scanned, and what it found. On Windows it is the sensor alone: antivirus/defender tells of the protection.',
  inputs: {
    health: {
      from: 'mdatp health --output json',
      recognise: text => /real_?time_?protection_?(enabled|available)|definitions_?(status|version)/i.test(text),
    },
    unit: { from: 'systemctl show mdatp.service', recognise: text => isServices(text, /mdatp/) },
    services: serviceInput(SERVICES),
    registry: { from: `reg.exe query "${STATUS}" /reg:64`, recognise: isRegistry },
  },
  parse: parseMdatp,

  async read(host: Host) {
    if (host.platform === 'win32') {
      const inputs = { services: await servicesOfWindows(host, SERVICES), registry: [await queryKey(host, STATUS)] }
      return parseMdatp(inputs, { now: host.now(), hostname: host.hostname, options: undefined })
    }
    const health = await printed(host, MDATP[host.platform], 'health', '--output', 'json')
    if (health.length === 0) throw new Absent('Microsoft Defender for Endpoint is not installed')
    const inputs = { health, unit: await services(host, 'mdatp.service') }
    return parseMdatp(inputs, { now: host.now(), hostname: host.hostname, options: undefined })
  },
})

/** @throws Error where it is no answer, or one that is not whole: what is missing might have been the bad news */
export function parseMdatp(inputs: Inputs, { now }: ParseContext): FactTypes['antivirus'] {
  if (inputs.services) return onWindows(inputs)
  const captured = needed(inputs, 'health')
  refuseRights(captured, 'mdatp')
  const text = captured.text.trim()
  const health = text.startsWith('{') || text.startsWith('[') ? fromJson(text) : fromText(text)
  if (!health) throw unread(captured, 'what `mdatp health --output json` prints')
  const passive = flag(health, 'passivemodeenabled')
  const running = runs(health, runsAsService(sole(inputs, 'unit')))
  const definitions = word(health, 'definitionsstatus')
  const product: AntivirusProduct = {
    ...unknownProduct('Microsoft Defender for Endpoint'),
    vendor: 'Microsoft',
    version: word(health, 'appversion'),
    kind: 'edr',
    running,
    realtime: watches(health, passive, running),
    passive,
    signaturesVersion: word(health, 'definitionsversion'),
    signaturesAt: time(health.get('definitionsupdated')),
    signaturesCurrent: definitions === null ? null : plain(definitions) === 'uptodate',
    tamperProtection: tamper(health),
    degraded: degradedBy(health, now, definitions),
  }
  return { products: [product] }
}

/** @throws Absent where the machine is not onboarded */
function onWindows(inputs: Inputs): FactTypes['antivirus'] {
  const onboarded = registryValue(registryOf(inputs.registry ?? []), '\\windows advanced threat protection\\status', 'OnboardingState')
  if (inputs.registry && onboarded !== '1') throw new Absent('this machine is not onboarded to Microsoft Defender for Endpoint')
  const product = {
    ...unknownProduct('Microsoft Defender for Endpoint'),
    vendor: 'Microsoft',
    kind: 'edr' as const,
    realtime: false,
    passive: true,
  }
  return productOfServices(inputs, SERVICES, product)
}

/** Keys are `realTimeProtectionEnabled` or `real_time_protection_enabled`, by version. */
const plain = (key: string): string => key.replaceAll(/[_\s-]/g, '').toLowerCase()

function fromJson(text: string): Health | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    throw new Error('Cannot read the health of mdatp: its JSON is not whole')
  }
  const object = Array.isArray(parsed) ? parsed[0] : parsed
  if (typeof object !== 'object' || object === null) return undefined
  const health = new Map(Object.entries(object).map(([key, value]) => [plain(key), settled(value)]))
  return health.has('realtimeprotectionenabled') || health.has('appversion') ? health : undefined
}

/** `{"displayValue":true,"isManaged":false,"value":false}` is false, and `{"$type":"upToDate"}` a word. */
function settled(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  if ('value' in value) return settled(value.value)
  return '$type' in value ? settled(value.$type) : undefined
}

/** `key : value` lines; those of the definitions come last, so without them the text was cut off. */
function fromText(text: string): Health | undefined {
  const rows = text.split('\n', 400).map(line => /^[ \t]{0,40}([a-z][a-z_0-9]{2,60})\s*:\s*(.*)$/.exec(line))
  const health = new Map(rows.flatMap(row => (row ? [[plain(row[1] ?? ''), spoken(row[2] ?? '')] as const] : [])))
  if (!health.has('healthy') && !health.has('realtimeprotectionenabled')) return undefined
  if (!health.has('definitionsstatus') || !health.has('realtimeprotectionenabled')) {
    throw new Error('Cannot read the health of mdatp: it is not whole, wanted everything up to `definitions_status`')
  }
  return health
}

function spoken(text: string): unknown {
  const value = text.replace(/\s*\[managed\]\s*$/, '').trim()
  if (value === 'true' || value === 'false') return value === 'true'
  if (value.startsWith('[')) return [...value.matchAll(/"([^"]{1,200})"/g)].map(match => match[1])
  return value.replace(/^"|"$/g, '')
}

function flag(health: Health, key: string): boolean | null {
  const value = health.get(key)
  if (typeof value === 'boolean') return value
  return value === 'true' || value === 'enabled' ? true : value === 'false' || value === 'disabled' ? false : null
}

function word(health: Health, key: string): string | null {
  const value = health.get(key)
  return typeof value === 'string' && value.trim() !== '' ? cut(value, 64) : null
}

/** Who answers runs, but for the engine that looks at files. */
function runs(health: Health, asService: boolean | null): boolean | null {
  const engine = word(health, 'engineloadstatus')
  if (asService === false) return false
  if (engine === null) return (asService ?? health.has('engineversion')) ? (asService ?? true) : null
  return /succeeded$/i.test(engine) ? true : /not loaded|fail/i.test(engine) ? false : null
}

function watches(health: Health, passive: boolean | null, running: boolean | null): boolean | null {
  if (passive === true || running === false) return false
  const on = flag(health, 'realtimeprotectionenabled')
  if (on === false || flag(health, 'realtimeprotectionavailable') === false) return false
  return on
}

/** Milliseconds as a string, a number, or a date in words on the machine's own clock; 0 is never. */
function time(value: unknown): number | null {
  if (typeof value === 'number' || (typeof value === 'string' && /^\d{1,16}$/.test(value))) {
    const at = Number(value)
    const ms = at < 1e11 ? at * 1000 : at
    return ms > 1e11 && ms < 8e15 ? ms : null
  }
  if (typeof value !== 'string' || value.length > 60) return null
  const at = Date.parse(value.replace(/ at /, ' '))
  return at > 1e11 ? at : null
}

function tamper(health: Health): boolean | null {
  const value = word(health, 'tamperprotection')
  return value === null
    ? flag(health, 'tamperprotection')
    : /^(block|enabled)$/i.test(value)
      ? true
      : /^(audit|disabled)$/i.test(value)
        ? false
        : null
}

function degradedBy(health: Health, now: number, definitions: string | null): string | null {
  const issues = health.get('healthissues')
  const expires = time(health.get('productexpiration'))
  const reasons = [
    ...(flag(health, 'licensed') === false ? ['not licensed: the machine is not onboarded'] : []),
    ...(expires !== null && expires < now ? ['this version has expired'] : []),
    ...(definitions !== null && /unavail|outofdate|fail/.test(plain(definitions)) ? [`definitions: ${definitions}`] : []),
    ...(Array.isArray(issues) ? issues.filter(issue => typeof issue === 'string') : []),
  ]
  if (reasons.length === 0 && flag(health, 'healthy') === false) return 'it says that it is not healthy'
  return reasons.length === 0 ? null : cut(reasons.join('; '), 500)
}
