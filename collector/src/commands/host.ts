import { age } from '@fettle/catalog'
import { printable } from '@fettle/kit'
import { withAdmin } from '../admin-client.ts'
import type { Call } from '../collector.ts'
import { CommandError, type Io, loadConfig, parsed, table } from '../command.ts'
import type { hostDetail, hostSummary } from '../http/views.ts'

const HELP = `fettle-collector host list|show|refresh|approve|deny|revoke|release|rename|remove

  list [--status critical|warning|unknown|ok] [--standing pending|quarantined|revoked|active]
                      the hosts and their worst findings; those that may not talk are listed too
  show INSTANCE       findings and facts of one
  refresh INSTANCE    ask its agent to look at everything again soon
  approve INSTANCE    let a machine in that was enrolled by a token that demands approval
  deny INSTANCE       send it away: it needs a new token to ask again
  revoke INSTANCE [--why TEXT]
                      shut it out at once, wherever it is connected; its data stays
  release INSTANCE    let a quarantined or revoked one in again: whoever comes next with its key is believed
  rename INSTANCE NEW
                      its series go on under the new name
  remove INSTANCE     decommission it: all its data, its key and its series end

When two machines use one key (a disk image with an enrolled agent in it), both are quarantined. On the copy run
fettle-agent enroll --new-identity with a new token, then release the original.

  --json     as JSON
`

/** Acts that are one call, and how they are told once done. */
const ACTS: Readonly<Record<string, string>> = {
  approve: 'is approved: it connects within a minute.',
  deny: 'is sent away.',
  revoke: 'is shut out. Its data stays until it is removed.',
  release: 'may come again.',
}
const ACTIONS = ['list', 'show', 'refresh', ...Object.keys(ACTS), 'rename', 'remove']

type Summary = ReturnType<typeof hostSummary>
type Detail = ReturnType<typeof hostDetail>

export async function host(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parsed(args, { status: { type: 'string' }, standing: { type: 'string' }, why: { type: 'string' } }, 3)
  const [action, instance, name] = positionals
  if (values.help || !action) {
    io.out.write(HELP)
    return values.help ? 0 : 64
  }
  if (!ACTIONS.includes(action)) throw new CommandError(`there is no action ${JSON.stringify(action)}: wanted ${ACTIONS.join(', ')}`, 64)
  if (action === 'list' && instance !== undefined)
    throw new CommandError(`there is no place for ${JSON.stringify(instance)}; see --help`, 64)
  if (name !== undefined && action !== 'rename') throw new CommandError(`there is no place for ${JSON.stringify(name)}; see --help`, 64)
  if (action === 'rename' && !name) throw new CommandError('which name? fettle-collector host rename INSTANCE NEW', 64)
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
    const done = ACTS[action]
    if (done !== undefined) {
      await call('POST', `${path}/${action}`, values.why === undefined ? {} : { why: values.why })
      io.out.write(`${instance} ${done}\n`)
      return 0
    }
    if (action === 'rename') {
      await call('POST', `${path}/rename`, { name })
      io.out.write(`${instance} is called ${name} now.\n`)
      return 0
    }
    await call('DELETE', path)
    io.out.write(`${instance} is removed. Uninstall its agent, or it stays refused.\n`)
    return 0
  })
}

async function list(
  call: Call,
  io: Io,
  { status, standing, json }: { status?: string | undefined; standing?: string | undefined; json?: boolean | undefined },
): Promise<number> {
  const hosts: Summary[] = []
  for (let after: string | null = ''; after !== null; ) {
    const query = new URLSearchParams({
      limit: '500',
      ...(after ? { after } : {}),
      ...(status ? { status } : {}),
      ...(standing ? { standing } : {}),
    })
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
      one.standing.state === 'active' ? one.status : one.standing.state.toUpperCase(),
      one.up ? 'now' : one.lastSeenAt ? `${age(now - one.lastSeenAt)} ago` : 'never',
      one.role,
      printable(one.os?.name ?? ''),
      printable(one.standing.why || (one.worst[0]?.reason ?? '')),
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
