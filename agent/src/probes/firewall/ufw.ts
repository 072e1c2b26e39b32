import type { FactTypes } from '@fettle/catalog'
import { type Host, NotInstalled } from '../../host.ts'
import { Absent, type Captured, Denied, defineProbe, type Inputs, sole } from '../../probe.ts'

type FirewallFact = FactTypes['firewall']

const words = { deny: 'drop', reject: 'reject', allow: 'accept' } as const

/** The uncomplicated firewall: switched on in its configuration and loaded into the kernel; see ufw(8). */
export default defineProbe({
  subject: 'firewall',
  source: 'ufw',
  platforms: ['linux'],
  every: '30m',
  timeout: '30s',
  privilege: 'root: ufw answers nobody else',
  blind: 'Ports that Docker publishes bypass ufw.',
  watch: ['/etc/ufw/ufw.conf'],
  inputs: {
    status: { from: 'ufw status verbose', recognise: text => /^Status: /m.test(text) || /^(ERROR|WARN): .*root/m.test(text) },
    conf: { from: '/etc/ufw/ufw.conf', recognise: text => /^ENABLED=/m.test(text) },
  },
  parse: parseUfw,

  async read(host: Host) {
    const conf = await host.captured('/etc/ufw/ufw.conf', { missing: new Absent('ufw is not installed') })
    // Switched off there is off: no need to start Python, which also loads modules of the kernel.
    if (isOn(conf.text) === false) return parseUfw({ conf: [conf] })
    try {
      return parseUfw({ conf: [conf], status: [await host.run(['ufw', 'status', 'verbose'])] })
    } catch (error) {
      // Its configuration outlives a removed package.
      if (error instanceof NotInstalled) throw new Absent('ufw is not installed')
      throw error
    }
  },
})

/** @throws Denied to others than root, Error where the state cannot be told */
export function parseUfw(inputs: Inputs): FirewallFact {
  const conf = sole(inputs, 'conf')
  const on = conf ? isOn(conf.text) : null
  const status = sole(inputs, 'status')
  if (!status) {
    if (on !== false) throw new Error('Cannot tell whether ufw is loaded without what `ufw status verbose` prints')
    return one(false, null, 'switched off in /etc/ufw/ufw.conf')
  }
  const loaded = isLoaded(status)
  if (!loaded) return one(false, null, on ? 'switched on in /etc/ufw/ufw.conf, but not loaded' : 'inactive')
  const inbound = incoming(status.text)
  if (inbound === 'accept') return one(false, inbound, 'active, but lets in what no rule names')
  const open = opening(status.text)
  if (open === 'everything') return one(false, 'accept', 'active, but a rule lets everything in')
  if (open === 'much') return one(null, null, 'a rule lets in all that comes by one interface, or to every port')
  return one(true, inbound, inbound === null ? 'active; its default is not told: wanted `ufw status verbose`' : null)
}

function one(enabled: boolean | null, inbound: FirewallFact['profiles'][number]['inbound'], detail: string | null): FirewallFact {
  return { profiles: [{ name: 'ufw', enabled, inUse: null, inbound, detail }] }
}

/** `Status: inactive` also means: its chains are not in the kernel, whatever the configuration says. */
function isLoaded({ text, stderr, code }: Captured): boolean {
  const state = /^Status: (active|inactive)\s*$/m.exec(text)?.[1]
  if (state) return state === 'active'
  const said = `${stderr}\n${text}`
  if (/need to be root/i.test(said)) throw new Denied('ufw answers root only', 'Run the agent as root.')
  throw new Error(`Cannot read the state of ufw (exit ${code ?? 'unknown'}): ${said.trim().split('\n')[0]}`)
}

function incoming(text: string): 'drop' | 'reject' | 'accept' | null {
  const word = /^Default: (deny|reject|allow) \(incoming\)/m.exec(text)?.[1]
  return word ? words[word as keyof typeof words] : null
}

/** A rule of the table: to, action and direction, from; a number before it, a comment behind it. */
const RULE = /^(?:\[ ?\d{1,5}\] )?(\S.{0,80}?) +(ALLOW|DENY|REJECT|LIMIT)(?: (IN|OUT|FWD))? +(\S.{0,80}?)(?: +#.*)?$/
const MOST_RULES = 20_000

/** Rules are tried in their order, those of IPv6 apart. What lets in everybody to everything undoes the default; loopback is nobody's. */
function opening(text: string): 'everything' | 'much' | null {
  const found = [false, true].map(isSixth => {
    let much: 'much' | null = null
    for (const line of text.split('\n').slice(0, MOST_RULES)) {
      const [, to = '', action = '', direction = 'IN', from = ''] = (line.length < 500 && RULE.exec(line.trim())) || []
      if (direction !== 'IN' || !/^Anywhere(?: \(v6\))?$/.test(from) || from.includes('(v6)') !== isSixth) continue
      const [, place, to65535, by] =
        /^(?:(Anywhere(?: \(v6\))?)|([01]:65535(?:\/(?:tcp|udp))?(?: \(v6\))?))(?: on (\S{1,20}))?$/.exec(to) ?? []
      if ((place === undefined && to65535 === undefined) || by === 'lo') continue
      if (action === 'ALLOW' && place !== undefined && by === undefined) return 'everything'
      if (action === 'ALLOW') much = 'much'
      else if (action !== 'LIMIT' && place !== undefined && by === undefined) return much
    }
    return much
  })
  return found.find(one => one === 'everything') ?? found.find(one => one === 'much') ?? null
}

/** The last assignment of `ENABLED`; null where there is none. */
function isOn(conf: string): boolean | null {
  const last = [...conf.matchAll(/^ENABLED=["']?(\w{1,8})/gim)].at(-1)?.[1]?.toLowerCase()
  return last === 'yes' ? true : last === 'no' ? false : null
}
