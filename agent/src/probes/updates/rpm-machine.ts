import { type Host, HostError, NotInstalled } from '../../host.ts'
import { Absent, type Captured, Denied, type Inputs } from '../../probe.ts'
import { present, readable } from '../gather.ts'
import { dnfUnits } from './rpm-automatic.ts'

const MOST_REPOSITORIES = 100
const rpmQuery = ['rpm', '-qa', '--qf', '%{NAME}.%{ARCH} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE} %{INSTALLTIME}\\n']

/** Package tools of the rpm family keep a cache for each user: only that of root is the machine's. @throws Denied without root, Absent on an image-based system */
export async function assertOwnCache(host: Host): Promise<void> {
  if (host.uid !== 0)
    throw new Denied(
      'without root, dnf looks into another cache, which says that nothing waits',
      'Let the agent run as root, or switch this source off.',
    )
  if (await host.stat('/run/ostree-booted', { missing: undefined }))
    throw new Absent('the system is an image: rpm-ostree or bootc updates it, not its packages')
}

/** Every installed package with its version and time. @throws Absent where rpm manages none: its tools can be installed on any system */
export async function readInstalled(host: Host): Promise<Captured> {
  const installed = await optional(host, rpmQuery)
  if (!installed || (installed.code === 0 && installed.text.trim() === '')) throw new Absent('no package is managed by rpm here')
  return installed
}

/** What dnf and its successor have in common: installed versions, age of the metadata, what installs on its own. */
export async function readRpmState(host: Host, caches: readonly string[], settings: readonly string[]): Promise<Inputs> {
  return {
    installed: [await readInstalled(host)],
    metadata: await readMetadata(host, caches),
    units: present(
      await optional(host, ['systemctl', 'show', '--property=Id', '--property=UnitFileState', '--property=ActiveState', ...dnfUnits]),
    ),
    automatic: present(await firstReadable(host, settings)),
  }
}

/** A command that may be missing: then its part of the fact is not known. */
export async function optional(host: Host, argv: readonly string[]): Promise<Captured | undefined> {
  try {
    return await host.run(argv, { timeoutMs: 60_000 })
  } catch (error) {
    if (error instanceof NotInstalled) return undefined
    throw error
  }
}

export async function firstReadable(host: Host, paths: readonly string[]): Promise<Captured | undefined> {
  for (const path of paths) {
    const captured = await readable(host, path)
    if (captured) return captured
  }
  return undefined
}

/** The repomd.xml of each repository: its time is that of the last fetch, and it says whether there are advisories. */
async function readMetadata(host: Host, caches: readonly string[]): Promise<Captured[]> {
  const found: Captured[] = []
  for (const cache of caches) {
    const names = await namesIn(host, cache)
    for (const name of names.slice(0, MOST_REPOSITORIES)) {
      const file = await firstReadable(host, [`${cache}/${name}/repodata/repomd.xml`, `${cache}/${name}/repomd.xml`])
      if (file) found.push(file)
    }
  }
  return found
}

/** Names in a folder; none where it is not there or may not be read. */
export async function namesIn(host: Host, path: string): Promise<string[]> {
  try {
    return await host.list(path, { missing: [] })
  } catch (error) {
    if (error instanceof HostError) return []
    throw error
  }
}
