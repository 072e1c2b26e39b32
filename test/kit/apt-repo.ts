import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/** A suite of the local repository: what its Release file says, which is what tells security updates from others. */
type Suite = {
  readonly name: string
  readonly origin: string
  readonly label: string
  readonly suite: string
  /** Epoch ms after which its Release file may not be trusted any more. */
  readonly validUntil?: number
}

/** The three suites of a Debian release; `extra` is a stranger's that only calls itself security. */
const suites = {
  main: { name: 'trixie', origin: 'Debian', label: 'Debian', suite: 'stable' },
  updates: { name: 'trixie-updates', origin: 'Debian', label: 'Debian', suite: 'stable-updates' },
  security: { name: 'trixie-security', origin: 'Debian', label: 'Debian-Security', suite: 'stable-security' },
  extra: { name: 'vendor-security', origin: 'Vendor', label: 'Vendor', suite: 'vendor-security' },
} as const satisfies Readonly<Record<string, Suite>>

export type SuiteName = keyof typeof suites

type Package = {
  readonly name: string
  readonly version: string
  readonly depends?: string
  /** Further fields of its entry in the index, as `Phased-Update-Percentage`. */
  readonly index?: Readonly<Record<string, string>>
}

export type AptRepo = {
  /** Everything lies in it: repository, apt's and dpkg's state, and the root that packages are installed into. */
  readonly directory: string
  /** For `APT_CONFIG`: makes apt work on the private root only. */
  readonly configFile: string
  /** Builds a package and puts it into a suite; `update` makes apt see it. */
  publish(suite: SuiteName, ...packages: readonly Package[]): Promise<void>
  /** Writes a suite's Release file anew, with other words or an expiry. */
  release(suite: SuiteName, changes?: Partial<Suite>): Promise<void>
  /** `apt-get update` */
  update(): Promise<void>
  /** Really installs, through apt-get and dpkg: `install('openssl=3.0')`. */
  install(...names: readonly string[]): Promise<void>
  /** `apt-get dist-upgrade` */
  upgrade(): Promise<void>
  hold(...names: readonly string[]): Promise<void>
  /** `apt-get` and its kin with the private configuration; gives back what was printed. */
  run(command: string, ...args: readonly string[]): Promise<string>
  /** Adds lines to apt's configuration: a hook, a periodic job. */
  configure(lines: string): Promise<void>
  /** Writes a file of /etc/apt/preferences.d. */
  pin(text: string): Promise<void>
  remove(): Promise<void>
}

/**
 * A package repository and a machine of its own, both in a temporary directory, worked on by the real dpkg-deb, apt-get and dpkg:
 * nothing of the machine it runs on is read or changed. `sources` are the suites that the private machine is subscribed to.
 */
export async function startAptRepo(sources: readonly SuiteName[] = ['main', 'updates', 'security']): Promise<AptRepo> {
  const directory = await mkdtemp(join(tmpdir(), 'fettle-apt-'))
  const configFile = join(directory, 'apt.conf')
  const root = join(directory, 'root')
  const published = new Map<SuiteName, string[]>(sources.map(suite => [suite, []]))

  const run = async (command: string, ...args: readonly string[]) => {
    const env = { PATH: process.env.PATH, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive', APT_CONFIG: configFile }
    const { stdout } = await execute(command, [...args], { env, maxBuffer: 16 * 1024 * 1024 })
    return stdout
  }
  const release = (suite: SuiteName, changes: Partial<Suite> = {}) =>
    writeIndex(directory, { ...suites[suite], ...changes }, published.get(suite) ?? [])

  await layOut(directory, root, configFile, sources)
  for (const suite of sources) await release(suite)

  return {
    directory,
    configFile,
    run,
    release,
    async publish(suite, ...packages) {
      for (const entry of packages) published.get(suite)?.push(await build(directory, entry))
      await release(suite)
    },
    async update() {
      await run('apt-get', '-qq', 'update')
    },
    async install(...names) {
      await run('apt-get', '-qq', '-y', '--allow-downgrades', 'install', ...names)
    },
    async upgrade() {
      await run('apt-get', '-qq', '-y', 'dist-upgrade')
    },
    async hold(...names) {
      await run('apt-mark', 'hold', ...names)
    },
    async configure(lines) {
      await writeFile(configFile, `${await readFile(configFile, 'utf8')}${lines}\n`)
    },
    async pin(text) {
      await writeFile(join(root, 'etc/apt/preferences.d/test'), text)
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  }
}

const folders = [
  'etc/apt/apt.conf.d',
  'etc/apt/preferences.d',
  'etc/apt/sources.list.d',
  'etc/apt/trusted.gpg.d',
  'var/lib/apt/lists/partial',
  'var/lib/apt/periodic',
  'var/cache/apt/archives/partial',
  'var/log/apt',
  'var/lib/dpkg/info',
  'var/lib/dpkg/updates',
  'var/lib/dpkg/triggers',
]

async function layOut(directory: string, root: string, configFile: string, sources: readonly SuiteName[]): Promise<void> {
  for (const folder of folders) await mkdir(join(root, folder), { recursive: true })
  await mkdir(join(directory, 'pool'), { recursive: true })
  await writeFile(join(root, 'var/lib/dpkg/status'), '')
  const lines = sources.map(suite => `deb [trusted=yes] copy:${directory}/repository ${suites[suite].name} main`)
  await writeFile(join(root, 'etc/apt/sources.list'), `${lines.join('\n')}\n`)
  await writeFile(configFile, configuration(root))
}

/**
 * apt.conf(5): APT_CONFIG is read before every other file, so `Dir` also moves where those are looked for. dpkg(1): `--force-not-root` and an own
 * log let any user install; `--force-bad-path` since sbin may not be on the PATH of one.
 */
function configuration(root: string): string {
  const options = [`--root=${root}`, '--force-not-root', '--force-bad-path', `--log=${root}/var/log/dpkg.log`]
  return [
    `Dir "${root}";`,
    `Dir::State::status "${root}/var/lib/dpkg/status";`,
    'Dir::Bin::methods "/usr/lib/apt/methods";',
    'Dir::Bin::dpkg "/usr/bin/dpkg";',
    'APT::Architecture "amd64";',
    'APT::Architectures { "amd64"; };',
    'APT::Sandbox::User "root";',
    'Acquire::Languages "none";',
    `DPkg::Options { ${options.map(option => `"${option}";`).join(' ')} };`,
    'DPkg::Use-Pty "false";',
    '',
  ].join('\n')
}

/** Builds the package with dpkg-deb and gives back its entry for the index. */
async function build(directory: string, entry: Package): Promise<string> {
  const fields = {
    Package: entry.name,
    Version: entry.version,
    Architecture: 'all',
    Maintainer: 'Test <test@example.org>',
    ...(entry.depends === undefined ? {} : { Depends: entry.depends }),
    Description: 'made by a test',
  }
  const tree = join(directory, 'build', `${entry.name}-${entry.version.replaceAll(':', '_')}`)
  await mkdir(join(tree, 'DEBIAN'), { recursive: true, mode: 0o755 })
  await mkdir(join(tree, 'usr/share', entry.name), { recursive: true })
  await writeFile(join(tree, 'usr/share', entry.name, 'version'), `${entry.version}\n`)
  await writeFile(join(tree, 'DEBIAN/control'), stanza(fields))
  const file = `pool/${entry.name}_${entry.version.replaceAll(':', '%3a')}_all.deb`
  await mkdir(join(directory, 'repository/pool'), { recursive: true })
  const path = join(directory, 'repository', file)
  await execute('dpkg-deb', ['--root-owner-group', '-Zgzip', '--build', tree, path])
  const bytes = await readFile(path)
  const Size = String(bytes.length)
  return stanza({ ...fields, ...entry.index, Filename: file, Size, SHA256: createHash('sha256').update(bytes).digest('hex') })
}

/** Writes Packages and Release of a suite: what apt-ftparchive would print, as far as apt reads it. */
async function writeIndex(directory: string, suite: Suite, entries: readonly string[]): Promise<void> {
  const folder = join(directory, 'repository/dists', suite.name)
  await mkdir(join(folder, 'main/binary-amd64'), { recursive: true })
  const packages = entries.join('\n')
  await writeFile(join(folder, 'main/binary-amd64/Packages'), packages)
  const digest = createHash('sha256').update(packages).digest('hex')
  const previous = await stat(join(folder, 'Release')).catch(() => undefined)
  const fields = {
    Origin: suite.origin,
    Label: suite.label,
    Suite: suite.suite,
    Codename: suite.name,
    Version: '13',
    Date: new Date().toUTCString().replace('GMT', 'UTC'),
    ...(suite.validUntil === undefined ? {} : { 'Valid-Until': new Date(suite.validUntil).toUTCString().replace('GMT', 'UTC') }),
    Architectures: 'amd64',
    Components: 'main',
    SHA256: `\n ${digest} ${Buffer.byteLength(packages)} main/binary-amd64/Packages`,
  }
  await writeFile(join(folder, 'Release'), stanza(fields))
  // apt takes a Release file of the same second for the one it has.
  if (previous) await utimes(join(folder, 'Release'), new Date(), new Date(previous.mtimeMs + 2_000))
}

function stanza(fields: Readonly<Record<string, string>>): string {
  return `${Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n')}\n`
}
