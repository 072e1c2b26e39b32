import type { FastifyInstance } from 'fastify'
import type { Core } from '../core.ts'
import type { FleetHost } from '../fleet.ts'
import { ACTIVE } from '../store/store.ts'
import type { Access } from './auth.ts'

type Deps = { readonly core: Core; readonly access: Access; readonly acts: StandingActs }
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

/** Why an act was not done. */
type Refused = { readonly status: number; readonly error: string }
type StandingAct = (instance: string, why: string) => Promise<Refused | undefined>
export type StandingActs = Readonly<Record<'approve' | 'deny' | 'revoke' | 'release', StandingAct>>

/** What operators do about who may talk, for API and pages alike. */
export function standingActs(core: Core, now: () => number): StandingActs {
  const act =
    (states: readonly string[], does: (host: FleetHost, why: string) => Promise<unknown>): StandingAct =>
    async (instance, why) => {
      const host = core.fleet.byInstance(instance)
      if (!host) return { status: 404, error: `no host is called ${JSON.stringify(instance)}` }
      const { state } = host.meta.standing
      if (!states.includes(state)) return { status: 409, error: `${instance} is ${state}: wanted one that is ${states.join(' or ')}` }
      await does(host, why)
      return undefined
    }
  return {
    approve: act(['pending'], host => core.setStanding(host.meta.hostId, { ...ACTIVE, since: now() })),
    deny: act(['pending'], host => core.remove(host.meta.hostId, 'operator')),
    revoke: act(['active', 'pending', 'quarantined'], (host, why) =>
      core.setStanding(host.meta.hostId, { state: 'revoked', since: now(), why }),
    ),
    release: act(['quarantined', 'revoked'], host => core.release(host.meta.hostId)),
  }
}

/** Each act of the API: what it does, in words, and what its answer calls it. */
const told = {
  approve: { summary: 'Let a host in that waits for approval', done: 'approved' },
  deny: { summary: 'Send a host away that waits for approval: it needs a new token to ask again', done: 'denied' },
  revoke: {
    summary: 'Shut a host out at once, on whichever collector it is connected; its data stays until it is removed',
    done: 'revoked',
  },
  release: { summary: 'Let a quarantined or revoked host in again: whoever comes next with its key is believed', done: 'released' },
} as const

/** Who may talk, and by which name: acts of operators. */
export async function standingRoutes(app: FastifyInstance, { core, access, acts }: Deps): Promise<void> {
  const operator = { onRequest: access.need('operator') }
  const schema = (summary: string, body?: object) => ({ summary, tags: ['hosts'], params, ...(body ? { body } : {}) })

  for (const name of ['approve', 'deny', 'revoke', 'release'] as const) {
    const { summary, done } = told[name]
    app.post<Reasoned>(
      `/api/v1/hosts/:instance/${name}`,
      { ...operator, schema: schema(summary, name === 'revoke' ? reason : undefined) },
      async (request, reply) => {
        const refused = await acts[name](request.params.instance, request.body?.why ?? '')
        if (refused) return reply.code(refused.status).send({ error: refused.error })
        return { [done]: request.params.instance }
      },
    )
  }

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
