import { byBadness, statuses, subjects } from '@fettle/catalog'
import type { FastifyInstance } from 'fastify'
import type { Fleet } from '../fleet.ts'
import type { Store } from '../store/store.ts'
import type { Access } from './auth.ts'
import { countsOf, findingView, hostDetail, hostSummary } from './views.ts'

/** Most rows of one answer; `next` tells where to go on. */
const PAGE = 500

type Deps = {
  readonly fleet: Fleet
  readonly store: Store
  readonly access: Access
  readonly now: () => number
  remove(hostId: string): Promise<boolean>
  /** Asks the host's agent to look again. @returns false where no agent of it is connected here */
  refresh(hostId: string, keys: string[]): boolean
}

const checks = new Set(subjects.flatMap(subject => subject.checks.map(check => check.name)))

const paging = {
  limit: { type: 'integer', minimum: 1, maximum: PAGE, default: 100, description: 'Rows of one answer.' },
  after: { type: 'string', maxLength: 256, description: 'Instance after which to go on: `next` of the answer before.' },
} as const
const status = { type: 'string', enum: [...statuses], description: 'Only this status.' } as const
const instanceParam = {
  type: 'object',
  required: ['instance'],
  properties: { instance: { type: 'string', maxLength: 253, description: 'Name of the host.' } },
} as const

type HostsQuery = { limit: number; after?: string; status?: string; standing?: string; role?: string; os?: string; q?: string }
type FindingsQuery = { limit: number; after?: string; status?: string; check?: string; domain?: string; instance?: string; role?: string }

/** The fleet as JSON, for scripts and other systems. */
export async function apiRoutes(app: FastifyInstance, { fleet, store, access, now, remove, refresh }: Deps): Promise<void> {
  const viewer = { onRequest: access.need('viewer') }
  const sorted = () => [...fleet.hosts()].sort((a, b) => (a.meta.instance < b.meta.instance ? -1 : 1))
  const notFound = (instance: string) => ({ error: `no host is called ${JSON.stringify(instance)}` })

  app.get('/api/v1/fleet', { ...viewer, schema: { summary: 'Counts over the whole fleet', tags: ['fleet'] } }, async () => {
    const hosts = [...fleet.hosts()].filter(host => host.counts)
    const worst = hosts.map(host => hostSummary(host, fleet, now()))
    const byCheck = new Map<string, ReturnType<typeof countsOf>>()
    for (const host of hosts) {
      for (const finding of host.findings.values()) {
        const counts = byCheck.get(finding.check) ?? countsOf([])
        counts[finding.status]++
        byCheck.set(finding.check, counts)
      }
    }
    return {
      hosts: hosts.length,
      up: worst.filter(host => host.up).length,
      byWorstStatus: countsOf(worst),
      checks: Object.fromEntries(byCheck),
    }
  })

  app.get<{ Querystring: HostsQuery }>(
    '/api/v1/hosts',
    {
      ...viewer,
      schema: {
        summary: 'Hosts with their worst findings',
        tags: ['hosts'],
        querystring: {
          type: 'object',
          additionalProperties: false,
          properties: {
            ...paging,
            status: { ...status, description: 'Only hosts whose worst finding has this status.' },
            standing: { type: 'string', enum: ['active', 'pending', 'quarantined', 'revoked'], description: 'Only hosts that stand so.' },
            role: { type: 'string', enum: ['server', 'desktop', 'laptop'] },
            os: { type: 'string', maxLength: 64, description: 'Only hosts with this operating-system id, like debian.' },
            q: { type: 'string', maxLength: 128, description: 'Only hosts whose name holds this text.' },
          },
        },
      },
    },
    async request => {
      const { limit, after, status: wanted, standing, role, os, q } = request.query
      const rows = sorted()
        .filter(host => (!after || host.meta.instance > after) && (!role || host.role === role) && (!os || host.system?.os.id === os))
        .filter(host => !standing || host.meta.standing.state === standing)
        .filter(host => !q || host.meta.instance.toLowerCase().includes(q.toLowerCase()))
        .map(host => hostSummary(host, fleet, now()))
        .filter(host => !wanted || host.status === wanted)
      return { hosts: rows.slice(0, limit), total: rows.length, next: rows.length > limit ? rows[limit - 1]?.instance : null }
    },
  )

  app.get<{ Params: { instance: string } }>(
    '/api/v1/hosts/:instance',
    {
      ...viewer,
      schema: { summary: 'One host: facts, findings with reason and remedy, transitions', tags: ['hosts'], params: instanceParam },
    },
    async (request, reply) => {
      const host = fleet.byInstance(request.params.instance)
      if (!host) return reply.code(404).send(notFound(request.params.instance))
      const transitions = await store.transitions(host.meta.hostId, 100).then(
        list => ({ transitions: list.map(one => ({ ...one, data: one.data === undefined ? null : JSON.parse(one.data) })) }),
        // The store is away: what is in memory is still worth telling, and that the rest is missing too.
        error => ({ transitions: null, transitionsError: error instanceof Error ? error.message : String(error) }),
      )
      return { ...hostDetail(host, fleet, now()), ...transitions }
    },
  )

  app.delete<{ Params: { instance: string } }>(
    '/api/v1/hosts/:instance',
    {
      onRequest: access.need('operator'),
      schema: { summary: 'Decommission a host: all its data, its key and its series end', tags: ['hosts'], params: instanceParam },
    },
    async (request, reply) => {
      const host = fleet.byInstance(request.params.instance)
      if (!host) return reply.code(404).send(notFound(request.params.instance))
      await remove(host.meta.hostId)
      return { removed: host.meta.instance }
    },
  )

  app.post<{ Params: { instance: string }; Body: { keys?: string[] } | null }>(
    '/api/v1/hosts/:instance/refresh',
    {
      onRequest: access.need('operator'),
      schema: {
        summary: 'Ask the agent to look again soon; it decides how often it does',
        tags: ['hosts'],
        params: instanceParam,
        body: {
          type: ['object', 'null'],
          additionalProperties: false,
          properties: {
            keys: {
              type: 'array',
              maxItems: 64,
              items: { type: 'string', maxLength: 64 },
              description: 'Facts like updates/apt; left out: all of them.',
            },
          },
        },
      },
    },
    async (request, reply) => {
      const host = fleet.byInstance(request.params.instance)
      if (!host) return reply.code(404).send(notFound(request.params.instance))
      const known = [...host.held.keys()]
      const strange = request.body?.keys?.find(key => !known.includes(key))
      if (strange !== undefined)
        return reply
          .code(400)
          .send({ error: `${host.meta.instance} reports no ${JSON.stringify(strange)}: wanted some of ${known.join(', ')}` })
      const keys = request.body?.keys ?? known
      if (!refresh(host.meta.hostId, keys))
        return reply.code(409).send({ error: `${host.meta.instance} is not connected to this collector now` })
      return reply.code(202).send({ asked: keys })
    },
  )

  app.get<{ Querystring: FindingsQuery }>(
    '/api/v1/findings',
    {
      ...viewer,
      schema: {
        summary: 'Findings over the fleet, worst first within a host',
        tags: ['findings'],
        querystring: {
          type: 'object',
          additionalProperties: false,
          properties: {
            ...paging,
            status,
            check: { type: 'string', maxLength: 64, description: 'Only this check.' },
            domain: { type: 'string', enum: [...new Set(subjects.map(subject => subject.domain))], description: 'Only this domain.' },
            instance: { type: 'string', maxLength: 253, description: 'Only this host.' },
            role: { type: 'string', enum: ['server', 'desktop', 'laptop'] },
          },
        },
      },
    },
    async (request, reply) => {
      const { limit, after, status: wanted, check, domain, instance, role } = request.query
      // No finding would read as nothing wrong.
      if (check !== undefined && !checks.has(check)) return reply.code(400).send({ error: `no check is called ${JSON.stringify(check)}` })
      if (instance !== undefined && !fleet.byInstance(instance)) return reply.code(404).send(notFound(instance))
      const findings = []
      let last: string | null = null
      let more = false
      for (const host of sorted()) {
        const name = host.meta.instance
        if ((after && name <= after) || (instance && name !== instance) || (role && host.role !== role)) continue
        const rows = [...host.findings.values()]
          .filter(
            finding => (wanted ? finding.status === wanted : finding.status !== 'not-applicable') && (!check || finding.check === check),
          )
          .sort(byBadness)
          .map(finding => ({ instance: name, ...findingView(finding) }))
          .filter(finding => !domain || finding.domain === domain)
        // A host's findings are never torn apart; one host alone has fewer than a page.
        more = findings.length > 0 && findings.length + rows.length > limit
        if (more) break
        findings.push(...rows)
        last = name
      }
      return { findings, next: more ? last : null }
    },
  )
}
