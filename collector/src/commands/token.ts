import { parseDuration } from '@fettle/kit'
import { withAdmin } from '../admin-client.ts'
import type { Call } from '../collector.ts'
import { CommandError, type Io, loadConfig, parsed, printable, table } from '../command.ts'
import type { Token } from '../store/store.ts'

const HELP = `fettle-collector token create|list|revoke

  create [--uses N|unlimited] [--expires 24h|never] [--label site=Lyon]… [--note TEXT]
      a token to enrol machines with (default: one machine, 24 hours)
  create --api --role viewer|operator|admin [--expires 90d|never] [--note TEXT]
      a token for Prometheus, scripts and people. Once there is one, loopback needs one too
  list       the tokens, without their secrets
  revoke ID  take one back; hosts that enrolled with it stay

  --json     as JSON

  fettle-collector token create --uses 20 --expires 7d --label site=Lyon
`

type ShownToken = Omit<Token, 'secretHash'>

export async function token(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parsed(args, {
    uses: { type: 'string' },
    expires: { type: 'string' },
    label: { type: 'string', multiple: true },
    note: { type: 'string' },
    api: { type: 'boolean' },
    role: { type: 'string' },
  })
  const [action, id] = positionals
  if (values.help || !action) {
    io.out.write(HELP)
    return values.help ? 0 : 64
  }
  const config = await loadConfig(io.env)
  return withAdmin(config, async call => {
    if (action === 'create') return create(call, io, values, config.values.listen)
    if (action === 'list') return list(call, io, values.json)
    if (action === 'revoke') return revoke(call, io, id)
    throw new CommandError(`there is no action ${JSON.stringify(action)}: wanted create, list or revoke`, 64)
  })
}

type Wish = {
  readonly uses?: string | undefined
  readonly expires?: string | undefined
  readonly label?: string[] | undefined
  readonly note?: string | undefined
  readonly api?: boolean | undefined
  readonly role?: string | undefined
  readonly json?: boolean | undefined
}

async function create(call: Call, io: Io, wish: Wish, listen: string): Promise<number> {
  const body = {
    kind: wish.api ? 'api' : 'enrol',
    expiresInMs: wish.expires === 'never' ? null : parseDuration(wish.expires ?? (wish.api ? '90d' : '24h')),
    uses: wish.uses === 'unlimited' ? null : usesOf(wish.uses ?? '1'),
    labels: Object.fromEntries((wish.label ?? []).map(labelOf)),
    role: wish.role ?? 'viewer',
    note: wish.note ?? '',
  }
  const made = (await call('POST', '/api/v1/tokens', body)) as ShownToken & { token: string; collector: string | null }
  if (wish.json) io.out.write(`${JSON.stringify(made)}\n`)
  else if (wish.api) io.out.write(`${made.token}\n`)
  else
    io.out.write(
      `${made.token}\n\nOn the machine to enrol:\n  fettle-agent enroll --collector ${made.collector ?? `wss://${listen}`} --token ${made.token}\n`,
    )
  return 0
}

function usesOf(text: string): number {
  const uses = Number(text)
  if (!Number.isInteger(uses) || uses < 1) throw new CommandError(`--uses ${text}: wanted a whole number from 1, or unlimited`, 64)
  return uses
}

function labelOf(text: string): [string, string] {
  const equals = text.indexOf('=')
  if (equals < 1) throw new CommandError(`--label ${text}: wanted name=value, like site=Lyon`, 64)
  return [text.slice(0, equals), text.slice(equals + 1)]
}

async function list(call: Call, io: Io, json: boolean | undefined): Promise<number> {
  const { tokens } = (await call('GET', '/api/v1/tokens')) as { tokens: ShownToken[] }
  if (json) io.out.write(`${JSON.stringify(tokens)}\n`)
  else if (tokens.length === 0) io.out.write('There are no tokens.\n')
  else {
    const day = (at: number | null) => (at === null ? 'never' : new Date(at).toISOString().slice(0, 16).replace('T', ' '))
    const rows = tokens.map(one => [
      one.id,
      one.kind,
      one.role ?? '',
      one.kind === 'enrol' ? String(one.usesLeft ?? 'unlimited') : '',
      day(one.createdAt),
      day(one.expiresAt),
      printable(one.note),
    ])
    io.out.write(table([['ID', 'KIND', 'ROLE', 'USES LEFT', 'MADE', 'EXPIRES (UTC)', 'NOTE'], ...rows]))
  }
  return 0
}

async function revoke(call: Call, io: Io, id: string | undefined): Promise<number> {
  if (!id) throw new CommandError('which token? fettle-collector token list shows their ids', 64)
  await call('DELETE', `/api/v1/tokens/${encodeURIComponent(id)}`)
  io.out.write(`Token ${id} is revoked.\n`)
  return 0
}
