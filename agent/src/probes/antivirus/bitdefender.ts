import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, type Captured, defineProbe, type Inputs, needed } from '../../probe.ts'
import { cut } from '../gather.ts'
import { colonLines, printed, refuseRights, unread } from './evidence.ts'
import { type AntivirusProduct, unknownProduct } from './product.ts'
import { productOfServices, serviceInput, servicesOfWindows } from './windows-services.ts'

const TOOL = '/opt/bitdefender-security-tools/bin/bduitool'

/** Of Windows: the one of the products for companies, and the one of those for homes. */
const SERVICES = /^(EPSecurityService|VSSERV)$/i

/** Bitdefender Endpoint Security Tools: its features, and when its security content was last updated; see `bduitool` in the vendor's guide for Linux. */
export default defineProbe({
  subject: 'antivirus',
  source: 'bitdefender',
  platforms: ['linux', 'win32'],
  every: '1h',
  timeout: '60s',
  privilege: 'root: bduitool answers nobody else',
  blind:
    'Whether the module scans on access or only on demand; when it last scanned. Security content is dated by its installation. On Windows whatever its service does not tell.',
  inputs: {
    status: { from: `${TOOL} get ps`, recognise: text => /^Product version:/m.test(text) || /Antimalware status:/.test(text) },
    services: serviceInput(SERVICES),
  },
  parse: parseBitdefender,

  async read(host: Host) {
    if (host.platform === 'win32') return parseBitdefender({ services: await servicesOfWindows(host, SERVICES) })
    const status = await printed(host, TOOL, 'get', 'ps')
    if (status.length === 0) throw new Absent('Bitdefender is not installed')
    return parseBitdefender({ status })
  },
})

/** @throws Denied to others than root, Error where the state of its scanner is not told */
export function parseBitdefender(inputs: Inputs): FactTypes['antivirus'] {
  if (inputs.services)
    return productOfServices(
      inputs,
      SERVICES,
      { ...unknownProduct('Bitdefender Endpoint Security Tools'), vendor: 'Bitdefender' },
      'registered',
    )
  const captured = needed(inputs, 'status')
  const lines = colonLines(captured.text.slice(0, 65_536))
  const version = lines.get('Product version')
  const antimalware = /^[ \t]{0,40}(?:- )?Antimalware status:\s*(On|Off)\s*$/im.exec(captured.text.slice(0, 65_536))?.[1]?.toLowerCase()
  if (version === undefined || antimalware === undefined) {
    refuseRights(captured, 'bduitool')
    throw unread(captured, '`Product version` and `Antimalware status` of `bduitool get ps`')
  }
  const isOld = /^yes$/i.test(lines.get('New security content available') ?? '')
  const product: AntivirusProduct = {
    ...unknownProduct('Bitdefender Endpoint Security Tools'),
    vendor: 'Bitdefender',
    version: cut(version, 64),
    running: antimalware === 'on',
    realtime: antimalware === 'on' ? null : false,
    passive: false,
    signaturesVersion: cut(lines.get('Engines version') ?? '', 64) || null,
    signaturesAt: updatedAt(captured),
    signaturesCurrent: isOld ? false : null,
  }
  return { products: [product] }
}

/** `2023-08-24 at 11:44:37 GMT+2`; null for another zone's name, or never. */
function updatedAt({ text }: Captured): number | null {
  const [, day, clock, sign = '+', hours = '0', minutes = '0'] =
    /^Last security content update: (\d{4}-\d\d-\d\d) at (\d\d:\d\d:\d\d) (?:GMT|UTC)(?:([+-])(\d{1,2})(?::?(\d\d))?)?\s*$/m.exec(text) ??
    []
  const at = day === undefined ? Number.NaN : Date.parse(`${day}T${clock}Z`)
  const offset = (Number(hours) * 60 + Number(minutes)) * 60_000
  return at > 0 ? at - (sign === '-' ? -offset : offset) : null
}
