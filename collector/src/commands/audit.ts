import { printable } from '@fettle/kit'
import { withAdmin } from '../admin-client.ts'
import { CommandError, type Io, loadConfig, parsed, table } from '../command.ts'
import type { AuditEntry } from '../store/store.ts'

const HELP = `fettle-collector audit: who did what, when, to whom, from where; newest first

  --limit N   so many entries (default 50)
  --json      as JSON

Who is socket for the administrator of this machine, token:ID for an API token, person:NAME for somebody who signed in,
collector for what it does by itself. An entry is written before its act is done; what was not done has a second one.
`
const USUAL = '50'
/** Entries that one call gives. */
const PAGE = 500

export async function audit(args: readonly string[], io: Io): Promise<number> {
  const { values } = parsed(args, { limit: { type: 'string', default: USUAL } })
  if (values.help) {
    io.out.write(HELP)
    return 0
  }
  const limit = Number(values.limit)
  if (!Number.isInteger(limit) || limit < 1) throw new CommandError(`--limit ${values.limit}: wanted a whole number from 1`, 64)
  return withAdmin(await loadConfig(io.env), async call => {
    const entries: AuditEntry[] = []
    for (let before: number | null | undefined; before !== null && entries.length < limit; ) {
      const query = `limit=${Math.min(PAGE, limit - entries.length)}${before === undefined ? '' : `&before=${before}`}`
      const answer = (await call('GET', `/api/v1/audit?${query}`)) as { entries: AuditEntry[]; next: number | null }
      entries.push(...answer.entries)
      before = answer.next
    }
    if (values.json) io.out.write(`${JSON.stringify(entries)}\n`)
    else if (entries.length === 0) io.out.write('Nothing was done yet.\n')
    else io.out.write(table([['WHEN (UTC)', 'WHO', 'WHAT', 'TARGET', 'FROM', 'DETAIL'], ...entries.map(row)]))
    return 0
  })
}

function row({ at, who, what, target, address, detail }: AuditEntry): string[] {
  return [new Date(at).toISOString().slice(0, 19).replace('T', ' '), who, what, target, address, detail].map(printable)
}
