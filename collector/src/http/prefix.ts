import type { FastifyInstance } from 'fastify'

/** First segments of the paths that routes have: a prefix that begins so could not be told from them. */
const taken = ['agent', 'api', 'audit', 'healthz', 'hosts', 'metrics', 'readyz', 'sd', 'sign-in', 'sign-out']

/**
 * The path below which people and proxies find this collector: `/fettle` of `https://fettle.example.com/fettle`, else empty.
 * @throws where routes have paths like it, or it would have to be escaped
 */
export function prefixOf(publicUrl: string | null): string {
  if (publicUrl === null) return ''
  const { pathname, search, hash } = new URL(publicUrl)
  const prefix = pathname.replace(/\/+$/, '')
  const fits = /^(\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*$/.test(prefix) && !taken.includes(prefix.split('/')[1] ?? '')
  if (!fits || search !== '' || hash !== '') throw new Error(`Cannot use publicUrl ${publicUrl}: wanted ${wantedPrefix}`)
  return prefix
}

/** Whether an address that people come to can be used. */
export function hasPrefix(publicUrl: string | null): boolean {
  try {
    prefixOf(publicUrl)
    return true
  } catch {
    return false
  }
}

/** What a path has to be, for whoever configures one. */
export const wantedPrefix = `a path of letters, digits and . _ ~ - that begins with none of ${taken.join(', ')}, and no ? or #`

/** The address of a request as the routes have it. A proxy may pass the prefix on or take it off: both are served. */
export function withoutPrefix(prefix: string, url: string): string {
  if (prefix === '' || !url.startsWith(prefix)) return url
  const rest = url.slice(prefix.length)
  if (rest.startsWith('/')) return rest
  return rest === '' || rest.startsWith('?') ? `/${rest}` : url
}

/**
 * Puts the prefix before the links and forms of pages and before redirects, on their way out: whoever writes a page writes it as if it were at the
 * root. Text from hosts holds no bare quotation marks there (`html`), so none of it can look like a link.
 */
export function prefixAnswers(app: FastifyInstance, prefix: string): void {
  if (prefix === '') return
  app.addHook('onSend', async (_request, reply, payload) => {
    const location = reply.getHeader('location')
    if (typeof location === 'string' && isOwnPath(location)) reply.header('location', prefix + location)
    const isPage = typeof payload === 'string' && String(reply.getHeader('content-type')).startsWith('text/html')
    return isPage ? payload.replace(/ (href|action)="\/(?!\/)/g, ` $1="${prefix}/`) : payload
  })
}

function isOwnPath(location: string): boolean {
  return location.startsWith('/') && !location.startsWith('//')
}
