import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Core } from '../core.ts'
import type { FleetHost } from '../fleet.ts'
import { ACTIVE } from '../store/store.ts'
import type { Access } from './auth.ts'

type Deps = { readonly core: Core; readonly access: Access; readonly now: () => number }
type Params = { Params: { instance: string } }
type Reasoned = Params & { Body: { why?: string } | null }

const params = {
  type: 'object',
  required: ['instance'],
  properties: { instance: { type: 'string', maxLength: 253, description: 'Name of the host.' } },
} as const
const reason = {
  type: ['object', 'null'],
  additionalProperties: false,
  properties: { why: { type: 'string', maxLength: 256, description: 'Why, for those who look later.' } },
} as const

/** Who may talk, and by which name: acts of operators. */
export async function standingRoutes(app: FastifyInstance, { core, access, now }: Deps): Promise<void> {
  const operator = { onRequest: access.need('operator') }
  const schema = (summary: string, body?: object) => ({ summary, tags: ['hosts'], params, ...(body ? { body } : {}) })

  /** The host of a request that stands as it must for this act; else the answer is sent. */
  async function wanted(instance: string, states: readonly string[], reply: FastifyReply): Promise<FleetHost | undefined> {
    const host = core.fleet.byInstance(instance)
    if (!host) {
      await reply.code(404).send({ error: `no host is called ${JSON.stringify(instance)}` })
      return undefined
    }
    const { state } = host.meta.standing
    if (states.includes(state)) return host
    await reply.code(409).send({ error: `${instance} is ${state}: wanted one that is ${states.join(' or ')}` })
    return undefined
  }

  app.post<Params>(
    '/api/v1/hosts/:instance/approve',
    { ...operator, schema: schema('Let a host in that waits for approval') },
    async (request, reply) => {
      const host = await wanted(request.params.instance, ['pending'], reply)
      if (!host) return reply
      await core.setStanding(host.meta.hostId, { ...ACTIVE, since: now() })
      return { approved: request.params.instance }
    },
  )

  app.post<Params>(
    '/api/v1/hosts/:instance/deny',
    { ...operator, schema: schema('Send a host away that waits for approval: it needs a new token to ask again') },
    async (request, reply) => {
      const host = await wanted(request.params.instance, ['pending'], reply)
      if (!host) return reply
      await core.remove(host.meta.hostId, 'operator')
      return { denied: request.params.instance }
    },
  )

  app.post<Reasoned>(
    '/api/v1/hosts/:instance/revoke',
    {
      ...operator,
      schema: schema('Shut a host out at once, on whichever collector it is connected; its data stays until it is removed', reason),
    },
    async (request, reply) => {
      const host = await wanted(request.params.instance, ['active', 'pending', 'quarantined'], reply)
      if (!host) return reply
      await core.setStanding(host.meta.hostId, { state: 'revoked', since: now(), why: request.body?.why ?? '' })
      return { revoked: request.params.instance }
    },
  )

  app.post<Params>(
    '/api/v1/hosts/:instance/release',
    { ...operator, schema: schema('Let a quarantined or revoked host in again: whoever comes next with its key is believed') },
    async (request, reply) => {
      const host = await wanted(request.params.instance, ['quarantined', 'revoked'], reply)
      if (!host) return reply
      await core.release(host.meta.hostId)
      return { released: request.params.instance }
    },
  )

  app.post<Params & { Body: { name: string } }>(
    '/api/v1/hosts/:instance/rename',
    {
      ...operator,
      schema: schema('Give a host another name; its series go on under the new one', {
        type: 'object',
        additionalProperties: false,
        required: ['name'],
        properties: { name: { type: 'string', maxLength: 200, pattern: '^[A-Za-z0-9_][A-Za-z0-9._:-]*$' } },
      }),
    },
    async (request, reply) => {
      const host = core.fleet.byInstance(request.params.instance)
      const { name } = request.body
      const done = host ? await core.rename(host.meta.hostId, name) : 'gone'
      if (done === 'gone') return reply.code(404).send({ error: `no host is called ${JSON.stringify(request.params.instance)}` })
      if (done === 'taken') return reply.code(409).send({ error: `another host is called ${JSON.stringify(name)}` })
      return { renamed: request.params.instance, to: name }
    },
  )
}
