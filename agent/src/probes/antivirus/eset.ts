import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, type Captured, defineProbe, type Inputs, type ParseContext, sole } from '../../probe.ts'
import { cut } from '../gather.ts'
import { isRegistry, queryKey, registryOf, registryValue } from '../windows/registry.ts'
import { isServices, printed, refuseRights, runsAsService, services, unread } from './evidence.ts'
import { type AntivirusProduct, unknownProduct } from './product.ts'
import { productOfServices, serviceInput, servicesOfWindows } from './windows-services.ts'

/** Endpoint Antivirus and Server Security differ by folder and name only. */
const PRODUCTS = { eea: 'ESET Endpoint Antivirus', efs: 'ESET Server Security' } as const
/** A licence is judged by the day, ms. */
const DAY_MS = 86_400_000

/** Of Windows. */
const SERVICES = /^ekrn$/i
const INFO = 'HKLM\\SOFTWARE\\ESET\\ESET Security\\CurrentVersion\\Info'

/**
 * ESET on Linux: date of the detection engine, licence and service; see `upd` and `lic` in ESET's online help. Whether it watches is a setting
 * that no command of it tells.
 */
export default defineProbe({
  subject: 'antivirus',
  source: 'eset',
  platforms: ['linux', 'win32'],
  every: '1h',
  timeout: '90s',
  privilege: 'root: lic answers nobody else',
  blind: 'Whether real-time protection is switched on; when it last scanned. On Windows the licence too.',
  inputs: {
    modules: { from: '/opt/eset/eea/bin/upd --list-modules', recognise: text => /^EM\d{3}\s+\d/m.test(text) },
    license: {
      from: '/opt/eset/eea/sbin/lic --status',
      recognise: text => /^License (Validity|ID|Type|Name)/im.test(text) || /\blicen[sc]e\b/i.test(text),
    },
    version: { from: '/opt/eset/eea/bin/upd -version', recognise: text => /\((eea|efs)\)\s*\d/.test(text) },
    unit: { from: 'systemctl show eea.service efs.service', recognise: text => isServices(text, /=(eea|efs)\.service/) },
    services: serviceInput(SERVICES),
    registry: { from: `reg.exe query "${INFO}" /reg:64`, recognise: isRegistry },
  },
  parse: parseEset,

  async read(host: Host) {
    if (host.platform === 'win32') {
      const inputs = { services: await servicesOfWindows(host, SERVICES), registry: [await queryKey(host, INFO)] }
      return parseEset(inputs, { now: host.now(), hostname: host.hostname, options: undefined })
    }
    for (const folder of Object.keys(PRODUCTS)) {
      const modules = await printed(host, `/opt/eset/${folder}/bin/upd`, '--list-modules')
      if (modules.length === 0) continue
      const inputs = {
        modules,
        license: await printed(host, `/opt/eset/${folder}/sbin/lic`, '--status'),
        version: await printed(host, `/opt/eset/${folder}/bin/upd`, '-version'),
        unit: await services(host, 'eea.service', 'efs.service'),
      }
      return parseEset(inputs, { now: host.now(), hostname: host.hostname, options: undefined })
    }
    throw new Absent('ESET is not installed')
  },
})

/** @throws Denied to others than root, Error where nothing of it can be read */
export function parseEset(inputs: Inputs, { now }: ParseContext): FactTypes['antivirus'] {
  if (inputs.services) return onWindows(inputs)
  const [modules, license, version, unit] = ['modules', 'license', 'version', 'unit'].map(name => sole(inputs, name))
  const engine = modules && engineOf(modules)
  const [, family = 'eea', release] = /\((eea|efs)\)\s*(\d[\d.]{1,40})/.exec(version?.text ?? '') ?? []
  const running = runsAsService(unit)
  const validity = license && validityOf(license)
  if (engine === undefined && release === undefined && running === null && validity === undefined) {
    throw new Error('Cannot tell anything of ESET: wanted its modules, licence, version or service')
  }
  const product: AntivirusProduct = {
    ...unknownProduct(family === 'efs' ? PRODUCTS.efs : PRODUCTS.eea),
    vendor: 'ESET',
    version: release ?? null,
    running,
    realtime: running === false ? false : null,
    passive: false,
    signaturesVersion: engine?.version ?? null,
    signaturesAt: engine?.at ?? null,
    degraded: validity === undefined ? null : degradedBy(validity, now),
  }
  return { products: [product] }
}

/** `ScannerVersion` is `28216 (20231107)`, some releases with a letter behind the number. */
function onWindows(inputs: Inputs): FactTypes['antivirus'] {
  const registry = registryOf(inputs.registry ?? [])
  const said = (name: string) => registryValue(registry, '\\eset security\\currentversion\\info', name)
  const [signaturesVersion, year, month, day] = /^\d{1,12}[A-Z]? \((\d{4})(\d\d)(\d\d)\)$/.exec(said('ScannerVersion') ?? '') ?? []
  const at = Date.UTC(Number(year), Number(month) - 1, Number(day))
  const product = {
    ...unknownProduct(cut(said('ProductName') ?? '', 64) || 'ESET Security'),
    vendor: 'ESET',
    version: cut(said('ProductVersion') ?? '', 64) || null,
    signaturesVersion: signaturesVersion ?? null,
    signaturesAt: at > 0 ? at : null,
  }
  return productOfServices(inputs, SERVICES, product, 'registered')
}

/** `EM002 28216 (20231107) Detection engine`: the day on which it was made. @throws where the module is not in the list */
function engineOf(captured: Captured): { version: string; at: number } {
  refuseRights(captured, 'upd')
  const [, number, year, month, day] =
    /^EM002\s{1,20}(\d{1,12})\s{1,20}\((\d{4})(\d\d)(\d\d)\)\s{1,40}Detection engine\b/m.exec(captured.text) ?? []
  const at = Date.UTC(Number(year), Number(month) - 1, Number(day))
  if (!number || !(at > 0)) throw unread(captured, 'the module EM002, the detection engine, in `upd --list-modules`')
  return { version: `${number} (${year}${month}${day})`, at }
}

/** Last day of the licence, epoch ms; `none` where there is no licence. */
function validityOf(captured: Captured): number | 'none' | undefined {
  refuseRights(captured, 'lic')
  const day = /^[ \t]{0,40}License Validity:\s*(\d{4}-\d\d-\d\d)/im.exec(captured.text)?.[1]
  const at = day === undefined ? Number.NaN : Date.parse(`${day}T00:00:00Z`)
  if (at > 0) return at
  return /not activated|no licen[sc]e|licen[sc]e not found|status:\s*not /i.test(captured.text) ? 'none' : undefined
}

function degradedBy(validity: number | 'none', now: number): string | null {
  if (validity === 'none') return 'it has no licence'
  return validity + DAY_MS < now ? `its licence ended on ${new Date(validity).toISOString().slice(0, 10)}` : null
}
