import { withAdmin } from '../admin-client.ts'
import { CommandError, type Io, loadConfig, parsed } from '../command.ts'

const HELP = `fettle-collector authority

  Prints the certificate authority of this collector as PEM, for Prometheus and browsers: the one in use, and the next as soon as
  there is one. Agents need no file: they are told. It is public; its key is not printed.

  --json     as JSON

  fettle-collector authority > fettle-ca.pem
`

export async function authority(args: readonly string[], io: Io): Promise<number> {
  const { values } = parsed(args, {})
  if (values.help) {
    io.out.write(HELP)
    return 0
  }
  const config = await loadConfig(io.env)
  const { authorities } = (await withAdmin(config, call => call('GET', '/api/v1/authorities'))) as { authorities: string[] }
  if (authorities.length === 0)
    throw new CommandError('there is none: set tls.own for one of its own, or tls.ca to the file of the one that signed tls.cert')
  io.out.write(values.json ? `${JSON.stringify(authorities)}\n` : authorities.join(''))
  return 0
}
