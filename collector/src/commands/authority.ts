import { parseDuration } from '@fettle/kit'
import { withAdmin } from '../admin-client.ts'
import { CommandError, type Io, loadConfig, parsed } from '../command.ts'

const HELP = `fettle-collector authority [renew]

  Prints the certificate authority of this collector as PEM, for Prometheus and browsers: the one in use, and the next as soon as
  there is one. Agents need no file: they are told. It is public; its key is not printed.

  renew [--used-in 30d]
      makes the next own authority now, where the key of the present one may have been stolen. Connected agents hear of it within
      minutes; from that time on it alone is used and trusted. A machine that does not connect until then has to be enrolled again,
      and Prometheus needs the new file by then. By itself the collector does all this years before an authority ends.

  --json     as JSON

  fettle-collector authority > fettle-ca.pem
`

export async function authority(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parsed(args, { 'used-in': { type: 'string' } }, 1)
  const [action] = positionals
  if (values.help) {
    io.out.write(HELP)
    return 0
  }
  if (action !== undefined && action !== 'renew')
    throw new CommandError(`there is no action ${JSON.stringify(action)}: wanted renew, or none`, 64)
  if (values['used-in'] !== undefined && action === undefined) throw new CommandError('--used-in goes with renew', 64)
  const usedInMs = usedIn(values['used-in'] ?? '30d')
  const config = await loadConfig(io.env)
  const { authorities } = (await withAdmin(config, call =>
    action === 'renew' ? call('POST', '/api/v1/authorities', { usedInMs }) : call('GET', '/api/v1/authorities'),
  )) as { authorities: string[] }
  if (authorities.length === 0)
    throw new CommandError('there is none: set tls.own for one of its own, or tls.ca to the file of the one that signed tls.cert')
  io.out.write(values.json ? `${JSON.stringify(authorities)}\n` : authorities.join(''))
  return 0
}

function usedIn(text: string): number {
  try {
    return parseDuration(text)
  } catch {
    throw new CommandError(`--used-in ${text}: wanted a duration like 30d`, 64)
  }
}
