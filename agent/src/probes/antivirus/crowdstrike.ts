import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, type Captured, defineProbe, Failed, type Inputs, needed, sole } from '../../probe.ts'
import { cut } from '../gather.ts'
import { isPlistWith, parsePlistDict } from '../property-list.ts'
import { isServices, printed, refuseRights, runsAsService, services, unread } from './evidence.ts'
import { type AntivirusProduct, unknownProduct } from './product.ts'
import { productOfServices, serviceInput, servicesOfWindows } from './windows-services.ts'

const FALCONCTL = '/opt/CrowdStrike/falconctl'
const FALCONCTL_DARWIN = '/Applications/Falcon.app/Contents/Resources/falconctl'

type Told = {
  readonly version: string | null
  readonly registered: boolean | null
  readonly reduced: boolean | null
  readonly loaded: boolean | null
  readonly why: string | null
}

/** Of Windows. */
const SERVICES = /^CSFalconService$/i

/**
 * CrowdStrike Falcon: whether the sensor is registered, runs, and detects. After an update of the kernel it may run in reduced functionality mode:
 * active, and blind; see falconctl's `--help` and the vendor's "Reduced functionality mode".
 */
export default defineProbe({
  subject: 'antivirus',
  source: 'crowdstrike',
  platforms: ['linux', 'darwin', 'win32'],
  every: '30m',
  timeout: '60s',
  privilege: 'root: falconctl answers nobody else',
  blind:
    'The policy that the console set (detect only or prevent); whether the cloud hears the sensor. On Windows whether the sensor runs in reduced functionality mode.',
  inputs: {
    falconctl: {
      from: `${FALCONCTL} -g --cid --aid --version --rfm-state --rfm-reason`,
      recognise: text => /\brfm-state\b|^(cid|aid)=|\bCID is not set|--cid\b/m.test(text) && !/<plist/.test(text),
    },
    stats: { from: `${FALCONCTL_DARWIN} stats -p`, recognise: text => isFalconPlist(text) },
    unit: { from: 'systemctl show falcon-sensor.service', recognise: text => isServices(text, /falcon/) },
    services: serviceInput(SERVICES),
  },
  parse: parseCrowdstrike,

  async read(host: Host) {
    if (host.platform === 'win32') return parseCrowdstrike({ services: await servicesOfWindows(host, SERVICES) })
    const missing = new Absent('CrowdStrike Falcon is not installed')
    if (host.platform === 'darwin') {
      const stats = await printed(host, FALCONCTL_DARWIN, 'stats', '-p')
      if (stats.length === 0) throw missing
      return parseCrowdstrike({ stats })
    }
    const falconctl = await printed(host, FALCONCTL, '-g', '--cid', '--aid', '--version', '--rfm-state', '--rfm-reason')
    if (falconctl.length === 0) throw missing
    return parseCrowdstrike({ falconctl, unit: await services(host, 'falcon-sensor.service') })
  },
})

const isFalconPlist = (text: string): boolean =>
  ['falcon_version', 'sensor_loaded', 'sensorOperational', 'agent_info', 'rfm'].some(key => isPlistWith(text, key))

/** @throws Denied to others than root, Failed where the sensor belongs to no customer, Error where nothing of it can be read */
export function parseCrowdstrike(inputs: Inputs): FactTypes['antivirus'] {
  if (inputs.services)
    return productOfServices(inputs, SERVICES, {
      ...unknownProduct('CrowdStrike Falcon'),
      vendor: 'CrowdStrike',
      kind: 'edr',
      passive: false,
    })
  const stats = sole(inputs, 'stats')
  const told = stats ? fromStats(stats) : fromFalconctl(needed(inputs, 'falconctl'))
  const service = runsAsService(sole(inputs, 'unit')) ?? told.loaded
  // An active service may detect nothing: without its mode nobody knows whether it does its work.
  const running = service && !stats && told.reduced === null ? null : service
  const product: AntivirusProduct = {
    ...unknownProduct('CrowdStrike Falcon'),
    vendor: 'CrowdStrike',
    version: told.version,
    kind: 'edr',
    running,
    realtime: running === false || told.reduced === true ? false : running && told.reduced === false && told.registered ? true : null,
    passive: false,
    degraded: told.reduced
      ? cut(`reduced functionality mode: it runs and detects nothing${told.why ? ` (${told.why})` : ''}`, 500)
      : told.registered === false
        ? 'not registered: it has no agent id'
        : null,
  }
  return { products: [product] }
}

/** `cid="…", aid="…", version = 7.29.18202.0` and `rfm-state=true,`; older ones end in a full stop. */
function fromFalconctl(captured: Captured): Told {
  refuseRights(captured, 'falconctl')
  const said = `${captured.text}\n${captured.stderr}`.slice(0, 16_384)
  if (/\bCID is not set/i.test(said)) {
    throw new Failed('the sensor belongs to no customer: its CID is not set', `Register it: ${FALCONCTL} -s --cid=…`)
  }
  // A word that was cut off is none: its end must be seen.
  const reduced =
    /\brfm-state\s*=\s*"?(true|false)"?\s*[,.]?\s*$/im.exec(said)?.[1] ?? /\brfm-state\s*=\s*"?(true|false)"?\s*[,.]/i.exec(said)?.[1]
  const aid = /\baid\s*=\s*"[0-9a-f-]{20,64}"/i.test(said)
  const version = /\bversion\s*=\s*"?(\d[\w.]{2,40})/i.exec(said)?.[1]
  const unregistered = /\baid is not set/i.test(said) || /\baid\s*=\s*""/i.test(said)
  if (reduced === undefined && !aid && version === undefined && !unregistered)
    throw unread(captured, '`aid`, `version` or `rfm-state` of falconctl')
  const reason = /\brfm-reason\s*=\s*"?([^",\n]{1,200})/i.exec(said)?.[1]?.trim()
  return {
    version: version?.replace(/\.$/, '') ?? null,
    registered: aid ? true : unregistered ? false : null,
    reduced: reduced === undefined ? null : reduced.toLowerCase() === 'true',
    loaded: null,
    why: reason && !/^(none|not set)/i.test(reason) ? reason : null,
  }
}

/** Of macOS; the names differ by version, and some stand one level deeper. */
function fromStats(captured: Captured): Told {
  refuseRights(captured, 'falconctl')
  const top = parsePlistDict(captured.text)
  const all = new Map<string, unknown>()
  for (const dict of [top, ...Object.values(top)]) {
    if (typeof dict !== 'object' || dict === null || Array.isArray(dict)) continue
    for (const [key, value] of Object.entries(dict)) if (!all.has(key)) all.set(key, value)
  }
  const first = (...keys: readonly string[]) => keys.map(key => all.get(key)).find(value => value !== undefined)
  const version = first('falcon_version', 'version')
  const loaded = truth(first('sensor_loaded', 'sensorOperational', 'sensor_operational'))
  const aid = first('aid', 'agentID', 'agent_id')
  if (typeof version !== 'string' && loaded === null) throw unread(captured, '`falcon_version` or `sensor_loaded` of falconctl')
  return {
    version: typeof version === 'string' ? cut(version, 64) : null,
    registered: typeof aid === 'string' ? aid.length > 8 : null,
    reduced: truth(first('rfm', 'rfm_state', 'rfmState')),
    loaded,
    why: null,
  }
}

function truth(value: unknown): boolean | null {
  if (typeof value === 'boolean') return value
  return /^(true|yes|1)$/i.test(String(value)) ? true : /^(false|no|0)$/i.test(String(value)) ? false : null
}
