import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, type Captured, defineProbe, type Inputs, sole } from '../../probe.ts'
import { present, readable } from '../gather.ts'
import { printed, refuseRights, unread } from './evidence.ts'
import { type AntivirusProduct, unknownProduct } from './product.ts'
import { productOfServices, serviceInput, servicesOfWindows } from './windows-services.ts'

const CONTROLS = ['/var/ossec/bin/wazuh-control', '/var/ossec/bin/ossec-control', '/Library/Ossec/bin/wazuh-control']
const STATES = [
  '/var/ossec/var/run/wazuh-agentd.state',
  '/var/ossec/var/run/ossec-agentd.state',
  '/Library/Ossec/var/run/wazuh-agentd.state',
]

/** Of Windows; the older name is OssecSvc. */
const SERVICES = /^(WazuhSvc|OssecSvc)$/i
const STATE_WIN32 = 'C:\\Program Files (x86)\\ossec-agent\\wazuh-agent.state'

/** Wazuh agent: its daemons, and whether its manager hears it; see `wazuh-control` and wazuh-agentd.state in Wazuh's documentation. It watches logs and files, and stops nothing. */
export default defineProbe({
  subject: 'antivirus',
  source: 'wazuh',
  platforms: ['linux', 'darwin', 'win32'],
  every: '30m',
  timeout: '60s',
  privilege: 'root: only it may enter /var/ossec',
  blind: 'What the manager makes of what it hears.',
  inputs: {
    status: { from: `${CONTROLS[0]} status`, recognise: text => /^(wazuh|ossec)-\w+ (is|not) running/m.test(text) },
    info: { from: `${CONTROLS[0]} info`, recognise: text => /^WAZUH_VERSION=/m.test(text) },
    state: { from: STATES[0] ?? '', recognise: text => /^status='/m.test(text) },
    services: serviceInput(SERVICES),
  },
  parse: parseWazuh,

  async read(host: Host) {
    if (host.platform === 'win32')
      return parseWazuh({ services: await servicesOfWindows(host, SERVICES), state: present(await readable(host, STATE_WIN32)) })
    for (const control of CONTROLS) {
      const status = await printed(host, control, 'status')
      if (status.length === 0) continue
      const state = await Promise.all(STATES.map(path => readable(host, path)))
      return parseWazuh({ status, info: await printed(host, control, 'info'), state: present(...state) })
    }
    throw new Absent('Wazuh is not installed')
  },
})

/** @throws Denied to others than root, Error where its daemons are not told */
export function parseWazuh(inputs: Inputs): FactTypes['antivirus'] {
  if (inputs.services) return onWindows(inputs)
  const [status, info, state] = ['status', 'info', 'state'].map(name => sole(inputs, name))
  const daemons = status ? daemonsOf(status) : new Map<string, boolean>()
  const version = /^WAZUH_VERSION="v?(\d[\w.-]{1,40})"/m.exec(info?.text ?? '')?.[1]
  const connection = /^status='(\w{1,40})'/m.exec(state?.text ?? '')?.[1]
  if (daemons.size === 0 && version === undefined && connection === undefined)
    throw new Error('Cannot tell anything of Wazuh: wanted `wazuh-control status`')
  const stopped = [...daemons].filter(([, runs]) => !runs).map(([name]) => name)
  const running = daemons.get('agentd') ?? null
  const reasons = [
    ...(running && stopped.length > 0 ? [`${stopped.slice(0, 8).join(', ')} not running`] : []),
    ...(connection !== undefined && connection !== 'connected' ? [`its manager: ${connection}`] : []),
  ]
  const product: AntivirusProduct = {
    ...unknownProduct('Wazuh agent'),
    vendor: 'Wazuh',
    version: version ?? null,
    kind: 'edr',
    running,
    passive: false,
    degraded: reasons.length === 0 ? null : reasons.join('; '),
  }
  return { products: [product] }
}

/** The agent of Windows watches logs and files as well: malware passes it, so it is never the one in charge. */
function onWindows(inputs: Inputs): FactTypes['antivirus'] {
  const connection = /^status='(\w{1,40})'/m.exec(sole(inputs, 'state')?.text ?? '')?.[1]
  const degraded = connection !== undefined && connection !== 'connected' ? `its manager: ${connection}` : null
  const product = { ...unknownProduct('Wazuh agent'), vendor: 'Wazuh', kind: 'edr' as const, realtime: false, passive: true, degraded }
  return productOfServices(inputs, SERVICES, product)
}

/** `wazuh-agentd is running...`, `wazuh-syscheckd not running...`; one process that died leaves its pid file and a line about it. */
function daemonsOf(captured: Captured): Map<string, boolean> {
  const lines = captured.text.slice(0, 65_536).matchAll(/^(?:wazuh|ossec)-(\w{1,40}) (is|not) running/gm)
  const daemons = new Map([...lines].map(([, name = '', word]) => [name, word === 'is']))
  if (daemons.size > 0) return daemons
  refuseRights(captured, 'wazuh-control')
  throw unread(captured, '`wazuh-agentd is running` of `wazuh-control status`')
}
