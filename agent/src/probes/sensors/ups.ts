import type { FactTypes } from '@fettle/catalog'
import { type Host, NotInstalled } from '../../host.ts'
import { Absent, type Captured, defineProbe, Failed, type Inputs } from '../../probe.ts'
import { linesOf } from '../lines.ts'
import type { Sensor } from './quantity.ts'
import { upsSensors } from './supply.ts'

const MOST_UPSES = 32
const TIMEOUT_MS = 15_000
const NAME = /^[A-Za-z0-9_.@:-]{1,64}$/

/** Words of `ups.status`, see NUT's docs/new-drivers.txt, "Status data"; what is not listed here is known and harmless, or unknown. */
const TROUBLES: Readonly<Record<string, readonly [Sensor['state'], string]>> = {
  OB: ['warning', 'on battery'],
  LB: ['critical', 'battery low'],
  RB: ['warning', 'replace battery'],
  BYPASS: ['warning', 'bypass: no protection'],
  OVER: ['warning', 'overloaded'],
  ALARM: ['warning', 'alarm'],
  OFF: ['critical', 'off'],
  FSD: ['critical', 'forced shutdown'],
  COMM: ['warning', 'communication lost'],
}
const HARMLESS = /^(OL|CHRG|DISCHRG|HB|CAL|TRIM|BOOST|TEST|ECO|HE)$/

/** Uninterruptible power supplies that NUT watches, by upsc(8). */
export default defineProbe({
  subject: 'sensors',
  source: 'ups',
  platforms: ['linux', 'darwin'],
  every: '5m',
  timeout: '60s',
  blind: 'Only what NUT on this machine watches; a UPS on another server is watched there.',
  inputs: {
    ups: {
      from: 'upsc UPS',
      recognise: text =>
        /^(VAR \S+ )?ups\.status\b/m.test(text) || /^(battery|ups|device|driver)\.[\w.]+: /m.test(text) || /^(Error|ERR)[: ]/m.test(text),
    },
  },

  parse: parseUps,

  async read(host: Host) {
    const names = await configured(host)
    const ups: Captured[] = []
    for (const name of names.slice(0, MOST_UPSES)) ups.push(await host.run(['upsc', name], { timeoutMs: TIMEOUT_MS }))
    return parseUps({ ups })
  },
})

async function configured(host: Host): Promise<string[]> {
  const listed = await list(host)
  const names = listed.text
    .split('\n')
    .map(name => name.trim())
    .filter(name => NAME.test(name))
  if (names.length > 0) return names
  const sections = /^[ \t]*\[[^\]]+\]/m.test(await host.text('/etc/nut/ups.conf', { missing: '' }).catch(() => ''))
  if (!sections) throw new Absent('NUT watches no UPS on this machine')
  throw new Failed(
    `NUT has a UPS configured, but does not answer: ${listed.stderr.trim().slice(0, 200)}`,
    'See `systemctl status nut-server nut-driver@*`.',
  )
}

async function list(host: Host): Promise<Captured> {
  try {
    return await host.run(['upsc', '-l'], { timeoutMs: TIMEOUT_MS })
  } catch (error) {
    if (error instanceof NotInstalled) throw new Absent('NUT is not installed')
    throw error
  }
}

/** @throws Failed where NUT has lost its UPS: old values would look healthy; Error where an output cannot be read */
function parseUps(inputs: Inputs): FactTypes['sensors'] {
  const captures = inputs.ups ?? []
  if (captures.length === 0) throw new Error('Cannot judge without the input ups')
  return { sensors: captures.flatMap(upsOf) }
}

function upsOf({ text, stderr, name }: Captured): Sensor[] {
  const error = /^(?:Error: |ERR )(.{1,200})/m.exec(`${stderr}\n${text}`)?.[1]
  if (error) throw new Failed(`NUT does not tell of the UPS: ${error.trim()}`, 'See the cable, and `systemctl status nut-driver@*`.')
  const values = valuesOf(text)
  const words = (values.get('ups.status') ?? '').split(/\s+/).filter(Boolean)
  if (words.length === 0 || words.includes('WAIT')) throw new Error('Cannot judge the UPS: it tells no ups.status')
  const alarm = values.get('ups.alarm')
  const found = words
    .map(word => TROUBLES[word] ?? (HARMLESS.test(word) ? undefined : (['unknown', word.slice(0, 20)] as const)))
    .filter(trouble => trouble !== undefined)
  const state =
    (['critical', 'warning', 'unknown'] as const).find(tier => found.some(([found]) => found === tier)) ??
    (words.includes('OL') ? 'ok' : 'unknown')
  const model = values.get('ups.model') ?? values.get('device.model')
  return upsSensors({
    name: /^upsc (\S+)$/.exec(name)?.[1] ?? /^VAR (\S+) /m.exec(text)?.[1] ?? model ?? 'ups',
    model: model ?? null,
    state,
    troubles: [...found.map(([, said]) => said), ...(alarm && state !== 'ok' ? [alarm.slice(0, 60)] : [])],
    charge: percentOf(values.get('battery.charge')),
    lowCharge: percentOf(values.get('battery.charge.low')),
    celsius: numberIn(values.get('ups.temperature')),
  })
}

/** `key: value` of upsc, or `VAR ups key "value"` of the protocol; see NUT's docs/net-protocol.txt. */
function valuesOf(text: string): Map<string, string> {
  const values = new Map<string, string>()
  for (const line of linesOf(text)) {
    const [, key, value = ''] = /^([a-z][\w.]{1,80}): ?(.*)$/.exec(line) ?? /^VAR \S{1,80} ([a-z][\w.]{1,80}) "(.*)"\s*$/.exec(line) ?? []
    if (key && value.trim() !== '') values.set(key, value.replace(/\s+#.*$/, '').trim())
  }
  return values
}

function numberIn(text: string | undefined): number | null {
  return text !== undefined && /^-?\d{1,6}(\.\d{1,4})?$/.test(text) ? Number(text) : null
}

function percentOf(text: string | undefined): number | null {
  const value = numberIn(text)
  return value !== null && value >= 0 && value <= 100 ? value : null
}
