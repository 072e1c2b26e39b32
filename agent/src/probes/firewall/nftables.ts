import type { FactTypes } from '@fettle/catalog'
import { type Host, NotInstalled } from '../../host.ts'
import { Absent, type Captured, Denied, defineProbe, Failed, type Inputs, needed, sole } from '../../probe.ts'
import { type Family, type Judged, parseRuleset, type Ruleset } from './ruleset.ts'

type FirewallFact = FactTypes['firewall']
type Profile = FirewallFact['profiles'][number]

/**
 * Whether the kernel's packet filter stops what comes in, by IPv4 and IPv6; see nft(8) and libnftables-json(5). It sees the rules of every
 * tool that writes to nf_tables: nftables, firewalld, ufw and iptables-nft.
 */
export default defineProbe({
  subject: 'firewall',
  source: 'nftables',
  platforms: ['linux'],
  every: '15m',
  timeout: '30s',
  privilege: 'CAP_NET_ADMIN: the kernel shows its rules to nobody else',
  blind:
    'Rules of iptables-legacy; what Docker and others forward to containers, which never passes the input chain; interfaces other than that of the default route.',
  inputs: {
    ruleset: { from: 'nft -j -s -t list ruleset', recognise: text => /^\s*\{\s*"nftables"/.test(text) },
    legacy4: { from: '/proc/net/ip_tables_names' },
    legacy6: { from: '/proc/net/ip6_tables_names' },
    route: { from: '/proc/net/route', recognise: text => text.startsWith('Iface\tDestination') },
    route6: { from: '/proc/net/ipv6_route', recognise: text => /^([0-9a-f]{32} [0-9a-f]{2} ){2}/.test(text) },
    addresses6: { from: '/proc/net/if_inet6', recognise: text => /^[0-9a-f]{32} [0-9a-f]{2} [0-9a-f]{2} [0-9a-f]{2} /.test(text) },
  },
  parse: parseNftables,

  async read(host: Host) {
    const inputs = {
      legacy4: await lines(host, '/proc/net/ip_tables_names'),
      legacy6: await lines(host, '/proc/net/ip6_tables_names'),
      route: await lines(host, '/proc/net/route'),
      route6: await lines(host, '/proc/net/ipv6_route'),
      addresses6: await lines(host, '/proc/net/if_inet6'),
    }
    const ruleset = await rules(host)
    if (ruleset) return parseNftables({ ...inputs, ruleset: [ruleset] })
    await refuseUnseen(host, inputs)
    throw new Absent('nftables is not installed, and the kernel holds no packet filter')
  },
})

/** A file that any kernel may lack; one that only root may read is left out for others. */
async function lines(host: Host, path: string): Promise<Captured[]> {
  if (path.endsWith('_names') && host.uid !== 0) return []
  const captured = await host.captured(path, { missing: null })
  return captured ? [captured] : []
}

async function rules(host: Host): Promise<Captured | undefined> {
  try {
    const terse = await host.run(['nft', '-j', '-s', '-t', 'list', 'ruleset'])
    // nft before 0.9.2 cannot leave out the elements of sets.
    return /(invalid|unrecognized|unknown) option/i.test(terse.stderr) ? await host.run(['nft', '-j', 'list', 'ruleset']) : terse
  } catch (error) {
    if (error instanceof NotInstalled) return undefined
    throw error
  }
}

/** Rules can be in the kernel without the tool that shows them (iptables alone, firewalld): that is no machine without a firewall. */
async function refuseUnseen(host: Host, inputs: Inputs): Promise<void> {
  const used = await host.text('/sys/module/nf_tables/refcnt', { missing: '0' })
  const unseen = Number(used) > 0 ? 'nf_tables' : hasText(inputs, 'legacy4') || hasText(inputs, 'legacy6') ? 'iptables-legacy' : undefined
  if (unseen) throw new Failed(`the kernel uses ${unseen}, and nft is not installed to show its rules`, 'Install the package nftables.')
}

/** One profile each for IPv4 and IPv6. @throws Denied without the right, Error where the output is no ruleset */
export function parseNftables(inputs: Inputs): FirewallFact {
  const ruleset = needed(inputs, 'ruleset')
  refuse(ruleset)
  const parsed = parseRuleset(ruleset.text)
  return { profiles: [profile(parsed, 'ip', inputs), profile(parsed, 'ip6', inputs)] }
}

function refuse({ text, stderr, code }: Captured): void {
  const said = `${stderr}\n${text.startsWith('{') ? '' : text}`
  if (/not permitted|must be root|permission denied/i.test(said))
    throw new Denied('nft may not list the rules', 'Run the agent as root, or give it CAP_NET_ADMIN.')
  if (/JSON support not compiled/i.test(said))
    throw new Failed('this nft cannot print JSON', 'Install an nftables built with JSON support.')
  if (code !== null && code !== 0) throw new Error(`Cannot list the rules: nft ended with ${code}: ${said.trim().split('\n')[0]}`)
}

function profile(ruleset: Ruleset, family: Family, inputs: Inputs): Profile {
  const interfaces = family === 'ip' ? defaultInterfaces(inputs) : defaultInterfaces6(inputs)
  const judged = worst((interfaces.length > 0 ? interfaces : [null]).map(iif => ruleset.judge({ family, iif })))
  const legacy = hasText(inputs, family === 'ip' ? 'legacy4' : 'legacy6')
  return {
    name: family === 'ip' ? 'input-ipv4' : 'input-ipv6',
    enabled: enabledBy(judged, legacy),
    inUse: family === 'ip' ? null : inUse6(inputs),
    inbound: judged.doubtful || judged.verdict === 'queue' || (legacy && judged.verdict === 'accept') ? null : judged.verdict,
    detail: detailOf(judged, ruleset.tables, legacy).slice(0, 512),
  }
}

/** Open over one of the ways out is open. */
function worst(judged: readonly Judged[]): Judged {
  const order = ['accept', 'queue', 'reject', 'drop']
  return judged.reduce((a, b) => (order.indexOf(b.verdict) < order.indexOf(a.verdict) ? b : a))
}

function enabledBy({ verdict, doubtful }: Judged, legacy: boolean): boolean | null {
  if (doubtful || verdict === 'queue') return null
  return verdict === 'accept' ? (legacy ? null : false) : true
}

function detailOf({ verdict, chain, doubtful }: Judged, tables: readonly string[], legacy: boolean): string {
  if (doubtful) return `table of chain ${chain} may be dormant: nft does not tell its flags`
  if (verdict === 'queue') return `chain ${chain} leaves the decision to a program`
  if (verdict !== 'accept') return `chain ${chain} has ${verdict} for what no rule names`
  const open = chain
    ? `chain ${chain} accepts what no rule names`
    : tables.length > 0
      ? 'no chain filters what comes in'
      : 'no rules are loaded'
  return legacy ? `${open}; iptables-legacy has tables loaded, which nft does not show` : open
}

const hasText = (inputs: Inputs, name: string): boolean => (sole(inputs, name)?.text.trim() ?? '') !== ''

/** Interfaces with a default route; see proc_net(5): destination and mask of zero. */
function defaultInterfaces(inputs: Inputs): string[] {
  const rows = fields(inputs, 'route').filter(row => row[1] === '00000000' && row[7] === '00000000')
  return distinct(rows.map(row => row[0]))
}

/** Columns: destination, its prefix length, source, its length, next hop, metric, references, use, flags, interface. */
function defaultInterfaces6(inputs: Inputs): string[] {
  const rows = fields(inputs, 'route6').filter(row => /^0+$/.test(row[0] ?? '') && row[1] === '00')
  return distinct(rows.map(row => row[9])).filter(name => name !== 'lo')
}

/** Whether an interface other than loopback has an IPv6 address. */
function inUse6(inputs: Inputs): boolean | null {
  return sole(inputs, 'addresses6') ? fields(inputs, 'addresses6').some(row => row.length >= 6 && row[5] !== 'lo') : null
}

function fields(inputs: Inputs, name: string): string[][] {
  const text = sole(inputs, name)?.text.trim() ?? ''
  return text === '' ? [] : text.split('\n').map(line => line.trim().split(/\s+/))
}

function distinct(names: readonly (string | undefined)[]): string[] {
  return [...new Set(names.filter(name => name !== undefined))].slice(0, 16)
}
