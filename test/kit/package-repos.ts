import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { localHost } from '../../agent/src/host/local.ts'
import type { Host } from '../../agent/src/host.ts'

/** What the agent's own commands get: Debian's rpm keeps its database below HOME. */
const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', HOME: '/nonexistent' }

/** Changing the root needs a right that an unprivileged user has in a namespace of his own. */
const asRoot: readonly string[] = process.getuid?.() === 0 ? [] : ['unshare', '--map-root-user']

/** A private root with its repository: real tools work on it, and nothing of the machine is touched. */
export type PrivateRoot = {
  readonly directory: string
  /** A door whose commands and paths are those of the private root. */
  readonly host: Host
  /** Runs a command line of the private root. */
  run(...argv: readonly string[]): Promise<void>
  remove(): Promise<void>
}

type Plan = {
  /** What a command of the probe becomes. */
  readonly command: (argv: readonly string[], directory: string) => readonly string[]
  /** Folders of the machine that are those of the private root. */
  readonly folders: readonly string[]
}

async function privateRoot({ command, folders }: Plan): Promise<PrivateRoot> {
  const directory = await mkdtemp(join(tmpdir(), 'fettle-root-'))
  await Promise.all(['root', 'repository', 'build'].map(name => mkdir(join(directory, name))))
  const moved = (path: string) => (folders.some(folder => path.startsWith(folder)) ? `${directory}/root${path}` : path)
  const words = (argv: readonly string[]) => [
    ...asRoot,
    ...command(argv, directory).map(word => (word.startsWith('/') ? moved(word) : word)),
  ]
  const local = localHost()
  const host: Host = {
    ...local,
    uid: 0,
    run: (argv, options) => local.run(words(argv), options),
    text: ((path: string, options: never) => local.text(moved(path), options)) as Host['text'],
    captured: ((path: string, options: never) => local.captured(moved(path), options)) as Host['captured'],
    list: ((path: string, options: never) => local.list(moved(path), options)) as Host['list'],
    stat: ((path: string, options: never) => local.stat(moved(path), options)) as Host['stat'],
  }
  return {
    directory,
    host,
    run: async (...argv) => void (await execute(words(argv), directory)),
    remove: () => rm(directory, { recursive: true, force: true }),
  }
}

async function execute(argv: readonly string[], cwd: string): Promise<void> {
  const [program = '', ...args] = argv
  await promisify(execFile)(program, args, { cwd, env })
}

/** A root whose rpm database holds the given packages in version 1.0-1, and a repository with 2.0-1 of each, with an advisory for the first. */
export async function rpmRoot(...names: readonly [string, ...string[]]): Promise<PrivateRoot> {
  const root = await privateRoot({ command: rpmCommand, folders: ['/var/cache/dnf', '/var/cache/zypp', '/etc/dnf', '/run/ostree-booted'] })
  const { directory } = root
  await writeFile(join(directory, 'local.repo'), `[local]\nname=local\nbaseurl=file://${directory}/repository\nenabled=1\ngpgcheck=0\n`)
  await writeFile(join(directory, 'updateinfo.xml'), advisory(names[0]))
  for (const name of names)
    for (const version of ['1.0', '2.0']) {
      const spec = `Name: ${name}\nVersion: ${version}\nRelease: 1\nSummary: x\nLicense: MIT\nBuildArch: noarch\n%description\nx\n%files\n`
      await writeFile(join(directory, 'build', 'x.spec'), spec)
      const target = join(directory, version === '1.0' ? 'build' : 'repository')
      await execute(
        ['rpmbuild', '-bb', '--quiet', '--define', `_topdir ${directory}/build`, '--define', `_rpmdir ${target}`, 'build/x.spec'],
        directory,
      )
    }
  await execute(['createrepo_c', '-q', 'repository'], directory)
  await execute(['modifyrepo_c', 'updateinfo.xml', 'repository/repodata'], directory)
  const packages = names.map(name => join(directory, 'build', 'noarch', `${name}-1.0-1.noarch.rpm`))
  // dnf asks for the database of the default path, zypper for that of /var/lib/rpm.
  await root.run('rpm', '-i', '--nodeps', ...packages)
  await root.run('rpm', '--dbpath', '/var/lib/rpm', '-i', '--nodeps', ...packages)
  return root
}

function rpmCommand([program = '', ...args]: readonly string[], directory: string): readonly string[] {
  const root = join(directory, 'root')
  if (program === 'dnf') return [program, `--installroot=${root}`, `--setopt=reposdir=${directory}`, '--releasever=1', ...args]
  return program === 'rpm' || program === 'zypper' ? [program, '--root', root, ...args] : [program, ...args]
}

/** Written from the format of createrepo_c: one advisory for security. */
function advisory(name: string): string {
  const file = `<package name="${name}" version="2.0" release="1" epoch="0" arch="noarch" src="x.src.rpm"><filename>${name}-2.0-1.noarch.rpm</filename></package>`
  return `<?xml version="1.0"?><updates><update from="x" status="stable" type="security" version="2.0"><id>TEST-2026:0001</id><title>t</title><severity>Important</severity><release>1</release><issued date="2026-10-01 00:00:00"/><description>d</description><pkglist><collection short="x"><name>x</name>${file}</collection></pkglist></update></updates>\n`
}

/** A root whose pacman database holds the given packages in version 1.0-1, and a repository that names 2.0-1 of each; the last is ignored. */
export async function pacmanRoot(...names: readonly [string, ...string[]]): Promise<PrivateRoot> {
  const root = await privateRoot({ command: pacmanCommand, folders: ['/var/lib/pacman', '/var/log/pacman.log'] })
  const { directory } = root
  await Promise.all(['var/lib/pacman', 'var/log', 'cache'].map(folder => mkdir(join(directory, 'root', folder), { recursive: true })))
  const config = `[options]\nArchitecture = auto\nSigLevel = Never\nIgnorePkg = ${names.at(-1)}\n[extra]\nServer = file://${directory}/repository\n`
  await writeFile(join(directory, 'pacman.conf'), config)
  for (const name of names) {
    await writeFile(
      join(directory, 'build', '.PKGINFO'),
      `pkgname = ${name}\npkgver = 1.0-1\npkgdesc = x\nbuilddate = 1760000000\nsize = 0\narch = any\n`,
    )
    await execute(['tar', '-C', 'build', '-czf', `${name}.pkg.tar.gz`, '.PKGINFO'], directory)
    await mkdir(join(directory, 'build', `${name}-2.0-1`))
    const described = `%FILENAME%\n${name}-2.0-1-any.pkg.tar.gz\n\n%NAME%\n${name}\n\n%VERSION%\n2.0-1\n\n%ARCH%\nany\n\n`
    await writeFile(join(directory, 'build', `${name}-2.0-1`, 'desc'), described)
  }
  await execute(['tar', '-C', 'build', '-czf', 'repository/extra.db', ...names.map(name => `${name}-2.0-1`)], directory)
  await root.run('pacman', '-U', ...names.map(name => `${name}.pkg.tar.gz`))
  return root
}

function pacmanCommand([program = '', ...args]: readonly string[], directory: string): readonly string[] {
  if (program !== 'pacman') return [program, ...args]
  const root = join(directory, 'root')
  const places = [
    '--root',
    root,
    '--dbpath',
    `${root}/var/lib/pacman`,
    '--cachedir',
    `${root}/cache`,
    '--logfile',
    `${root}/var/log/pacman.log`,
  ]
  return ['pacman', '--config', join(directory, 'pacman.conf'), ...places, '--noconfirm', ...args]
}
