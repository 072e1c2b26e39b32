import { printable } from '@fettle/kit'
import { withAdmin } from '../admin-client.ts'
import { CommandError, type Io, loadConfig, parsed, table } from '../command.ts'
import type { Kept } from '../http/sessions.ts'

const HELP = `fettle-collector session list|end

  list        who is signed in, as which role, until when
  end PERSON  sign somebody out everywhere, by name or subject; within 5 s on every collector. Take the groups away at the
              identity provider first, or they sign in again

  --json      as JSON
`
const ACTIONS = ['list', 'end']

export async function session(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parsed(args, {}, 2)
  const [action, person] = positionals
  if (values.help || !action) {
    io.out.write(HELP)
    return values.help ? 0 : 64
  }
  if (!ACTIONS.includes(action)) throw new CommandError(`there is no action ${JSON.stringify(action)}: wanted ${ACTIONS.join(', ')}`, 64)
  if (action === 'end' && !person) throw new CommandError('whose session? fettle-collector session list shows them', 64)
  if (action === 'list' && person !== undefined) throw new CommandError(`there is no place for ${JSON.stringify(person)}; see --help`, 64)
  return withAdmin(await loadConfig(io.env), async call => {
    if (person !== undefined) {
      const { ended } = (await call('DELETE', `/api/v1/sessions/${encodeURIComponent(person)}`)) as { ended: number }
      io.out.write(`${person} is signed out (${ended} ${ended === 1 ? 'session' : 'sessions'}).\n`)
      return 0
    }
    const { sessions } = (await call('GET', '/api/v1/sessions')) as { sessions: Kept[] }
    if (values.json) io.out.write(`${JSON.stringify(sessions)}\n`)
    else if (sessions.length === 0) io.out.write('Nobody is signed in.\n')
    else io.out.write(table([['PERSON', 'SUBJECT', 'ROLE', 'UNTIL (UTC)'], ...sessions.map(row)]))
    return 0
  })
}

function row({ name, subject, role, endsAt }: Kept): string[] {
  return [name, subject, role, new Date(endsAt).toISOString().slice(0, 16).replace('T', ' ')].map(text => printable(text))
}
