import type { FactTypes } from '@fettle/catalog'
import { type Host, NotInstalled } from '../../host.ts'
import { Absent, type Captured, defineProbe, Failed, type Inputs, needed, type ParseContext, sole } from '../../probe.ts'
import { cut, present, told } from '../gather.ts'
import { namesIn, optional } from './rpm-machine.ts'
import { newestOf, type PendingUpdate, timeOf, updatesOf, waiting, wholeLines } from './waiting.ts'

const databases = '/var/lib/pacman/sync'
const log = ['tail', '-c', '400000', '/var/log/pacman.log']
const hint = 'Run pacman -Syu, or checkupdates of pacman-contrib, which fetches its own databases.'

/** Pending updates of Arch and its kin against the databases that were fetched last; see pacman(8). Never `pacman -Sy`: it makes the next installation a partial upgrade. */
export default defineProbe({
  subject: 'updates',
  source: 'pacman',
  platforms: ['linux'],
  every: '6h',
  timeout: '1m',
  watch: ['/var/lib/pacman/local', databases],
  blind: 'Security: Arch publishes it apart (arch-audit). Needs databases that something else fetches. Packages of the AUR.',
  inputs: {
    list: {
      from: 'pacman -Qu (or checkupdates)',
      recognise: text => /^\S+ \S+ -> \S+(?: \[ignored\])?$/m.test(text) || /^(?:error|warning): |^==> ERROR/m.test(text),
    },
    databases: { from: `times of ${databases}/*.db` },
    log: { from: log.join(' '), recognise: text => /^\[\d{4}-\d\d-\d\d[T ].{4,20}\] \[(?:PACMAN|ALPM)/m.test(text) },
  },

  async read(host) {
    if ((await namesIn(host, '/var/lib/pacman/local')).every(name => name === 'ALPM_DB_VERSION'))
      throw new Absent('no package is managed by pacman here')
    const list = await optional(host, ['pacman', '-Qu'])
    if (!list) throw new Absent(new NotInstalled('pacman').message)
    const history = (await host.stat('/var/log/pacman.log', { missing: undefined })) ? await optional(host, log) : undefined
    return parse({ list: [list], databases: await readDatabases(host), log: present(history) }, { now: host.now() })
  },
  parse,
})

/** @throws Failed where pacman did or has no databases (it then ends with 1 and prints nothing, as it does when nothing waits) */
export function parse(inputs: Inputs, { now }: Pick<ParseContext, 'now'>): FactTypes['updates'] {
  const list = needed(inputs, 'list')
  const pending = parsePacman(list)
  if (inputs.databases !== undefined && inputs.databases.length === 0)
    throw new Failed('pacman has no databases, so nothing can be told', hint)
  const history = readLog(sole(inputs, 'log')?.text ?? '', now)
  const times = [newestOf(inputs.databases, now), history.fetchedAt].filter(at => at !== null)
  return updatesOf({
    pending,
    classified: false,
    lastCheckAt: times.length > 0 ? Math.max(...times) : null,
    lastInstallAt: history.installedAt,
  })
}

/** `NAME OLD -> NEW`, with ` [ignored]` where IgnorePkg keeps it; exit code 1 of `pacman -Qu` and 2 of checkupdates mean that nothing waits. */
export function parsePacman(captured: Captured): PendingUpdate[] {
  const complaint = `${captured.stderr}\n${captured.text}`
    .split('\n')
    .find(line => /^(?:error: |==> ERROR)|database file for .{1,100} does not exist|failed to (?:synchronize|initialize)/.test(line))
  if (complaint !== undefined) throw new Failed(cut(complaint, 300), hint)
  const pending = wholeLines(captured).flatMap(line => (line.trim() === '' || /^(?::: |warning: )/.test(line) ? [] : [rowOf(line)]))
  if (captured.code !== null && ![0, 1, 2].includes(captured.code))
    throw new Failed(`${cut(captured.name, 60)} ended with ${captured.code}`, hint)
  if (pending.length === 0 && captured.code === null) throw new Error('Cannot tell an empty list from a failure without the exit code')
  if (captured.code === 1 && /checkupdates/.test(captured.name)) throw new Failed('checkupdates failed', hint)
  return pending
}

function rowOf(line: string): PendingUpdate {
  const [, name = '', installed = '', candidate = '', ignored] =
    /^(\S{1,300}) (\S{1,300}) -> (\S{1,300})( \[ignored\])?\s*$/.exec(line) ?? []
  if (name === '') throw new Error(`Cannot read the line: ${cut(line, 120)}`)
  return waiting(name, {
    installed,
    candidate,
    withheld: ignored ? 'held' : null,
    restart: /^linux(?:-(?:lts|zen|hardened|rt))?$/.test(name) ? true : null,
  })
}

/** Last fetch that an upgrade followed (one that failed is logged as well), and last change of packages; see pacman.log. Older versions write local time without a zone: passed over. */
function readLog(text: string, now: number): { readonly fetchedAt: number | null; readonly installedAt: number | null } {
  let fetching: number | null = null
  let fetchedAt: number | null = null
  let installedAt: number | null = null
  for (const line of text.split('\n')) {
    const [, stamp = '', said = ''] = /^\[(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4})\] \[\w{1,20}\] (.{0,200})/.exec(line) ?? []
    if (stamp === '') continue
    const at = timeOf(Date.parse(stamp.replace(/(\d\d)$/, ':$1')), now)
    if (said.startsWith('synchronizing package lists')) fetching = at
    if (/^starting (?:full )?system upgrade/.test(said)) fetchedAt = fetching ?? fetchedAt
    if (/^(?:upgraded|transaction completed)/.test(said)) installedAt = at
  }
  return { fetchedAt, installedAt }
}

/** The time of a database is that of its server's file: at the latest then it was fetched. */
async function readDatabases(host: Host): Promise<Captured[]> {
  const names = (await namesIn(host, databases)).filter(name => name.endsWith('.db')).slice(0, 50)
  const stats = await Promise.all(names.map(name => host.stat(`${databases}/${name}`, { missing: undefined })))
  return names.map((name, at) => ({ ...told(`${databases}/${name}`, ''), modifiedAt: stats[at]?.modifiedAt ?? null }))
}
