import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, defineProbe, type Inputs, needed, type ParseContext, sole } from '../../probe.ts'
import { cut } from '../gather.ts'
import { colonLines, isServices, localTime, printed, refuseRights, runsAsService, services, unread } from './evidence.ts'
import { type AntivirusProduct, unknownProduct } from './product.ts'
import { productOfServices, serviceInput, servicesOfWindows } from './windows-services.ts'

const TOOLS = ['kesl-control', '/opt/kaspersky/kesl/bin/kesl-control']

/** Of Windows: named after the product and its version (`AVP.KES.21.15`). */
const SERVICES = /^AVP(\.?[\w.]{0,40})?$/i

/** Kaspersky Endpoint Security for Linux: file protection, databases and licence; see `kesl-control --app-info` in its administration guide. */
export default defineProbe({
  subject: 'antivirus',
  source: 'kaspersky',
  platforms: ['linux', 'win32'],
  every: '1h',
  timeout: '60s',
  privilege: 'root, or the role of an auditor of the product',
  blind:
    'What its tasks found. Its times have no zone, so they are read by the clock of the machine. On Windows whatever its service does not tell.',
  inputs: {
    info: {
      from: 'kesl-control --app-info',
      recognise: text =>
        /^[ \t]{0,40}(Last release date of databases|Application databases loaded|File (Threat Protection|monitoring)|KSN state)\s*:/m.test(
          text,
        ),
    },
    unit: { from: 'systemctl show kesl.service', recognise: text => isServices(text, /kesl/) },
    services: serviceInput(SERVICES),
  },
  parse: parseKaspersky,

  async read(host: Host) {
    if (host.platform === 'win32')
      return parseKaspersky(
        { services: await servicesOfWindows(host, SERVICES) },
        { now: host.now(), hostname: host.hostname, options: undefined },
      )
    for (const tool of TOOLS) {
      const info = await printed(host, tool, '--app-info')
      if (info.length === 0) continue
      const inputs = { info, unit: await services(host, 'kesl.service', 'kesl-supervisor.service') }
      return parseKaspersky(inputs, { now: host.now(), hostname: host.hostname, options: undefined })
    }
    throw new Absent('Kaspersky Endpoint Security is not installed')
  },
})

/** @throws Denied without the right, Error where neither protection nor databases are told */
export function parseKaspersky(inputs: Inputs, { now }: ParseContext): FactTypes['antivirus'] {
  if (inputs.services)
    return productOfServices(inputs, SERVICES, { ...unknownProduct('Kaspersky Endpoint Security'), vendor: 'Kaspersky' }, 'registered')
  const captured = needed(inputs, 'info')
  const lines = colonLines(captured.text.slice(0, 65_536))
  const files = lines.get('File Threat Protection') ?? lines.get('File monitoring')
  const loaded = lines.get('Application databases loaded') ?? lines.get('Anti-virus databases loaded')
  const released = lines.get('Last release date of databases')
  if (files === undefined && released === undefined && loaded === undefined) {
    refuseRights(captured, 'kesl-control')
    throw unread(captured, '`File Threat Protection` and `Last release date of databases` of `kesl-control --app-info`')
  }
  const running = runsAsService(sole(inputs, 'unit')) ?? (files === undefined ? null : true)
  const product: AntivirusProduct = {
    ...unknownProduct('Kaspersky Endpoint Security'),
    vendor: 'Kaspersky',
    version: cut(lines.get('Version') ?? '', 64) || null,
    running,
    realtime: running === false ? false : watches(files),
    passive: false,
    signaturesAt: released === undefined ? null : localTime(released),
    signaturesCurrent: loaded === undefined || /^yes$/i.test(loaded) ? null : false,
    degraded: degradedBy(lines, loaded, now),
  }
  return { products: [product] }
}

/** `Available and running`, `Available and stopped`, `Unavailable due to license limitation`. */
function watches(state: string | undefined): boolean | null {
  if (state === undefined) return null
  if (/^available and running$/i.test(state)) return true
  return /stopped|unavailable|not running|disabled/i.test(state) ? false : null
}

function degradedBy(lines: ReadonlyMap<string, string>, loaded: string | undefined, now: number): string | null {
  const [, ends] = [...lines].find(([key]) => /license expiration date$/i.test(key)) ?? []
  const at = ends === undefined ? null : localTime(ends)
  const licence = lines.get('License information') ?? lines.get('License status')
  const reasons = [
    ...(at !== null && at < now ? [`its licence ended on ${ends}`] : []),
    ...(licence !== undefined && /expired|invalid|not |no /i.test(licence) ? [licence] : []),
    ...(loaded !== undefined && !/^yes$/i.test(loaded) ? ['its databases are not loaded'] : []),
  ]
  return reasons.length === 0 ? null : cut(reasons.join('; '), 500)
}
