import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, defineProbe, type Inputs, needed } from '../../probe.ts'
import { printed, refuseRights, unread } from './evidence.ts'
import { type AntivirusProduct, unknownProduct } from './product.ts'

const REPCLI = {
  linux: '/opt/carbonblack/psc/bin/repcli',
  darwin: '/Applications/VMware Carbon Black Cloud/repcli.bundle/Contents/MacOS/repcli',
  win32: 'C:\\Program Files\\Confer\\repcli.exe',
} as const

/** Carbon Black Cloud: sensor enabled or bypassed, registered or not; see "RepCLI" in the vendor's documentation. */
export default defineProbe({
  subject: 'antivirus',
  source: 'carbon-black',
  platforms: ['linux', 'darwin', 'win32'],
  every: '30m',
  timeout: '60s',
  privilege: 'root, on Windows an administrator: repcli answers nobody else',
  blind: 'Which rules its policy has.',
  inputs: {
    repcli: {
      from: `${REPCLI.linux} status`,
      recognise: text => /^[ \t]{0,40}(Sensor Version|Sensor State|Sensor Status|Cloud Status)\b/m.test(text),
    },
  },
  parse: parseCarbonBlack,

  async read(host: Host) {
    const repcli = await printed(host, REPCLI[host.platform], 'status')
    if (repcli.length === 0) throw new Absent('Carbon Black Cloud is not installed')
    return parseCarbonBlack({ repcli })
  },
})

/** @throws Denied without the right, Error where the state of the sensor is not told */
export function parseCarbonBlack(inputs: Inputs): FactTypes['antivirus'] {
  const captured = needed(inputs, 'repcli')
  const text = captured.text.slice(0, 65_536)
  const state = /^[ \t]{0,40}(?:Sensor )?State\s*[:[]\s*([A-Za-z][\w ]{1,40}?)\]?\s*$/m.exec(text)?.[1]
  const registered = /^[ \t]{0,40}Registered\s*[:[]\s*(Yes|No)\]?\s*$/im.exec(text)?.[1]?.toLowerCase()
  if (state === undefined || !/^(enabled|active|.{0,20}bypass.{0,20}|disabled|stopped|shut ?down|down)$/i.test(state)) {
    refuseRights(captured, 'repcli')
    throw unread(captured, '`Sensor Status: State` of `repcli status`')
  }
  const isOn = /^(enabled|active)$/i.test(state)
  const reasons = [
    ...(isOn ? [] : [`the sensor is in the state ${state}`]),
    ...(registered === 'no' ? ['not registered with its console'] : []),
    ...(/^[ \t]{0,40}Quarantine\s*:\s*Yes\s*$/im.test(text) ? ['the machine is quarantined'] : []),
  ]
  const product: AntivirusProduct = {
    ...unknownProduct('Carbon Black Cloud'),
    vendor: 'Carbon Black',
    version: /^[ \t]{0,40}Sensor Version\s*:\s*(\d[\w.]{1,40})\s*$/m.exec(text)?.[1] ?? null,
    kind: 'edr',
    // In bypass the service runs and does nothing.
    running: isOn
      ? registered === undefined
        ? null
        : true
      : /bypass/i.test(state)
        ? true
        : /disabled|stopped|down/i.test(state)
          ? false
          : null,
    realtime: isOn ? (registered === undefined ? null : registered === 'yes') : /bypass|disabled|stopped|down/i.test(state) ? false : null,
    passive: false,
    degraded: reasons.length === 0 ? null : reasons.join('; '),
  }
  return { products: [product] }
}
