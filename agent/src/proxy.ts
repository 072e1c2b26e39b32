import { BlockList, isIP } from 'node:net'

/** A proxy that makes tunnels with CONNECT (RFC 9110, section 9.3.6). */
export type HttpProxy = {
  /** Whether it is spoken to by TLS. */
  readonly secure: boolean
  readonly host: string
  readonly port: number
  /** Null where it asks for none. */
  readonly user: string | null
  readonly password: string | null
}

/** What the configuration and the environment say about proxies. */
export type ProxySettings = {
  /** The configuration's word, which wins for every address: a proxy, `none`, or null where the environment decides. */
  readonly own: HttpProxy | 'none' | null
  /** Of the environment, for wss:// and ws://. */
  readonly secure: HttpProxy | null
  readonly plain: HttpProxy | null
  /** What goes past the proxies of the environment. */
  readonly past: (host: string, port: number) => boolean
}

/** Neither the configuration nor the environment knows a proxy. */
export const noProxies: ProxySettings = { own: null, secure: null, plain: null, past: () => false }

/** `http://[user[:password]@]name:port`, https too; a bare `name:port` is http. @throws where it is none, never with the password in it */
export function readProxy(text: string): HttpProxy {
  const url = parsed(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`)
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.hostname === '')
    throw new Error(`Cannot use the proxy ${shown(text)}: wanted http://name:port or https://name:port`)
  const secure = url.protocol === 'https:'
  return {
    secure,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || (secure ? 443 : 80)),
    user: url.username === '' ? null : decoded(url.username),
    password: url.username === '' && url.password === '' ? null : decoded(url.password),
  }
}

/** The variables that programs agree upon, small letters first, as curl(1) reads them. What cannot be used is told and left out. */
export function proxiesOf(env: Readonly<Record<string, string | undefined>>): {
  readonly settings: Omit<ProxySettings, 'own'>
  readonly warnings: readonly string[]
} {
  const warnings: string[] = []
  const first = (...names: string[]): HttpProxy | null => {
    const name = names.flatMap(one => [one.toLowerCase(), one]).find(one => env[one])
    if (name === undefined) return null
    try {
      return readProxy(env[name] ?? '')
    } catch (error) {
      warnings.push(`environment ${name}: ${(error as Error).message}`)
      return null
    }
  }
  const secure = first('HTTPS_PROXY', 'ALL_PROXY')
  const plain = first('HTTP_PROXY', 'ALL_PROXY')
  return { settings: { secure, plain, past: pastProxies(env.no_proxy ?? env.NO_PROXY ?? '') }, warnings: [...new Set(warnings)] }
}

/** The proxy on the way to an address; null where none is. What is on this machine is past every proxy of the environment. */
export function proxyFor(address: string, { own, secure, plain, past }: ProxySettings): HttpProxy | null {
  if (own === 'none') return null
  if (own) return own
  const { protocol, host, port } = endOf(address)
  const proxy = protocol === 'wss:' ? secure : plain
  return proxy === null || isHere(host) || past(host, port) ? null : proxy
}

/** Where an address leads: name or address without brackets, and port. */
export function endOf(address: string): { readonly protocol: string; readonly host: string; readonly port: number } {
  const { protocol, hostname, port } = new URL(address)
  return { protocol, host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || (protocol === 'wss:' ? 443 : 80)) }
}

/** For people: never with user or password. */
export function nameOf({ secure, host, port }: HttpProxy): string {
  return `${secure ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/**
 * Reads `NO_PROXY`: names, which stand for what is below them too (`example.com`, `.example.com`, `*.example.com`), addresses and networks
 * (`10.0.0.0/8`, `fd00::/8`), each with a port where only that is meant, and `*` for everything; separated by commas or spaces.
 */
export function pastProxies(text: string): (host: string, port: number) => boolean {
  const rules = text
    .split(/[\s,]+/)
    .filter(entry => entry !== '')
    .map(ruleOf)
  return (host, port) => rules.some(rule => rule(host.toLowerCase().replace(/\.$/, ''), port))
}

type Rule = (host: string, port: number) => boolean

function ruleOf(entry: string): Rule {
  if (entry === '*') return () => true
  const [inside, port] = splitPort(entry)
  const fits = networkRule(inside) ?? nameRule(inside.toLowerCase())
  return (host, to) => (port === undefined || Number(port) === to) && fits(host)
}

/** An address of IPv6 has a port only where it stands in brackets. */
function splitPort(entry: string): readonly [string, string | undefined] {
  const [, inside, port] = /^\[(.*)\](?::(\d{1,5}))?$/.exec(entry) ?? []
  if (inside !== undefined) return [inside, port]
  const [, name = entry, of] = /^([^:]*):(\d{1,5})$/.exec(entry) ?? []
  return [name, of]
}

function networkRule(text: string): ((host: string) => boolean) | undefined {
  const [address = '', bits] = text.split('/')
  const family = isIP(address)
  const most = family === 4 ? 32 : 128
  if (family === 0 || (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= most))) return undefined
  const list = new BlockList()
  list.addSubnet(address, Number(bits ?? most), family === 4 ? 'ipv4' : 'ipv6')
  return host => isIP(host) !== 0 && list.check(host, isIP(host) === 4 ? 'ipv4' : 'ipv6')
}

function nameRule(text: string): (host: string) => boolean {
  const name = text.replace(/^\*?\./, '').replace(/\.$/, '')
  return host => name !== '' && (host === name || host.endsWith(`.${name}`))
}

function isHere(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

function parsed(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined
}

/** A `%` that stands for itself is taken so. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function shown(text: string): string {
  return JSON.stringify(text.replace(/\/\/.*@|^.*@/s, found => (found.startsWith('//') ? '//' : '')).slice(0, 200))
}
