import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, type Captured, defineProbe, type Inputs, sole } from '../../probe.ts'
import { present, readable } from '../gather.ts'
import { isServices, printed, refuseRights, runsAsService, services, unread } from './evidence.ts'
import { type AntivirusProduct, unknownProduct } from './product.ts'
import { productOfServices, serviceInput, servicesOfWindows } from './windows-services.ts'

const SPL = '/opt/sophos-spl'
const SAVDSTATUS = '/opt/sophos-av/bin/savdstatus'

/** Of Windows: the scanner of the older Sophos Anti-Virus, and the service that guards all of Sophos Endpoint. */
const SERVICES = /^(SAVService|Sophos Endpoint Defense Service)$/i

/**
 * Sophos Protection for Linux and the older Sophos Anti-Virus: service, on-access scanning (off by default), version; see "Sophos Protection for
 * Linux" and savdstatus(1).
 */
export default defineProbe({
  subject: 'antivirus',
  source: 'sophos',
  platforms: ['linux', 'win32'],
  every: '1h',
  timeout: '60s',
  privilege: 'root: others may not enter its folders',
  blind: 'The age of its signatures; whether Sophos Central hears it. On Windows whatever its service does not tell.',
  inputs: {
    savdstatus: { from: SAVDSTATUS, recognise: text => /^Sophos Anti-Virus (daemon )?is |on-access scanning is /im.test(text) },
    version: { from: `${SPL}/base/VERSION.ini`, recognise: text => /^PRODUCT_NAME\s*=.*Sophos|^PRODUCT_VERSION\s*=/m.test(text) },
    onaccess: { from: `${SPL}/plugins/av/var/soapd_config.json`, recognise: text => /"excludeRemoteFiles"|"enabled"\s*:/.test(text) },
    unit: { from: 'systemctl show sophos-spl.service', recognise: text => isServices(text, /sophos|sav-protect/) },
    services: serviceInput(SERVICES),
  },
  parse: parseSophos,

  async read(host: Host) {
    if (host.platform === 'win32') return parseSophos({ services: await servicesOfWindows(host, SERVICES) })
    const version = await host.captured(`${SPL}/base/VERSION.ini`, { missing: undefined })
    if (version) {
      return parseSophos({
        version: [version],
        onaccess: present(await readable(host, `${SPL}/plugins/av/var/soapd_config.json`)),
        unit: await services(host, 'sophos-spl.service'),
      })
    }
    const savdstatus = await printed(host, SAVDSTATUS)
    if (savdstatus.length === 0) throw new Absent('Sophos is not installed')
    return parseSophos({ savdstatus, unit: await services(host, 'sav-protect.service') })
  },
})

/** @throws Denied to others than root, Error where nothing of it can be read */
export function parseSophos(inputs: Inputs): FactTypes['antivirus'] {
  if (inputs.services) return productOfServices(inputs, SERVICES, { ...unknownProduct('Sophos Endpoint'), vendor: 'Sophos' }, 'registered')
  const [savdstatus, version, onaccess, unit] = ['savdstatus', 'version', 'onaccess', 'unit'].map(name => sole(inputs, name))
  const older = savdstatus && fromSavdstatus(savdstatus)
  const service = runsAsService(unit)
  const release = /^PRODUCT_VERSION\s*=\s*(\d[\w.]{1,40})\s*$/m.exec(version?.text ?? '')?.[1]
  const watches = older ? older.onAccess : onaccess ? enabledIn(onaccess) : null
  if (!older && service === null && release === undefined && watches === null)
    throw new Error('Cannot tell anything of Sophos: wanted its version, status or service')
  const running = service ?? older?.running ?? null
  const product: AntivirusProduct = {
    ...unknownProduct(older ? 'Sophos Anti-Virus' : 'Sophos Protection for Linux'),
    vendor: 'Sophos',
    version: release ?? null,
    running,
    // Switched on in the settings is not yet running.
    realtime: running === false || watches === false ? false : running && watches ? true : null,
    passive: false,
  }
  return { products: [product] }
}

function fromSavdstatus(captured: Captured): { running: boolean; onAccess: boolean | null } {
  const text = captured.text.slice(0, 4096)
  const [, active] = /Sophos Anti-Virus (?:daemon )?is (active|running|inactive|not running|not active)\b/i.exec(text) ?? []
  const [, scanning] = /on-access scanning is (not running|running|disabled|enabled)\b/i.exec(text) ?? []
  if (active === undefined && scanning === undefined) {
    refuseRights(captured, 'savdstatus')
    throw unread(captured, '`Sophos Anti-Virus is active` of savdstatus')
  }
  const onAccess = scanning === undefined ? null : /^(running|enabled)$/i.test(scanning)
  return { running: active === undefined ? onAccess === true : /^(active|running)$/i.test(active), onAccess }
}

function enabledIn({ text }: Captured): boolean | null {
  try {
    const parsed: unknown = JSON.parse(text)
    const value = typeof parsed === 'object' && parsed !== null && 'enabled' in parsed ? parsed.enabled : null
    return value === true || value === 'true' ? true : value === false || value === 'false' ? false : null
  } catch {
    return null
  }
}
