import type { FactTypes } from '@fettle/catalog'
import { type Host, NotInstalled } from '../../host.ts'
import { Absent, type Captured, defineProbe, Failed, type Inputs } from '../../probe.ts'
import type { Sensor } from './quantity.ts'
import { upsSensors } from './supply.ts'

const TIMEOUT_MS = 15_000
/** Words of STATUS, see the manual of apcupsd, "Status report fields". */
const TROUBLES: Readonly<Record<string, readonly [Sensor['state'], string]>> = {
  ONBATT: ['warning', 'on battery'],
  LOWBATT: ['critical', 'battery low'],
  REPLACEBATT: ['warning', 'replace battery'],
  NOBATT: ['critical', 'no battery'],
  OVERLOAD: ['warning', 'overloaded'],
  SHUTTING: ['critical', 'shutting down'],
  NETWORK: ['warning', 'network error'],
}
const HARMLESS = /^(ONLINE|CAL|TRIM|BOOST|SLAVE|DOWN|ERROR)$/

/** A UPS that apcupsd watches, by apcaccess(8). */
export default defineProbe({
  subject: 'sensors',
  source: 'apcupsd',
  platforms: ['linux', 'darwin'],
  every: '5m',
  timeout: '30s',
  blind: 'Only the UPS of the apcupsd on this machine.',
  inputs: { status: { from: 'apcaccess -u', recognise: text => /^APC\s+: \d/m.test(text) || /^STATUS\s+: /m.test(text) } },

  parse: parseApcupsd,

  async read(host: Host) {
    try {
      return parseApcupsd({ status: [await host.run(['apcaccess', '-u'], { timeoutMs: TIMEOUT_MS })] })
    } catch (error) {
      if (error instanceof NotInstalled) throw new Absent('apcupsd is not installed')
      throw error
    }
  },
})

/** @throws Failed where the UPS is lost: old values would look healthy; Error where the report is not whole */
function parseApcupsd(inputs: Inputs): FactTypes['sensors'] {
  const captures = inputs.status ?? []
  if (captures.length === 0) throw new Error('Cannot judge without the input status')
  return { sensors: captures.flatMap(statusOf) }
}

function statusOf({ text, stderr }: Captured): Sensor[] {
  if (/Error contacting|Connection refused/i.test(`${stderr}${text.slice(0, 300)}`))
    throw new Failed('apcupsd does not answer', 'Start apcupsd, or remove the package where it is not used.')
  const value = (key: string) => new RegExp(`^${key} *: *(.*?) *$`, 'm').exec(text)?.[1]
  const words = (value('STATUS') ?? '').split(/\s+/).filter(Boolean)
  if (words.length === 0 || value('END APC') === undefined) throw new Error('Cannot read the report of apcupsd: it is not whole')
  if (words.includes('COMMLOST')) throw new Failed('apcupsd has lost its UPS', 'See the cable of the UPS.')
  const found = words
    .map(word => TROUBLES[word] ?? (HARMLESS.test(word) ? undefined : (['unknown', word.slice(0, 20)] as const)))
    .filter(trouble => trouble !== undefined)
  const failedTest = /^(NG|BT)$/.test(value('SELFTEST') ?? '') ? [['warning', 'its self-test failed'] as const] : []
  const all = [...found, ...failedTest]
  const number = (key: string) => {
    const digits = /^-?\d{1,6}(\.\d{1,3})?/.exec(value(key) ?? '')?.[0]
    return digits === undefined ? null : Number(digits)
  }
  return upsSensors({
    name: value('UPSNAME') || value('MODEL') || 'ups',
    model: value('MODEL') || null,
    state:
      (['critical', 'warning', 'unknown'] as const).find(tier => all.some(([found]) => found === tier)) ??
      (words.includes('ONLINE') ? 'ok' : 'unknown'),
    troubles: all.map(([, said]) => said),
    charge: number('BCHARGE'),
    lowCharge: number('MBATTCHG'),
    celsius: number('ITEMP'),
  })
}
