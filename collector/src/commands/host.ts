import { age } from '@fettle/catalog'
import { withAdmin } from '../admin-client.ts'
import type { Call } from '../collector.ts'
import { CommandError, type Io, loadConfig, parsed, printable, table } from '../command.ts'
import type { hostDetail, hostSummary } from '../http/views.ts'

const HELP = `fettle-collector host list|show|refresh|remove

  list [--status critical|warning|unknown|ok]   the hosts and their worst findings
  show INSTANCE                                 findings and facts of one
  refresh INSTANCE                              ask its agent to look at everything again soon
  remove INSTANCE                               decommission it: all its data, its key and its series end

  --json     as JSON
`

const ACTIONS = ['list', 'show', 'refresh', 'remove']

type Summary = ReturnType<typeof hostSummary>
type Detail = ReturnType<typeof hostDetail>

export async function host(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parsed(args, { status: { type: 'string' } }, 2)
  const [action, instance] = positionals
  if (values.help || !action) {
    io.out.write(HELP)
    return values.help ? 0 : 64
  }
  if (!ACTIONS.includes(action)) throw new CommandError(`there is no action ${JSON.stringify(action)}: wanted ${ACTIONS.join(', ')}`, 64)
  if (action === 'list' && instance !== undefined)
    throw new CommandError(`there is no place for ${JSON.stringify(instance)}; see --help`, 64)
  if (action !== 'list' && !instance) throw new CommandError('which host? fettle-collector host list shows them', 64)
  const path = `/api/v1/hosts/${encodeURIComponent(instance ?? '')}`
  return withAdmin(await loadConfig(io.env), async call => {
    if (action === 'list') return list(call, io, values)
    if (action === 'show') return show(io, values.json, (await call('GET', path)) as Detail)
    if (action === 'refresh') {
      await call('POST', `${path}/refresh`, {})
      io.out.write(`${instance} is asked to look again.\n`)
      return 0
    }
    await call('DELETE', path)
    io.out.write(`${instance} is removed. Uninstall its agent, or it stays refused.\n`)
    return 0
  })
}

async function list(call: Call, io: Io, { status, json }: { status?: string | undefined; json?: boolean | undefined }): Promise<number> {
  const hosts: Summary[] = []
  for (let after: string | null = ''; after !== null; ) {
    const query = new URLSearchParams({ limit: '500', ...(after ? { after } : {}), ...(status ? { status } : {}) })
    const answer = (await call('GET', `/api/v1/hosts?${query}`)) as { hosts: Summary[]; next: string | null }
    hosts.push(...answer.hosts)
    after = answer.next
  }
  if (json) io.out.write(`${JSON.stringify(hosts)}\n`)
  else if (hosts.length === 0) io.out.write('There are no hosts.\n')
  else {
    const now = Date.now()
    const rows = hosts.map(one => [
      one.instance,
      one.status,
      one.up ? 'now' : one.lastSeenAt ? `${age(now - one.lastSeenAt)} ago` : 'never',
      one.role,
      printable(one.os?.name ?? ''),
      printable(one.worst[0]?.reason ?? ''),
    ])
    io.out.write(table([['HOST', 'WORST', 'SEEN', 'ROLE', 'SYSTEM', 'WHAT IS WRONG'], ...rows]))
  }
  return 0
}

function show(io: Io, json: boolean | undefined, detail: Detail): number {
  if (json) io.out.write(`${JSON.stringify(detail)}\n`)
  else {
    const findings = detail.findings.filter(finding => finding.status !== 'not-applicable')
    io.out.write(`${detail.instance}  ${detail.status}  ${detail.role}  agent ${detail.agentVersion}\n\n`)
    io.out.write(
      table([['STATUS', 'CHECK', 'REASON'], ...findings.map(finding => [finding.status, finding.check, printable(finding.reason)])]),
    )
    io.out.write(
      `\n${table([['FACT', 'OUTCOME', 'REASON'], ...detail.facts.map(fact => [fact.key, fact.outcome, printable(fact.reason ?? '')])])}`,
    )
  }
  return 0
}
