import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { HostError } from '../../host.ts'
import { Absent, Denied, defineProbe, type Inputs, needed, sole } from '../../probe.ts'
import { cut, present, told } from '../gather.ts'
import { type Dict, dictOf, dictsOf, textIn } from '../property-list.ts'

type UpdatesFact = FactTypes['updates']
type PendingUpdate = UpdatesFact['pending'][number]

const PREFIXES = ['/opt/homebrew', '/usr/local'] as const
/** Where Homebrew keeps what it knows of newest versions: the API's answer since 4.0, its Git repository before. */
const LISTS = ['Library/Caches/Homebrew/api/formula.jws.json', 'Library/Caches/Homebrew/api/cask.jws.json'] as const
const MOST = 1500

/** Formulae and casks of Homebrew; see `brew outdated --json=v2` in brew(1). It refuses root, so it runs as the owner of its folder. */
export default defineProbe({
  subject: 'updates',
  source: 'homebrew',
  platforms: ['darwin'],
  every: '12h',
  timeout: '120s',
  heavy: true,
  privilege: "root, to run brew as the user who owns it; that user's home must hold its lists",
  blind: 'Which updates are for security. Its lists are only as new as the last `brew update`, which the agent never runs.',
  inputs: {
    outdated: { from: 'brew outdated --json=v2', recognise: text => /"(formulae|casks)"\s*:/.test(text.slice(0, 100_000)) },
    lists: { from: "modification time of Homebrew's lists, ISO 8601", recognise: text => /^\d{4}-\d\d-\d\dT/.test(text) },
  },
  parse: parseHomebrew,

  async read(host: Host) {
    const found = await prefixOf(host)
    const user = await ownerOf(host, found.uid)
    const env = { HOMEBREW_NO_AUTO_UPDATE: '1', HOMEBREW_NO_ANALYTICS: '1', HOMEBREW_NO_ENV_HINTS: '1', HOME: user.home }
    const asOther = host.uid === 0 && found.uid !== 0 ? ['sudo', '-n', '-H', '-u', user.name] : []
    const assigned = Object.entries(env).map(([name, value]) => `${name}=${value}`)
    const outdated = await host.run([...asOther, 'env', ...assigned, found.brew, 'outdated', '--json=v2'], { timeoutMs: 100_000 })
    return parseHomebrew({ outdated: [outdated], lists: present(await listsTime(host, user.home, found.prefix)) })
  },
})

/** @throws Denied where brew refuses to run as root, Error where its answer is not whole */
export function parseHomebrew(inputs: Inputs): UpdatesFact {
  const { text, stderr, code } = needed(inputs, 'outdated')
  if (/running homebrew as root|a password is required/i.test(`${stderr}\n${text}`)) {
    throw new Denied('brew does not run as root', 'Run the agent as root, so that it may run brew as its owner.')
  }
  if (code !== null && code !== 0) throw new Error(`brew outdated ended with ${code}: ${cut(stderr, 200)}`)
  const start = text.indexOf('{')
  if (start < 0) throw new Error('Cannot read what brew outdated --json=v2 printed: no JSON in it')
  const whole = dictOf(JSON.parse(text.slice(start)))
  if (!whole || !Array.isArray(whole.formulae) || !Array.isArray(whole.casks)) {
    throw new Error('Cannot read what brew outdated --json=v2 printed: wanted formulae and casks')
  }
  const all = [...dictsOf(whole.formulae), ...dictsOf(whole.casks)]
  if (all.length !== whole.formulae.length + whole.casks.length) throw new Error('Cannot read a row of brew outdated that is no object')
  const pending = all.flatMap(row => pendingOf(row))
  const lists = Date.parse(sole(inputs, 'lists')?.text.trim() ?? '')
  return {
    pending: pending.slice(0, MOST),
    more: Math.max(0, pending.length - MOST),
    classified: false,
    lastCheckAt: Number.isFinite(lists) && lists > 0 ? lists : null,
    lastCheckError: null,
    lastInstallAt: null,
    lastInstallSucceeded: null,
    automatic: { enabled: null, detail: null, lastRunAt: null },
    broken: null,
    badSources: [],
    managedBy: null,
  }
}

/** `installed_versions` is a list for formulae, and for casks a text in some versions. `latest` to `latest` is what --greedy lists and no update. */
function pendingOf(row: Dict): PendingUpdate[] {
  const name = textIn(row.name)
  const candidate = textIn(row.current_version)
  if (name === null || candidate === null) throw new Error('Cannot read a row of brew outdated without name and current_version')
  const versions = row.installed_versions
  const installed = textIn(Array.isArray(versions) ? versions.at(-1) : versions)
  if (installed === candidate) return []
  const pinned = row.pinned === true
  return [
    {
      name: cut(name, 200),
      installed: installed === null ? null : cut(installed, 128),
      candidate: cut(candidate, 128),
      class: 'other',
      severity: null,
      published: null,
      origin: 'Homebrew',
      withheld: pinned ? 'pinned' : null,
      restart: false,
    },
  ]
}

async function prefixOf(host: Host): Promise<{ readonly prefix: string; readonly brew: string; readonly uid: number }> {
  for (const prefix of PREFIXES) {
    const brew = `${prefix}/bin/brew`
    const found = await host.stat(brew, { missing: undefined })
    if (found) return { prefix, brew, uid: (await host.stat(prefix === '/usr/local' ? '/usr/local/Homebrew' : prefix)).uid }
  }
  throw new Absent('Homebrew is not installed')
}

async function ownerOf(host: Host, uid: number): Promise<{ readonly name: string; readonly home: string }> {
  const { text } = await host.run(['id', '-P', String(uid)], { timeoutMs: 5_000 })
  const fields = text.trim().split(':')
  const [name, home] = [fields[0], fields[8]]
  if (!name || !home?.startsWith('/')) throw new Error(`Cannot tell who owns Homebrew: id -P ${uid} told nothing`)
  return { name, home }
}

async function listsTime(host: Host, home: string, prefix: string) {
  const repository = prefix === '/usr/local' ? '/usr/local/Homebrew' : prefix
  const paths = [...LISTS.map(list => `${home}/${list}`), `${repository}/.git/FETCH_HEAD`]
  const times = await Promise.all(
    paths.map(async path => {
      try {
        return (await host.stat(path, { missing: undefined }))?.modifiedAt ?? 0
      } catch (error) {
        if (error instanceof HostError) return 0
        throw error
      }
    }),
  )
  const newest = Math.max(...times)
  return newest > 0 ? told("Homebrew's lists", new Date(newest).toISOString()) : undefined
}
