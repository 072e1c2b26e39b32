import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ServerOptions } from 'node:https'
import swagger from '@fastify/swagger'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, type FastifySchemaValidationError } from 'fastify'
import helmet, { type HelmetOptions } from 'helmet'
import { StoreUnavailable } from '../store/store.ts'
import { prefixAnswers, withoutPrefix } from './prefix.ts'
import { refusePage } from './shell.ts'

export type Tls = Pick<ServerOptions, 'cert' | 'key' | 'minVersion'>

/** Largest body of a request, bytes; only tokens are ever sent. */
const BODY_BYTES = 64 * 1024

/** The HTTP server without its routes: errors as JSON, an OpenAPI description of whatever routes are added. */
export async function createApp(deps: {
  tls: Tls | undefined
  /** Whether people come by TLS although this process does not do it: a proxy does. */
  secure?: boolean
  /** `prefixOf` the address that people come to. */
  prefix?: string
  /** Whether an address is one of the proxies whose word on where a request came from is believed. */
  isProxy?(address: string): boolean
  version: string
  failed(what: string, error: unknown): void
}): Promise<FastifyInstance> {
  const https = deps.tls ? { https: { minVersion: 'TLSv1.3' as const, ...deps.tls } } : {}
  const protect = helmet(security(deps.tls !== undefined || deps.secure === true))
  const harden = (response: ServerResponse) => {
    protect({} as IncomingMessage, response, () => {})
    response.setHeader('Cache-Control', 'no-store')
  }
  const { prefix = '', isProxy = () => false } = deps
  const app = fastify({
    logger: false,
    trustProxy: isProxy,
    rewriteUrl: request => withoutPrefix(prefix, request.url ?? '/'),
    bodyLimit: BODY_BYTES,
    forceCloseConnections: true,
    // An address that cannot be read comes to no hook.
    frameworkErrors: (error, _request, { raw }) => {
      harden(raw)
      raw.writeHead(error.statusCode ?? 400, { 'Content-Type': 'application/json; charset=utf-8' })
      raw.end(JSON.stringify({ error: error.message }))
    },
    routerOptions: { maxParamLength: 300 },
    // What is not known is refused: a filter that is written wrong must not be taken for none.
    // strictNumbers would leave numbers without end out of every comparison: ?limit=1e400 would be within any bound.
    ajv: { customOptions: { coerceTypes: true, removeAdditional: false, verbose: true, strictNumbers: false } },
    schemaErrorFormatter: ([error], where) => new Error(error ? wantedBy(error, where) : `${where} is not as it should be`),
    ...https,
  })
  app.addHook('onRequest', async (_request, reply) => harden(reply.raw))
  prefixAnswers(app as unknown as FastifyInstance, prefix)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Fettle collector', version: deps.version },
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: 'An API token.' },
          browser: { type: 'http', scheme: 'basic', description: 'An API token as the password, with any user name.' },
        },
      },
      security: [{ token: [] }, { browser: [] }],
      servers: [{ url: prefix === '' ? '/' : prefix }],
    },
  })
  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    const away = error instanceof StoreUnavailable
    if (away) reply.header('Retry-After', '5')
    const status = away ? 503 : (error.statusCode ?? 500)
    if (status >= 500 && !away) deps.failed('a request failed', error)
    const failed = away ? `the store cannot be reached: ${error.message}` : 'the collector failed; its log tells why'
    const why = status >= 500 ? failed : error.message
    if (request.routeOptions.config.page)
      return refusePage(request as unknown as FastifyRequest, reply as unknown as FastifyReply, status, why)
    return reply.code(status).send({ error: why })
  })
  app.setNotFoundHandler((request, reply) => reply.code(404).send({ error: `nothing is at ${request.url.slice(0, 200)}` }))
  return app as unknown as FastifyInstance
}

/** No script, no foreign resource, no frame: what a hostile name could reach for is not there. On every answer, errors too. */
function security(secure: boolean): HelmetOptions {
  return {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        styleSrc: ["'unsafe-inline'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
      },
    },
    // A year; not for sister domains, of which this collector knows nothing. Without TLS browsers ignore it.
    hsts: secure ? { maxAge: 31_536_000, includeSubDomains: false } : false,
    xFrameOptions: { action: 'deny' },
    referrerPolicy: { policy: 'no-referrer' },
    crossOriginOpenerPolicy: { policy: 'same-origin' },
    crossOriginResourcePolicy: { policy: 'same-origin' },
  }
}

/** What a request should have said, in words that need no schema. */
function wantedBy(
  { keyword, params, message, instancePath, parentSchema }: FastifySchemaValidationError & { parentSchema?: unknown },
  where: string,
): string {
  const what = `${where}${instancePath}`
  if (keyword === 'enum') return `${what}: wanted one of ${(params.allowedValues as unknown[]).join(', ')}`
  if (keyword !== 'additionalProperties') return `${what} ${message}`
  const known = Object.keys((parentSchema as { properties?: object } | undefined)?.properties ?? {})
  return `${what}: there is no ${JSON.stringify(params.additionalProperty)}: wanted some of ${known.join(', ')}`
}
