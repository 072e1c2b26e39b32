import type { FastifyInstance } from 'fastify'
import type { AuditEntry, Store } from '../store/store.ts'
import type { Access } from './auth.ts'
import { html } from './html.ts'
import { sendPage } from './shell.ts'

/** Most entries of one answer. */
const MOST = 500
/** Entries of one page. */
const ROWS = 100

type Query = { limit: number; before?: number }

/** Who did what, when, to whom, from where; newest first. */
export async function auditRoutes(app: FastifyInstance, { store, access }: { store: Store; access: Access }): Promise<void> {
  const onRequest = access.need('admin')
  const before = { type: 'integer', minimum: 1, description: 'Only entries before this id: `next` of the answer before.' } as const

  app.get<{ Querystring: Query }>(
    '/api/v1/audit',
    {
      onRequest,
      schema: {
        summary: 'The audit log: every administrative act, newest first',
        tags: ['audit'],
        querystring: {
          type: 'object',
          additionalProperties: false,
          properties: {
            limit: { type: 'integer', minimum: 1, maximum: MOST, default: 100, description: 'Entries of one answer.' },
            before,
          },
        },
      },
    },
    async request => {
      const { limit, before: end } = request.query
      const entries = await store.audit.list(limit, end)
      return { entries, next: entries.length === limit ? (entries.at(-1)?.id ?? null) : null }
    },
  )

  app.get<{ Querystring: { before?: number } }>(
    '/audit',
    { onRequest, config: { page: true }, schema: { hide: true, querystring: { type: 'object', properties: { before } } } },
    async (request, reply) => {
      const entries = await store.audit.list(ROWS, request.query.before)
      const last = entries.at(-1)?.id
      return sendPage(
        request,
        reply,
        'Audit log',
        html`<h1>Audit log</h1>
<table class="cards audit"><thead><tr><th>When (UTC)</th><th>Who</th><th>What</th><th>Target</th><th>Detail</th><th>From</th></tr></thead><tbody>${entries.map(row)}</tbody></table>
${entries.length === 0 && html`<p class="quiet">Nothing yet.</p>`}
<p class="pages">${request.query.before !== undefined && html`<a href="/audit">Newest</a> `}${entries.length === ROWS && html`<a href="/audit?before=${last}">Older</a>`}</p>`,
      )
    },
  )
}

function row({ at, who, what, target, detail, address }: AuditEntry) {
  const when = new Date(at).toISOString().slice(0, 19).replace('T', ' ')
  return html`<tr><td class="brief">${when}</td><td>${who}</td><td class="brief">${what}</td><td>${target}</td><td class="wrong">${detail}</td><td class="brief">${address}</td></tr>`
}
