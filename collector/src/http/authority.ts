import type { FastifyInstance } from 'fastify'
import { StoreUnavailable } from '../store/store.ts'
import type { Access } from './auth.ts'

/** Longest time until a new authority is used, ms: half a year. */
const LONGEST_MS = 183 * 24 * 3_600_000

type Deps = {
  readonly access: Access
  /** PEM of what clients are to trust; empty where their systems know it. */
  authorities(): readonly string[]
  /** Makes the next authority, to be used after so many ms; undefined where no TLS is served. */
  readonly renew: ((usedInMs: number) => Promise<void>) | undefined
}

/** The certificate authorities that clients of this collector are to trust: what Prometheus and browsers are given as a file. */
export async function authorityRoutes(app: FastifyInstance, { access, authorities, renew }: Deps): Promise<void> {
  const schema = { summary: 'Certificate authorities of this collector, the one in use first; empty where systems know it', tags: ['api'] }
  app.get('/api/v1/authorities', { onRequest: access.need('viewer'), schema }, async () => ({ authorities: authorities() }))

  app.post<{ Body: { usedInMs: number } }>(
    '/api/v1/authorities',
    {
      onRequest: access.need('admin'),
      schema: {
        summary: 'Make the next authority now, which replaces all before it once it is used',
        tags: ['api'],
        body: {
          type: 'object',
          additionalProperties: false,
          required: ['usedInMs'],
          properties: {
            usedInMs: { type: 'integer', minimum: 0, maximum: LONGEST_MS, description: 'Until when agents may hear of it, ms.' },
          },
        },
      },
    },
    async (request, reply) => {
      if (!renew) return reply.code(409).send({ error: 'Cannot make another certificate authority: this collector serves no TLS' })
      try {
        await renew(request.body.usedInMs)
      } catch (error) {
        if (error instanceof StoreUnavailable) throw error
        return reply.code(409).send({ error: (error as Error).message })
      }
      return reply.code(201).send({ authorities: authorities() })
    },
  )
}
