import { age, byBadness, type Check, type Status, subjects } from '@fettle/catalog'
import type { FastifyInstance } from 'fastify'
import type { Fleet, FleetHost } from '../fleet.ts'
import type { Access, Identity } from './auth.ts'
import { type Html, html, type Inner } from './html.ts'
import { button, sendPage } from './shell.ts'
import { countsOf, type FindingView, findingView, type HostSummary, hostSummary } from './views.ts'

/** Hosts on one page. */
const ROWS = 100
const judged: readonly Status[] = ['critical', 'warning', 'unknown', 'ok']
const domains = ['host', 'hardware', 'updates', 'backups', 'security', 'agent'] as const

type Deps = { readonly fleet: Fleet; readonly access: Access; now(): number; fault(): string | undefined }

/** The first pages: the fleet by finding, and one host. Made on the server, without script. */
export async function pageRoutes(app: FastifyInstance, deps: Deps): Promise<void> {
  const viewer = { onRequest: deps.access.need('viewer'), config: { page: true }, schema: { hide: true } } as const
  app.get<{ Querystring: { status?: string; q?: string; page?: string } }>('/', viewer, async (request, reply) => {
    const { status, q, page } = request.query
    return sendPage(
      request,
      reply,
      'Fleet',
      fleetPage(deps, request.identity, {
        status: judged.find(one => one === status),
        q: (q ?? '').slice(0, 128),
        page: Math.max(0, Number.parseInt(page ?? '0', 10) || 0),
      }),
    )
  })
  app.get<{ Params: { instance: string } }>('/hosts/:instance', viewer, async (request, reply) => {
    const host = deps.fleet.byInstance(request.params.instance)
    if (host) return sendPage(request, reply, host.meta.instance, hostPage(deps, request.identity, host))
    return sendPage(
      request,
      reply.code(404),
      'Not found',
      html`<p>No host is called <b>${request.params.instance}</b>. <a href="/">Back to the fleet</a></p>`,
    )
  })
}

type Filter = { readonly status: Status | undefined; readonly q: string; readonly page: number }

function fleetPage({ fleet, now, fault }: Deps, identity: Identity | undefined, filter: Filter): Html {
  const hosts = [...fleet.hosts()]
  const all = hosts.filter(host => host.counts).map(host => hostSummary(host, fleet, now()))
  const counts = countsOf(all)
  const rows = all
    .filter(host => (!filter.status || host.status === filter.status) && host.instance.toLowerCase().includes(filter.q.toLowerCase()))
    .sort(
      (a, b) =>
        byBadness(a, b) ||
        b.counts.critical - a.counts.critical ||
        b.counts.warning - a.counts.warning ||
        (a.instance < b.instance ? -1 : 1),
    )
  const shown = rows.slice(filter.page * ROWS, (filter.page + 1) * ROWS)
  const trouble = fault()
  return html`
${trouble && html`<p class="note critical">The store cannot be reached (${trouble}): what you see is the last known state.</p>`}
${undecided(hosts, identity, now())}
<h1>${all.length} ${all.length === 1 ? 'host' : 'hosts'}, ${all.filter(host => host.up).length} reporting</h1>
<nav class="tiles">${judged.map(status => html`<a class="tile ${status} ${filter.status === status ? 'chosen' : ''}" href="/?status=${filter.status === status ? '' : status}"><b>${counts[status]}</b> ${status}</a>`)}</nav>
<form><input type="search" name="q" value="${filter.q}" placeholder="Find a host" aria-label="Find a host"><input type="hidden" name="status" value="${filter.status ?? ''}"></form>
<table class="cards"><thead><tr><th>Host</th><th>Worst</th><th>What is wrong</th><th>System</th><th>Role</th><th>Seen</th></tr></thead><tbody class="hosts">
${shown.map(host => hostRow(host, now()))}
</tbody></table>
${rows.length === 0 && html`<p class="quiet">${all.length === 0 ? 'No host has enrolled yet. Make a token with: fettle-collector token create' : 'No host matches.'}</p>`}
<p class="pages">${filter.page > 0 && html`<a href="/?page=${filter.page - 1}&status=${filter.status ?? ''}&q=${encodeURIComponent(filter.q)}">Previous</a> `}${rows.length > (filter.page + 1) * ROWS && html`<a href="/?page=${filter.page + 1}&status=${filter.status ?? ''}&q=${encodeURIComponent(filter.q)}">Next</a>`}</p>
${checksOf(fleet)}`
}

/** Hosts that wait for a decision of an operator, with what there is to decide. */
function undecided(hosts: readonly FleetHost[], identity: Identity | undefined, now: number): Html | false {
  const waiting = hosts.filter(({ meta }) => meta.standing.state === 'pending' || meta.standing.state === 'quarantined')
  if (waiting.length === 0) return false
  const oldestFirst = waiting.toSorted((a, b) => a.meta.standing.since - b.meta.standing.since)
  return html`<section class="undecided"><h2>${waiting.length} ${waiting.length === 1 ? 'host waits' : 'hosts wait'} for a decision</h2><table class="cards"><tbody>${oldestFirst
    .slice(0, ROWS)
    .map(
      ({
        meta,
      }) => html`<tr><td class="name"><a href="/hosts/${encodeURIComponent(meta.instance)}">${meta.instance}</a></td><td class="state"><span class="badge ${meta.standing.state === 'pending' ? 'unknown' : 'critical'}">${meta.standing.state}</span></td>
<td class="wrong">${meta.standing.why}<div class="quiet">for ${age(Math.max(0, now - meta.standing.since))}; key ${meta.hostId.slice(0, 8)}…</div></td><td class="acts">${buttonsOf(meta, identity)}</td></tr>`,
    )}</tbody></table></section>`
}

const acts = {
  active: { revoke: 'Revoke' },
  pending: { approve: 'Approve', deny: 'Deny' },
  quarantined: { release: 'Release', revoke: 'Revoke' },
  revoked: { release: 'Let in again' },
} as const

/** What an operator can do about who may talk; nothing for others. */
function buttonsOf({ instance, standing }: FleetHost['meta'], identity: Identity | undefined): Inner {
  if (!identity || identity.role === 'viewer') return false
  return Object.entries(acts[standing.state]).map(([act, label]) =>
    button(identity, `/hosts/${encodeURIComponent(instance)}/${act}`, label),
  )
}

/** How many hosts each check is bad for; those that are only unknown somewhere stay folded. */
function checksOf(fleet: Fleet): Html {
  const byCheck = new Map<string, ReturnType<typeof countsOf>>()
  for (const host of fleet.hosts()) {
    for (const finding of host.findings.values()) {
      const counts = byCheck.get(finding.check) ?? countsOf([])
      counts[finding.status]++
      byCheck.set(finding.check, counts)
    }
  }
  const rows = subjects
    .flatMap(subject => subject.checks.map(check => ({ check, counts: byCheck.get(check.name) ?? countsOf([]) })))
    .sort((a, b) => b.counts.critical - a.counts.critical || b.counts.warning - a.counts.warning || b.counts.unknown - a.counts.unknown)
  const isBad = ({ counts }: Row) => counts.critical + counts.warning > 0
  const bad = rows.filter(isBad)
  const unsure = rows.filter(row => !isBad(row) && row.counts.unknown > 0)
  return html`${bad.length > 0 && html`<h2>By finding</h2>${checkTable(bad, ['critical', 'warning', 'unknown'])}`}${
    unsure.length > 0 &&
    html`<details><summary>${unsure.length} ${unsure.length === 1 ? 'finding is' : 'findings are'} unknown on some hosts, bad on none</summary>${checkTable(unsure, ['unknown'])}</details>`
  }`
}

type Row = { readonly check: Check; readonly counts: ReturnType<typeof countsOf> }

function checkTable(rows: readonly Row[], shown: readonly Status[]): Html {
  return html`<table class="narrow"><thead><tr><th>Finding</th>${shown.map(status => html`<th>${status}</th>`)}</tr></thead><tbody>
${rows.map(({ check, counts }) => html`<tr><td>${check.title}</td>${shown.map(status => html`<td class="number">${counts[status] > 0 && html`<span class="dot ${status}"></span>${counts[status]}`}</td>`)}</tr>`)}
</tbody></table>`
}

function hostRow(host: HostSummary, now: number): Html {
  return html`<tr><td class="name"><a href="/hosts/${encodeURIComponent(host.instance)}">${host.instance}</a></td><td class="state"><span class="badge ${host.status}">${host.status}</span></td>
<td class="wrong">${wrongOf(host)}</td>
<td class="os">${host.os ? host.os.name : 'not told yet'}</td><td class="brief">${host.role}</td><td class="brief">${host.up ? 'now' : host.lastSeenAt ? `${age(now - host.lastSeenAt)} ago` : 'never'}</td></tr>`
}

function wrongOf({ worst, counts }: HostSummary): Inner {
  const told = worst.slice(0, 2).map(finding => html`<div class="clamp"><b>${finding.title}</b>: ${finding.reason}</div>`)
  const more = counts.critical + counts.warning - told.length
  return [
    ...told,
    more > 0 && html`<div class="quiet">and ${more} more</div>`,
    counts.unknown > 0 && html`<div class="quiet">${counts.unknown} unknown</div>`,
  ]
}

function hostPage({ fleet, now }: Deps, identity: Identity | undefined, host: FleetHost): Html {
  const at = now()
  const summary = hostSummary(host, fleet, at)
  const { system } = host
  const { standing } = host.meta
  return html`<h1>${host.meta.instance} <span class="badge ${summary.status}">${summary.status}</span></h1>
<p>${system ? html`${system.os.name} · kernel ${system.kernel?.version ?? 'not told'} · ${[system.hardware.vendor, system.hardware.model].filter(Boolean).join(' ') || 'hardware not told'} · ` : ''}${host.role} · agent ${host.agentVersion} ·
${summary.up ? 'reporting now' : summary.lastSeenAt ? `last seen ${age(at - summary.lastSeenAt)} ago` : 'never seen'}</p>
${standing.state !== 'active' && html`<p class="note critical">This host is ${standing.state}${standing.why && `: ${standing.why}`}. Nothing that it sends is taken.</p>`}
<div class="acts">${buttonsOf(host.meta, identity)}</div>
${domains.map(domain => findingsOf(host, domain, at))}
<h2>Facts</h2>${[...host.held.values()]
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(
      fact => html`<details><summary><code>${fact.key}</code> <span class="badge ${fact.outcome === 'ok' ? 'ok' : fact.outcome === 'absent' ? 'not-applicable' : 'unknown'}">${fact.outcome}</span>
<span class="quiet">looked at ${age(Math.max(0, at - fact.at))} ago, took ${fact.tookMs} ms ${fact.reason ?? ''}</span></summary>${fact.hint && html`<p>${fact.hint}</p>`}${fact.outcome === 'ok' && html`<pre>${JSON.stringify(fact.data, null, 1)}</pre>`}</details>`,
    )}`
}

/** What is not well first, each with its remedy; what is well folded. */
function findingsOf(host: FleetHost, domain: (typeof domains)[number], now: number): Html | string {
  const rows = [...host.findings.values()]
    .filter(finding => finding.status !== 'not-applicable')
    .map(findingView)
    .filter(view => view.domain === domain)
    .sort(byBadness)
  if (rows.length === 0) return ''
  const good = rows.filter(({ status }) => status === 'ok')
  const alike = Map.groupBy(
    rows.filter(({ status }) => status !== 'ok'),
    ({ check, status, subject, reason }) => (status === 'unknown' ? `${subject} ${reason}` : check),
  )
  return html`<h2>${domain}</h2>
${alike.size > 0 && html`<table class="findings"><tbody>${[...alike.values()].map(group => findingRow(group, now))}</tbody></table>`}
${good.length > 0 && html`<details><summary><span class="badge ok">ok</span> ${good.length} ${good.length === 1 ? 'check' : 'checks'}</summary><table class="findings"><tbody>${good.map(view => findingRow([view], now))}</tbody></table></details>`}`
}

/** One finding, or several that are unknown for one reason. */
function findingRow(alike: readonly FindingView[], now: number): Html | string {
  const [first] = alike
  if (!first) return ''
  const advice = first.status === 'ok' ? null : (first.hint ?? first.remedy)
  const since = Math.min(...alike.map(view => view.since))
  return html`<tr><td class="state"><span class="badge ${first.status}">${first.status}</span></td><td><b>${alike.map(view => view.title).join(' · ')}</b><div>${first.reason}</div>${advice && html`<div class="quiet">${advice}</div>`}</td><td class="quiet since">for ${age(Math.max(0, now - since))}</td></tr>`
}
