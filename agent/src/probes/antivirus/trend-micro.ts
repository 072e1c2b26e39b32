import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, defineProbe, type Inputs, sole } from '../../probe.ts'
import { cut } from '../gather.ts'
import { colonLines, isServices, printed, refuseRights, runsAsService, services, unread } from './evidence.ts'
import { type AntivirusProduct, unknownProduct } from './product.ts'
import { productOfServices, serviceInput, servicesOfWindows } from './windows-services.ts'

const QUERY = '/opt/ds_agent/dsa_query'

/** Of Windows: the scanner of Apex One, and the agent of Deep Security. */
const SERVICES = /^(ntrtscan|ds_agent)$/i

/** Trend Micro Deep Security and Server & Workload Protection agent: state and anti-malware module; see `dsa_query` in "Command-line basics" of its guide. */
export default defineProbe({
  subject: 'antivirus',
  source: 'trend-micro',
  platforms: ['linux', 'win32'],
  every: '1h',
  timeout: '60s',
  privilege: 'root: dsa_query answers nobody else',
  blind: 'The day of its patterns: it tells their versions only. On Windows whatever its service does not tell.',
  inputs: {
    status: { from: `${QUERY} -c GetAgentStatus`, recognise: text => /^[ \t]{0,40}AgentStatus\.\w/m.test(text) },
    antimalware: { from: `${QUERY} -c GetComponentInfo -r au AM`, recognise: text => /^[ \t]{0,40}Component\.AM\.\w/m.test(text) },
    unit: { from: 'systemctl show ds_agent.service', recognise: text => isServices(text, /ds_agent/) },
    services: serviceInput(SERVICES),
  },
  parse: parseTrendMicro,

  async read(host: Host) {
    if (host.platform === 'win32') return parseTrendMicro({ services: await servicesOfWindows(host, SERVICES) })
    const status = await printed(host, QUERY, '-c', 'GetAgentStatus')
    if (status.length === 0) throw new Absent('the agent of Trend Micro is not installed')
    const antimalware = await printed(host, QUERY, '-c', 'GetComponentInfo', '-r', 'au', 'AM')
    return parseTrendMicro({ status, antimalware, unit: await services(host, 'ds_agent.service') })
  },
})

/** @throws Denied to others than root, Error where neither the agent nor its module is told */
export function parseTrendMicro(inputs: Inputs): FactTypes['antivirus'] {
  if (inputs.services)
    return productOfServices(inputs, SERVICES, { ...unknownProduct('Trend Micro agent'), vendor: 'Trend Micro' }, 'registered')
  const captures = [sole(inputs, 'status'), sole(inputs, 'antimalware')].filter(one => one !== undefined)
  const lines = colonLines(captures.map(captured => captured.text.slice(0, 65_536)).join('\n'))
  const state = /^(green|yellow|red)$/i.exec(lines.get('AgentStatus.agentState') ?? '')?.[1]?.toLowerCase()
  const mode = lines.get('Component.AM.mode')
  const service = runsAsService(sole(inputs, 'unit'))
  if (state === undefined && mode === undefined && service === null) {
    for (const captured of captures) refuseRights(captured, 'dsa_query')
    throw captures[0]
      ? unread(captures[0], '`AgentStatus.agentState` of dsa_query')
      : new Error('Cannot judge without what dsa_query prints')
  }
  const running = service ?? (state === undefined ? null : state !== 'red')
  const offline = /^true$/i.test(lines.get('Component.AM.driverOffline') ?? '')
  const reasons = [
    ...(state !== undefined && state !== 'green' ? [`the agent says ${state}`] : []),
    ...(offline ? ['its driver is offline'] : []),
  ]
  const patterns = [...lines].find(([key]) => /^Component\.AM\.version\.pattern\.VSAPI$/i.test(key))?.[1]
  const product: AntivirusProduct = {
    ...unknownProduct('Trend Micro Deep Security Agent'),
    vendor: 'Trend Micro',
    version: cut(lines.get('AgentStatus.agentVersion') ?? lines.get('Component.Core.version') ?? '', 64) || null,
    running,
    realtime: running === false || offline ? false : watches(mode),
    passive: false,
    signaturesVersion: patterns ? cut(patterns, 64) : null,
    degraded: reasons.length === 0 ? null : reasons.join('; '),
  }
  return { products: [product] }
}

function watches(mode: string | undefined): boolean | null {
  if (mode === undefined) return null
  if (/^(on-?access|real-?time)/i.test(mode)) return true
  return /^(off|on-?demand|manual|not|none)/i.test(mode) ? false : null
}
