import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, type Captured, defineProbe, type Inputs, needed, sole } from '../../probe.ts'
import { cut, present } from '../gather.ts'
import { runIfThere } from '../property-list.ts'
import { type AntivirusProduct, unknownProduct } from './product.ts'

const CATEGORY = 'com.apple.system_extension.endpoint_security'
/** More rows than any Mac has, and longer output of ps than any Mac prints, characters. */
const LONGEST_LIST = 256 * 1024
const LONGEST_PROCESSES = 4 * 1024 * 1024

type Vendor = {
  readonly name: string
  readonly vendor: string
  readonly kind: AntivirusProduct['kind']
  /** Start of the bundle ids of its endpoint security extensions. */
  readonly bundles: string
  /** Whether its own tool is a source too, which tells more: then only what macOS keeps from it is told here. */
  readonly own: 'source' | 'none'
}

/** Products by the team that signed them; a team is given out by Apple once and for ever. */
const VENDORS: { readonly [team: string]: Vendor } = {
  '2H5GFH3774': { name: 'Sophos Endpoint', vendor: 'Sophos', kind: 'antivirus', bundles: 'com.sophos.', own: 'none' },
  P8DQRXPVLP: { name: 'ESET Endpoint Security', vendor: 'ESET', kind: 'antivirus', bundles: 'com.eset.', own: 'none' },
  GUNFMW623Y: { name: 'Bitdefender', vendor: 'Bitdefender', kind: 'antivirus', bundles: 'com.bitdefender.', own: 'none' },
  E8P47U2H32: { name: 'Trend Micro', vendor: 'Trend Micro', kind: 'antivirus', bundles: 'com.trendmicro.', own: 'none' },
  '2Y8XE5CQ94': { name: 'Kaspersky', vendor: 'Kaspersky', kind: 'antivirus', bundles: 'com.kaspersky.', own: 'none' },
  '483DWKW443': { name: 'Jamf Protect', vendor: 'Jamf', kind: 'edr', bundles: 'com.jamf.protect', own: 'none' },
  UBF8T346G9: { name: 'Microsoft Defender for Endpoint', vendor: 'Microsoft', kind: 'edr', bundles: 'com.microsoft.wdav', own: 'source' },
  X9E956P446: { name: 'CrowdStrike Falcon', vendor: 'CrowdStrike', kind: 'edr', bundles: 'com.crowdstrike.', own: 'source' },
  '4AYE5J54KN': { name: 'SentinelOne', vendor: 'SentinelOne', kind: 'edr', bundles: 'com.sentinelone.', own: 'source' },
  '7AGZNQ2S2T': { name: 'Carbon Black Cloud', vendor: 'Carbon Black', kind: 'edr', bundles: 'com.vmware.carbonblack.', own: 'source' },
  PXPZ95SK77: { name: 'Cortex XDR', vendor: 'Palo Alto Networks', kind: 'edr', bundles: 'com.paloaltonetworks.', own: 'source' },
}

type Extension = { readonly team: string; readonly bundle: string; readonly version: string; readonly state: string }

/**
 * What macOS lets products of other makers see: without an endpoint security extension that a person or device management allowed, they see nothing
 * (systemextensionsctl(8)). A product whose own tool is no source is told here, as far as its extension tells of it.
 */
export default defineProbe({
  subject: 'antivirus',
  source: 'system-extensions',
  platforms: ['darwin'],
  every: '1h',
  timeout: '60s',
  blind:
    'Whether a product has Full Disk Access, which it needs besides; what its policy prevents, and how old its signatures are. Products of makers that are not listed.',
  inputs: {
    list: {
      from: 'systemextensionsctl list',
      recognise: text => /^\d{1,4} extension\(s\)\s*$/m.test(text.slice(0, 4_000)) || text.includes(`--- ${CATEGORY}`),
    },
    processes: { from: 'ps -axo comm=', recognise: text => /^\/sbin\/launchd\s*$/m.test(text.slice(0, 10_000)) },
  },
  parse: parseSystemExtensions,

  async read(host: Host) {
    const list = await runIfThere(host, ['systemextensionsctl', 'list'], 20_000)
    if (!list) throw new Absent('this macOS has no system extensions')
    return parseSystemExtensions({ list: [list], processes: present(await runIfThere(host, ['ps', '-axo', 'comm='], 10_000)) })
  },
})

/** @throws Absent where no listed product has such an extension, Error where the list is not whole */
export function parseSystemExtensions(inputs: Inputs): FactTypes['antivirus'] {
  const extensions = extensionsOf(needed(inputs, 'list'))
  const running = bundlesRunning(sole(inputs, 'processes'))
  const known = extensions.filter(({ team, bundle }) => Object.hasOwn(VENDORS, team) && bundle.startsWith(VENDORS[team]?.bundles ?? ' '))
  if (known.length === 0) throw new Absent('no endpoint security extension of a known product is there')
  const products = [...Map.groupBy(known, ({ team }) => team)].flatMap(([team, own]) => {
    const vendor = VENDORS[team]
    return vendor ? productOf(vendor, own, running) : []
  })
  return { products }
}

function productOf(vendor: Vendor, extensions: readonly Extension[], running: ReadonlySet<string> | null): AntivirusProduct[] {
  const bundles = [...Map.groupBy(extensions, ({ bundle }) => bundle)]
  const refused = bundles.flatMap(([bundle, rows]) =>
    rows.some(({ state }) => state === 'activated enabled') ? [] : [`${bundle}: ${rows[0]?.state}`],
  )
  const down = running === null ? [] : bundles.flatMap(([bundle]) => (running.has(bundle) ? [] : [bundle]))
  const runs = refused.length > 0 || down.length > 0 ? false : running === null ? null : true
  if (vendor.own === 'source' && runs !== false) return []
  return [
    {
      ...unknownProduct(`${vendor.name} (system extension)`),
      vendor: vendor.vendor,
      version: cut(extensions[0]?.version ?? '', 64) || null,
      kind: vendor.kind,
      running: runs,
      realtime: runs === false ? false : null,
      degraded:
        refused.length > 0
          ? cut(`macOS does not let it look: ${refused.join(', ')}`, 500)
          : down.length > 0
            ? cut(`allowed, but does not run: ${down.join(', ')}`, 500)
            : null,
    },
  ]
}

/**
 * Rows of the endpoint security category: `enabled active teamID bundleID (version) name [state]`, where the first two are stars or nothing. What is
 * terminated waits to be removed, and is left out. @throws where the number of rows is not the one that the list begins with: half of it would look fine
 */
function extensionsOf({ text, stderr }: Captured): Extension[] {
  if (text.length > LONGEST_LIST) throw new Error(`Cannot read a list of ${text.length} characters`)
  const count = /^(\d{1,4}) extension\(s\)\s*$/m.exec(text)?.[1]
  if (count === undefined) throw new Error(`Cannot read the system extensions: ${cut(text || stderr, 150) || 'nothing was printed'}`)
  let category = ''
  let rows = 0
  const found: Extension[] = []
  for (const line of text.split('\n')) {
    category = /^--- (\S{1,200})/.exec(line)?.[1] ?? category
    const [, team, bundle, version, state] =
      /^[*\s]{0,20}([A-Z0-9]{10})\s{1,20}([\w.-]{3,200}) \(([^()]{1,100})\)[^[\]]{0,300}\[([a-z_ ]{3,80})\]\s*$/.exec(line) ?? []
    if (team === undefined || bundle === undefined || version === undefined || state === undefined) continue
    rows++
    if (category === CATEGORY && !state.startsWith('terminated')) found.push({ team, bundle, version, state })
  }
  if (rows !== Number(count)) throw new Error(`Cannot read every system extension: ${rows} rows of ${count}`)
  return found
}

/** Bundle ids of system extensions that run: they always run from /Library/SystemExtensions/UUID/BUNDLE.systemextension. Null where ps told nothing. */
function bundlesRunning(captured: Captured | undefined): ReadonlySet<string> | null {
  if (!captured || (captured.code ?? 0) !== 0 || captured.text.length > LONGEST_PROCESSES) return null
  if (!/^\/sbin\/launchd\s*$/m.test(captured.text)) return null
  const paths = captured.text.matchAll(/^\/Library\/SystemExtensions\/[\w-]{1,64}\/([\w.-]{3,200})\.systemextension\//gm)
  return new Set([...paths].flatMap(([, bundle]) => bundle ?? []))
}
