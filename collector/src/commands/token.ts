import { roles } from '@fettle/catalog'
import { parseDuration, printable } from '@fettle/kit'
import { isLoopbackHost } from '../addresses.ts'
import { withAdmin } from '../admin-client.ts'
import type { Call } from '../collector.ts'
import { CommandError, type Io, loadConfig, parsed, table } from '../command.ts'
import type { Token } from '../store/store.ts'

const HELP = `fettle-collector token create|list|revoke

  create [--uses N|unlimited] [--expires 24h|never] [--label site=Lyon]… [--role server|desktop|laptop] [--approve] [--note TEXT]
      a string to enrol machines with (default: one machine, 24 hours): address, token, and pin of the certificate authority in one.
      --label and --role are given to the machines; with --approve each waits until fettle-collector host approve lets it in
  create --api --role viewer|operator|admin [--expires 90d|never] [--note TEXT]
      a token for Prometheus, scripts and people. Once there is one, loopback needs one too
  list       the tokens, without their secrets
  revoke ID  take one back; hosts that enrolled with it stay

  --json     as JSON

  fettle-collector token create --uses 20 --expires 7d --label site=Lyon
`

const OPTIONS = {
  uses: { type: 'string' },
  expires: { type: 'string' },
  label: { type: 'string', multiple: true },
  note: { type: 'string' },
  api: { type: 'boolean' },
  role: { type: 'string' },
  approve: { type: 'boolean' },
} as const
const ACTIONS = ['create', 'list', 'revoke']

type ShownToken = Omit<Token, 'secretHash'>

export async function token(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parsed(args, OPTIONS, 2)
  const [action, id] = positionals
  if (values.help || !action) {
    io.out.write(HELP)
    return values.help ? 0 : 64
  }
  if (!ACTIONS.includes(action)) throw new CommandError(`there is no action ${JSON.stringify(action)}: wanted ${ACTIONS.join(', ')}`, 64)
  if (action === 'revoke' && !id) throw new CommandError('which token? fettle-collector token list shows their ids', 64)
  // Wrong usage is told before any store is opened.
  if (action !== 'revoke' && id !== undefined) throw new CommandError(`there is no place for ${JSON.stringify(id)}; see --help`, 64)
  const wish = action === 'create' ? wishOf(values) : undefined
  const config = await loadConfig(io.env)
  return withAdmin(config, async call => {
    if (wish) return create(call, io, wish, values.json)
    return action === 'list' ? list(call, io, values.json) : revoke(call, io, id ?? '')
  })
}

type Wish = {
  readonly uses?: string | undefined
  readonly expires?: string | undefined
  readonly label?: string[] | undefined
  readonly note?: string | undefined
  readonly api?: boolean | undefined
  readonly role?: string | undefined
  readonly approve?: boolean | undefined
}

/** What the API is asked for. @throws CommandError with exit code 64 */
function wishOf(wish: Wish) {
  if (wish.api && wish.approve) throw new CommandError('--approve is for machines: a token for the API needs none', 64)
  if (!wish.api && wish.role !== undefined && !roles.some(role => role === wish.role))
    throw new CommandError(`--role ${wish.role}: wanted ${roles.join(', ')}, or --api with a role of the API`, 64)
  const labels = [...(wish.label ?? []).map(labelOf), ...(!wish.api && wish.role ? [['role', wish.role] as const] : [])]
  return {
    kind: wish.api ? 'api' : 'enrol',
    expiresInMs: wish.expires === 'never' ? null : lifeOf(wish.expires ?? (wish.api ? '90d' : '24h')),
    uses: wish.uses === 'unlimited' ? null : usesOf(wish.uses ?? '1'),
    labels: Object.fromEntries(labels),
    role: wish.api ? (wish.role ?? 'viewer') : 'viewer',
    approve: wish.approve ?? false,
    note: wish.note ?? '',
  }
}

type Made = ShownToken & { readonly token: string; readonly collector: string; readonly enrolment: string | null }

async function create(call: Call, io: Io, body: ReturnType<typeof wishOf>, json: boolean | undefined): Promise<number> {
  const made = (await call('POST', '/api/v1/tokens', body)) as Made
  if (json) io.out.write(`${JSON.stringify(made)}\n`)
  else io.out.write(made.enrolment === null ? `${made.token}\n` : howTo(made, made.enrolment))
  return 0
}

/** What to do with an enrolment string, by system. */
function howTo({ id, collector, usesLeft, expiresAt, approve }: Made, enrolment: string): string {
  const machines = usesLeft === null ? 'any number of machines' : usesLeft === 1 ? 'one machine' : `${usesLeft} machines`
  const until = expiresAt === null ? 'until it is revoked' : `until ${minute(expiresAt)} UTC`
  const plain =
    collector.startsWith('ws://') && !isLoopbackHost(new URL(collector).hostname.replace(/^\[|\]$/g, '')) ? ' --allow-plain' : ''
  return `${enrolment}

It lets in ${machines} ${until}${approve ? '; who comes by it waits for fettle-collector host approve' : ''}. Whoever has it can enrol: keep it like a password.
On the machine, where the agent is installed:

  Linux, macOS   sudo fettle-agent enroll ${enrolment}${plain}
  Windows        fettle-agent enroll ${enrolment}${plain}
                 (in a terminal of an administrator)

To take it back: fettle-collector token revoke ${id}
`
}

function minute(at: number): string {
  return new Date(at).toISOString().slice(0, 16).replace('T', ' ')
}

function lifeOf(text: string): number {
  try {
    return parseDuration(text)
  } catch {
    throw new CommandError(`--expires ${text}: wanted a duration like 24h or 90d, or never`, 64)
  }
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
    const day = (at: number | null) => (at === null ? 'never' : minute(at))
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

async function revoke(call: Call, io: Io, id: string): Promise<number> {
  await call('DELETE', `/api/v1/tokens/${encodeURIComponent(id)}`)
  io.out.write(`Token ${id} is revoked.\n`)
  return 0
}
