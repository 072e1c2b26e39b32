/** Where collectors listen for agents, unless the address names another path. */
const AGENT_PATH = '/agent'

/** Where the collector is, and how it is reached. */
export type Target = {
  /** `wss://host[:port][/path]`, or `ws://` on this machine; tried in their order. */
  readonly urls: readonly [string, ...string[]]
  /** PEM of the certificate authorities one of which the collector's certificate must come from; null: those that the system trusts. */
  readonly ca: string | null
}

/**
 * The address as a WebSocket one: `https` is taken for `wss`, a bare name too.
 * @throws where it is no address, carries a password, or would go in plain text to another machine without `allowPlain`
 */
export function readAddress(address: string, plain: 'refused' | 'allowed'): string {
  const text = /^[a-z]+:\/\//i.test(address) ? address : `wss://${address}`
  const url = parseUrl(text.replace(/^http(s?):/i, 'ws$1:'), address)
  if (url.protocol !== 'wss:' && url.protocol !== 'ws:') {
    throw new Error(`Cannot use the collector address ${JSON.stringify(address)}: wanted wss://name or wss://name:port`)
  }
  if (url.username || url.password) throw new Error('Cannot use a collector address with a password in it: enrol with a token')
  if (url.protocol === 'ws:' && plain === 'refused' && !isLoopback(url.hostname)) {
    throw new Error(
      `Cannot use the collector address ${JSON.stringify(address)}: plain text only goes to this machine itself; use wss://, or set collector.allowPlain`,
    )
  }
  url.hash = ''
  if (url.pathname === '/') url.pathname = AGENT_PATH
  return url.href
}

/** Whether whoever answers at an address that `readAddress` gave has to show a certificate. */
export function isVerified(url: string): boolean {
  return url.startsWith('wss:')
}

function parseUrl(text: string, address: string): URL {
  try {
    return new URL(text)
  } catch {
    throw new Error(`Cannot read the collector address ${JSON.stringify(address)}: wanted wss://name or wss://name:port`)
  }
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)
}
