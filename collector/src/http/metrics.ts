import { once } from 'node:events'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createGzip } from 'node:zlib'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Registry } from 'prom-client'
import type { Events } from '../events.ts'
import type { HostExposition, Selection } from '../exposition/hosts.ts'
import type { Fleet } from '../fleet.ts'
import type { Access } from './auth.ts'

/** Prometheus 3 refuses a scrape with another type; the text is the format 0.0.4. */
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'
const DOMAINS = ['agent', 'host', 'hardware', 'updates', 'backups', 'security']

type Deps = {
  readonly fleet: Fleet
  readonly exposition: HostExposition
  readonly registry: Registry
  readonly access: Access
  readonly events: Events
  readonly shards: number
  /** Before every path, for who comes through a proxy. */
  readonly prefix: string
  now(): number
}

type HostsQuery = { shard?: number; of?: number; domain?: string }

/** What Prometheus reads: the collector itself, the fleet in shards, and where to find them. */
export async function metricsRoutes(app: FastifyInstance, deps: Deps): Promise<void> {
  const { fleet, registry, access, shards } = deps
  const viewer = { onRequest: access.need('viewer') }

  app.get(
    '/metrics',
    { ...viewer, schema: { summary: 'The collector itself', tags: ['metrics'], produces: ['text/plain'] } },
    async (_request, reply) => {
      return reply.header('Content-Type', CONTENT_TYPE).send(await registry.metrics())
    },
  )

  app.get<{ Querystring: HostsQuery }>(
    '/metrics/hosts',
    {
      ...viewer,
      schema: {
        summary: 'All hosts, or one shard of them',
        tags: ['metrics'],
        produces: ['text/plain'],
        querystring: {
          type: 'object',
          additionalProperties: false,
          properties: {
            shard: { type: 'integer', minimum: 0, maximum: 63, description: 'Which shard, from 0.' },
            of: { type: 'integer', enum: [1, 2, 4, 8, 16, 32, 64], description: 'How many shards there are.' },
            domain: { type: 'string', maxLength: 128, description: `Only these domains, separated by commas: ${DOMAINS.join(', ')}.` },
          },
        },
      },
    },
    async (request, reply) => {
      const selection = selectionOf(request.query)
      if (typeof selection === 'string') return reply.code(400).send({ error: selection })
      return send(request, reply, deps, selection, selection.shard ? 'shard' : 'hosts')
    },
  )

  app.get<{ Params: { instance: string } }>(
    '/metrics/hosts/:instance',
    { ...viewer, schema: { summary: 'One host', tags: ['metrics'] } },
    async (request, reply) => {
      const { instance } = request.params
      if (!fleet.byInstance(instance)) return reply.code(404).send({ error: `no host is called ${JSON.stringify(instance)}` })
      return send(request, reply, deps, { instance }, 'host')
    },
  )

  app.get<{ Querystring: { mode: 'shards' | 'hosts' } }>(
    '/sd/prometheus',
    {
      ...viewer,
      schema: {
        summary: 'Scrape targets for http_sd_configs',
        tags: ['metrics'],
        querystring: {
          type: 'object',
          additionalProperties: false,
          properties: { mode: { type: 'string', enum: ['shards', 'hosts'], default: 'shards' } },
        },
      },
    },
    async (request, reply) => {
      const target = request.host
      // As this very request came, through a proxy or straight: whoever asks here scrapes the same way.
      const scheme = request.protocol === 'https' ? { __scheme__: 'https' } : {}
      const targets =
        request.query.mode === 'hosts'
          ? [...fleet.hosts()].map(host => ({
              targets: [target],
              labels: {
                ...scheme,
                __metrics_path__: `${deps.prefix}/metrics/hosts/${encodeURIComponent(host.meta.instance)}`,
                instance: host.meta.instance,
              },
            }))
          : Array.from({ length: shards }, (_, shard) => ({
              targets: [target],
              // Each shard its own instance, or the targets' own series (up, scrape_*) would overwrite each other.
              labels: {
                ...scheme,
                __metrics_path__: `${deps.prefix}/metrics/hosts`,
                __param_shard: String(shard),
                __param_of: String(shards),
                instance: `${target}/shard-${String(shard).padStart(2, '0')}`,
              },
            }))
      // Exactly this type, which the documentation of http_sd demands: to text a charset would be added.
      return reply.header('Content-Type', 'application/json').send(Buffer.from(JSON.stringify(targets)))
    },
  )
}

function selectionOf({ shard, of, domain }: HostsQuery): Selection | string {
  if ((shard === undefined) !== (of === undefined)) return 'shard and of go together: ?shard=0&of=16'
  if (shard !== undefined && of !== undefined && shard >= of) return `shard ${shard} of ${of} does not exist: shards count from 0`
  const domains = domain?.split(',')
  const strange = domains?.find(name => !DOMAINS.includes(name))
  if (strange !== undefined) return `no domain is called ${JSON.stringify(strange)}: wanted some of ${DOMAINS.join(', ')}`
  return { shard: shard === undefined || of === undefined ? undefined : { index: shard, of }, domains: domains && new Set(domains) }
}

/** Whether an Accept-Encoding of RFC 9110 section 12.5.3 names gzip, and not with a weight of nothing. */
function takesGzip(accepted: string): boolean {
  return accepted.split(',').some(coding => /^\s*gzip\s*(;(?!\s*q=0(\.0*)?\s*$)|$)/i.test(coding))
}

/** Streams slices, gzipped where asked for, at the reader's pace; stops when the reader goes away. */
async function send(
  request: FastifyRequest,
  reply: FastifyReply,
  { exposition, events, now }: Deps,
  selection: Selection,
  endpoint: string,
): Promise<FastifyReply> {
  const started = performance.now()
  const gzip = takesGzip(String(request.headers['accept-encoding'] ?? ''))
  reply.hijack()
  const out = reply.raw
  out.writeHead(200, { 'Content-Type': CONTENT_TYPE, ...(gzip ? { 'Content-Encoding': 'gzip' } : {}), Vary: 'Accept-Encoding' })
  let bytes = 0
  const rendering = exposition.render(selection, now())
  const counted = async function* () {
    for await (const slice of rendering.slices) {
      bytes += slice.length
      yield slice
    }
  }
  try {
    const source = Readable.from(counted(), { objectMode: true, highWaterMark: 2 })
    if (gzip) await pipeline(source, createGzip({ level: constants.Z_BEST_SPEED, chunkSize: 64 * 1024 }), out)
    else await pipeline(source, out)
    events.exposed(endpoint, (performance.now() - started) / 1000, bytes, rendering.series)
  } catch (error) {
    // The reader went away: nobody is left to tell.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') events.failed('could not expose the hosts', error)
    out.destroy()
  }
  if (!out.destroyed && !out.writableFinished) await once(out, 'close')
  return reply
}
