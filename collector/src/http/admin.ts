import type { Clock } from '@fettle/kit'
import { type Enrolment, writeEnrolment } from '@fettle/protocol'
import type { FastifyInstance } from 'fastify'
import type { Store, Token } from '../store/store.ts'
import { newToken } from '../tokens.ts'
import type { Access, ApiRole } from './auth.ts'

type Deps = {
  readonly store: Store
  readonly access: Access
  readonly clock: Clock
  tokensChanged(): Promise<void>
  /** What agents are told of this collector. */
  way(): Omit<Enrolment, 'token'>
}

type NewToken = {
  kind: Token['kind']
  expiresInMs: number | null
  uses: number | null
  labels: Record<string, string>
  role: ApiRole
  note: string
  approve: boolean
}

/** Tokens: made, listed, revoked. Their secrets are shown once and never kept. */
export async function adminRoutes(app: FastifyInstance, { store, access, clock, tokensChanged, way }: Deps): Promise<void> {
  const admin = { onRequest: access.need('admin') }

  app.post<{ Body: NewToken }>(
    '/api/v1/tokens',
    {
      ...admin,
      schema: {
        summary: 'Make a token; its secret is in this answer and nowhere else',
        tags: ['tokens'],
        body: {
          type: 'object',
          additionalProperties: false,
          properties: {
            kind: { type: 'string', enum: ['enrol', 'api'], default: 'enrol' },
            expiresInMs: {
              type: ['integer', 'null'],
              minimum: 1,
              default: 86_400_000,
              description: 'Life of the token in ms; null: without end.',
            },
            uses: { type: ['integer', 'null'], minimum: 1, default: 1, description: 'How many hosts may enrol with it; null: any number.' },
            labels: {
              type: 'object',
              default: {},
              maxProperties: 16,
              propertyNames: { pattern: '^[a-z][a-z0-9_]{0,31}$' },
              additionalProperties: { type: 'string', maxLength: 256 },
            },
            role: { type: 'string', enum: ['viewer', 'operator', 'admin'], default: 'viewer', description: 'What an API token may do.' },
            note: { type: 'string', maxLength: 256, default: '' },
            approve: { type: 'boolean', default: false, description: 'Hosts that come by it wait for approval.' },
          },
        },
      },
    },
    async (request, reply) => {
      const { kind, expiresInMs, uses, labels, role, note, approve } = request.body
      const now = clock.now()
      const expiresAt = expiresInMs === null ? null : now + expiresInMs
      const wish = { kind, expiresAt, usesLeft: kind === 'enrol' ? uses : null, labels, role: kind === 'api' ? role : null, note, approve }
      // The id under which the audit log has it already.
      const { token, shown } = newToken(wish, now, request.act?.target)
      await store.putToken(token)
      access.changed()
      await tokensChanged()
      const enrolment = kind === 'enrol' ? writeEnrolment({ ...way(), token: shown }) : null
      return reply.code(201).send({ ...shownOf(token), token: shown, collector: way().urls[0], enrolment })
    },
  )

  app.get('/api/v1/tokens', { ...admin, schema: { summary: 'Tokens, without their secrets', tags: ['tokens'] } }, async () => ({
    tokens: (await store.tokens()).map(shownOf),
  }))

  app.delete<{ Params: { id: string } }>(
    '/api/v1/tokens/:id',
    {
      ...admin,
      schema: {
        summary: 'Revoke a token',
        tags: ['tokens'],
        params: { type: 'object', properties: { id: { type: 'string', pattern: '^[0-9a-f]{16}$' } } },
      },
    },
    async (request, reply) => {
      const removed = await store.removeToken(request.params.id)
      access.changed()
      await tokensChanged()
      return removed ? { revoked: request.params.id } : reply.code(404).send({ error: `no token has the id ${request.params.id}` })
    },
  )
}

function shownOf({ secretHash: _, ...token }: Token): Omit<Token, 'secretHash'> {
  return token
}
