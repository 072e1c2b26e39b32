import type { FactTypes } from '@fettle/catalog'
import { type Host, NotInstalled } from '../../host.ts'
import { Absent, type Captured, defineProbe, Failed, type Inputs, needed, type ParseContext } from '../../probe.ts'
import { cut, told } from '../gather.ts'
import { namesIn, optional } from './rpm-machine.ts'
import { newestOf, type PendingUpdate, updatesOf, waiting, wholeLines } from './waiting.ts'

const list = ['apk', '--no-network', 'list', '--upgradable']
const indexFolders = ['/etc/apk/cache', '/var/cache/apk', '/var/lib/apk']
const hint = 'Run apk update as root and mend what it names; see /etc/apk/repositories.'

/** Pending updates of Alpine against the indexes that were fetched last; see apk-list(8). */
export default defineProbe({
  subject: 'updates',
  source: 'apk',
  platforms: ['linux'],
  every: '6h',
  timeout: '1m',
  watch: ['/lib/apk/db', '/var/cache/apk'],
  blind: 'Security: the index does not tell it apart. Packages that /etc/apk/world pins. Needs indexes that something else fetches.',
  inputs: {
    list: {
      from: list.join(' '),
      recognise: text =>
        / \[upgradable from: /.test(text) || /^Installed: +Available:/m.test(text) || /^(?:ERROR|WARNING): |^fetch https?:/m.test(text),
    },
    indexes: { from: `times of ${indexFolders[1]}/APKINDEX*` },
    database: { from: 'time of /lib/apk/db/installed' },
  },

  async read(host) {
    const captured = await optional(host, list)
    if (!captured) throw new Absent(new NotInstalled('apk').message)
    const inputs = {
      list: [captured],
      indexes: await readIndexes(host),
      database: await readTimes(host, ['/lib/apk/db/installed', '/usr/lib/apk/db/installed']),
    }
    return parse(inputs, { now: host.now() })
  },
  parse,
})

/** @throws Failed where apk did, or has no index: its list is then empty */
export function parse(inputs: Inputs, { now }: Pick<ParseContext, 'now'>): FactTypes['updates'] {
  const captured = needed(inputs, 'list')
  if (inputs.indexes !== undefined && inputs.indexes.length === 0)
    throw new Failed('apk has no index of any repository, so nothing can be told', hint)
  return updatesOf({
    ...parseApk(captured),
    classified: false,
    lastCheckAt: newestOf(inputs.indexes, now),
    lastInstallAt: newestOf(inputs.database, now),
  })
}

/** `apk list --upgradable` and `apk version -l '<'`; warnings name repositories that could not be opened. @throws Failed, or Error where nothing tells that it ran */
export function parseApk(captured: Captured): { readonly pending: PendingUpdate[]; readonly badSources: string[] } {
  const notes = `${captured.stderr}\n${captured.text}`.split('\n')
  const error = notes.find(line => line.startsWith('ERROR: '))
  if (error !== undefined || (captured.code !== null && captured.code !== 0))
    throw new Failed(cut(error?.slice(7) ?? `${cut(captured.name, 60)} ended with ${captured.code}`, 300), hint)
  const lines = wholeLines(captured)
  const isVersionTable = lines.some(line => /^Installed: +Available:/.test(line))
  const pending = lines.flatMap(rowOf)
  const badSources = notes
    .filter(line => /^WARNING: .*(?:No such file|not available|unavailable|Permission|error|failed|stale|BAD|UNTRUSTED)/i.test(line))
    .map(line => line.slice(9))
  if (pending.length === 0 && badSources.length > 0) throw new Failed(cut(badSources[0] ?? '', 300), hint)
  if (pending.length === 0 && captured.code === null && !isVersionTable)
    throw new Error('Cannot tell an empty list from a failure without the exit code')
  return { pending, badSources }
}

function rowOf(line: string): PendingUpdate[] {
  if (line.length > 2000 || line.trim() === '' || /^(?:WARNING: |Installed: |fetch |OK: )/.test(line)) return []
  const old = / \[upgradable from: (\S{1,300})\]\s*$/.exec(line)?.[1]
  if (old !== undefined) {
    const now = splitPackage(line.split(' ', 1)[0] ?? '')
    const before = splitPackage(old)
    if (now && before) return [waitingPackage(now.name, before.version, now.version)]
  }
  const compared = /^(\S{1,300})\s+([<>=?])\s*(\S{1,300})?(?:\s+@?\S{1,100})?\s*$/.exec(line)
  const installed = splitPackage(compared?.[1] ?? '')
  if (compared && installed) return compared[2] === '<' ? [waitingPackage(installed.name, installed.version, compared[3] ?? null)] : []
  // A row of `apk list` that is not upgradable.
  if (/ \{[^}]{1,300}\} \(/.test(line)) return []
  throw new Error(`Cannot read the line: ${cut(line, 120)}`)
}

function waitingPackage(name: string, installed: string, candidate: string | null): PendingUpdate {
  return waiting(name, { installed, candidate, restart: /^linux-(?:lts|virt|edge|stable|rpi\d?)$/.test(name) ? true : null })
}

/** `NAME-VERSION-rN`; see apk-package(5). */
function splitPackage(text: string): { readonly name: string; readonly version: string } | undefined {
  const match = /^(.{1,200})-([^-\s]{1,100}-r\d{1,9})$/.exec(text)
  return match ? { name: match[1] ?? '', version: match[2] ?? '' } : undefined
}

async function readIndexes(host: Host): Promise<Captured[]> {
  const names = await Promise.all(
    indexFolders.map(async folder =>
      (await namesIn(host, folder)).filter(name => name.startsWith('APKINDEX')).map(name => `${folder}/${name}`),
    ),
  )
  return readTimes(host, names.flat().slice(0, 100))
}

async function readTimes(host: Host, paths: readonly string[]): Promise<Captured[]> {
  const stats = await Promise.all(paths.map(path => host.stat(path, { missing: undefined })))
  return paths.flatMap((path, at) => (stats[at] ? [{ ...told(path, ''), modifiedAt: stats[at]?.modifiedAt ?? null }] : []))
}
