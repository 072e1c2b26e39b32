import type { FastifyInstance } from 'fastify'
import { markMoved } from '../store/move.ts'
import type { Store } from '../store/store.ts'
import type { Access } from './auth.ts'

type Deps = {
  readonly store: Store
  readonly access: Access
  /** Sends every agent away and writes nothing any more, until the end of the process. */
  freeze(why: string): Promise<void>
  /** Why nothing is written any more. */
  frozen(): string | undefined
}

/** What moving the fleet to another store needs of a collector that runs. */
export async function storeRoutes(app: FastifyInstance, { store, access, freeze, frozen }: Deps): Promise<void> {
  const admin = { onRequest: access.need('admin') }
  const text = { type: 'string', minLength: 1, maxLength: 1024 }

  // What is written now would stay behind in the old store.
  app.addHook('onRequest', async (request, reply) => {
    const why = frozen()
    if (why === undefined || request.method === 'GET' || request.method === 'HEAD' || request.url.startsWith('/api/v1/store/')) return
    await reply.code(409).send({ error: `Cannot change anything now: ${why}` })
  })

  app.post<{ Body: { why: string } }>(
    '/api/v1/store/freeze',
    {
      ...admin,
      schema: {
        summary: 'Take no reports any more, until a restart: agents keep theirs',
        tags: ['store'],
        body: { type: 'object', additionalProperties: false, required: ['why'], properties: { why: text } },
      },
    },
    async request => {
      await freeze(request.body.why)
      return { frozen: request.body.why }
    },
  )

  app.post<{ Body: { to: string } }>(
    '/api/v1/store/moved',
    {
      ...admin,
      schema: {
        summary: 'Mark the store: its fleet is elsewhere now, and no collector starts on it again',
        tags: ['store'],
        body: { type: 'object', additionalProperties: false, required: ['to'], properties: { to: text } },
      },
    },
    async request => {
      await markMoved(store, request.body.to)
      return { moved: request.body.to }
    },
  )
}
