import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, type Captured, defineProbe, type Inputs, sole } from '../../probe.ts'
import { cut } from '../gather.ts'
import { colonLines, isServices, printed, refuseRights, runsAsService, services, unread } from './evidence.ts'
import { type AntivirusProduct, unknownProduct } from './product.ts'

const CYTOOL = {
  linux: '/opt/traps/bin/cytool',
  darwin: '/Library/Application Support/PaloAltoNetworks/Traps/bin/cytool',
  win32: null,
} as const
/** The process that protects, on both systems; without it the others have nothing to do. */
const MAIN = 'pmd'
/** Processes that are always there with it. Others come and go with the policy (live terminal, scripts of the console). */
const ALWAYS = new Set(['authorized', 'dypd'])

/** Cortex XDR agent: its processes, and the content that it detects by; see "Cytool" in the administrator's guide of Palo Alto Networks. */
export default defineProbe({
  subject: 'antivirus',
  source: 'cortex-xdr',
  platforms: ['linux', 'darwin'],
  every: '30m',
  timeout: '90s',
  privilege: 'root: cytool answers nobody else',
  blind:
    'What its policy prevents, and whether its console hears it. Windows, where cytool wants a password: there the Security Center tells of it.',
  inputs: {
    runtime: {
      from: `${CYTOOL.linux} runtime query`,
      recognise: text => /^\s{0,40}Name\s{1,40}PID\s{1,40}User\s{1,40}Status\s{1,40}Command/m.test(text.slice(0, 4_000)),
    },
    content: {
      from: `${CYTOOL.linux} info query`,
      recognise: text => /^\s{0,8}Content (Version|Type|Build)\s*:/m.test(text.slice(0, 4_000)),
    },
    info: { from: `${CYTOOL.linux} info`, recognise: text => /^Cortex XDR \(R\) supervisor tool/m.test(text.slice(0, 4_000)) },
    unit: { from: 'systemctl show traps_pmd.service', recognise: text => isServices(text, /traps_pmd/) },
  },
  parse: parseCortexXdr,

  async read(host: Host) {
    const tool = CYTOOL[host.platform]
    const runtime = tool === null ? [] : await printed(host, tool, 'runtime', 'query')
    if (tool === null || runtime.length === 0) throw new Absent('Cortex XDR is not installed')
    const content = await printed(host, tool, 'info', 'query')
    return parseCortexXdr({ runtime, content, info: await printed(host, tool, 'info'), unit: await services(host, 'traps_pmd.service') })
  },
})

/** @throws Denied to others than root, Error where neither processes nor version are told */
export function parseCortexXdr(inputs: Inputs): FactTypes['antivirus'] {
  const [runtime, content, info, unit] = ['runtime', 'content', 'info', 'unit'].map(name => sole(inputs, name))
  const processes = runtime ? processesOf(runtime) : new Map<string, string>()
  const version = /^Cortex XDR \(R\) supervisor tool (\d[\w.]{1,40})\s*$/m.exec(info?.text.slice(0, 4_000) ?? '')?.[1]
  const signatures = colonLines(content?.text.slice(0, 16_384) ?? '').get('Content Version')
  const service = runsAsService(unit)
  if (processes.size === 0 && version === undefined && signatures === undefined && service === null) {
    const captured = content ?? info
    if (captured) {
      refuseRights(captured, 'cytool')
      throw unread(captured, '`Content Version` of `cytool info query`')
    }
    throw new Error('Cannot tell anything of Cortex XDR: wanted `cytool runtime query`')
  }
  const main = processes.get(MAIN)
  const running = main === undefined ? service : isUp(main)
  const down = [...processes].filter(([name, status]) => ALWAYS.has(name) && !isUp(status)).map(([name]) => name)
  const product: AntivirusProduct = {
    ...unknownProduct('Cortex XDR'),
    vendor: 'Palo Alto Networks',
    version: version ?? null,
    kind: 'edr',
    running,
    // Running tells nothing of the policy, which may only report.
    realtime: running === false ? false : null,
    passive: false,
    signaturesVersion: signatures === undefined || signatures === '' ? null : cut(signatures, 64),
    degraded: running && down.length > 0 ? `${down.join(', ')} does not run` : null,
  }
  return { products: [product] }
}

const isUp = (status: string): boolean => /^(running|loaded)$/i.test(status)

/** Rows of `Name PID User Status Command`, set to the right; names may hold a space. @throws where a row cannot be read, or the table is empty */
function processesOf(captured: Captured): Map<string, string> {
  refuseRights(captured, 'cytool')
  const lines = captured.text.slice(0, 65_536).split('\n')
  const at = lines.findIndex(line => /^\s*Name\s+PID\s+User\s+Status\s+Command\s*$/.test(line))
  if (at < 0) throw unread(captured, 'the table of `cytool runtime query`')
  const processes = new Map<string, string>()
  for (const line of lines.slice(at + 1).filter(row => row.trim() !== '')) {
    const [, name, status] =
      /^\s{0,60}([A-Za-z][\w -]{0,60}?)\s{1,40}(?:\d{1,10}|N\/A|-)\s{1,40}\S{1,64}\s{1,60}([A-Za-z]{3,20})\s{1,40}\S/.exec(line) ?? []
    if (name === undefined || status === undefined) throw new Error(`Cannot read the row ${cut(line, 100)} of cytool`)
    processes.set(name, status)
  }
  if (processes.size === 0) throw unread(captured, 'a process in the table of `cytool runtime query`')
  return processes
}
