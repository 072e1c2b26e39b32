import type { FactTypes } from '@fettle/catalog'
import { type Host, HostError, NotInstalled } from '../../host.ts'
import { Absent, type Captured, defineProbe, type Inputs, sole } from '../../probe.ts'
import { CONTAINER_MARKERS, isFirstNamespace, NAMESPACE_LINKS, readNamespaces } from '../container.ts'
import { present, readable, told } from '../gather.ts'
import { compareKernels, isRebuilt, parseKernel } from './kernels.ts'
import { type Needrestart, parseNeedrestart } from './needrestart.ts'
import { findReplaced, servicesOf } from './replaced.ts'

type RebootFact = FactTypes['reboot']
type Reason = RebootFact['reasons'][number]

const MOST_SERVICES = 512
const MOST_PACKAGES_NAMED = 20

/** Whether a restart is due: the flag of packages, the running kernel against the installed ones, needrestart(1) where it is there. */
export default defineProbe({
  subject: 'reboot',
  source: 'linux',
  platforms: ['linux'],
  every: '1h',
  timeout: '2m',
  heavy: true,
  watch: ['/run/reboot-required', '/var/lib/dpkg/status', '/boot'],
  privilege: 'Only root (with CAP_SYS_PTRACE) may see which services still run replaced code; without it they are left out.',
  cost: '0.6 s of CPU where needrestart is installed (Debian 12)',
  blind: 'A kernel of the administrator’s own making, which no installed image can be compared with.',
  inputs: {
    needrestart: { from: 'needrestart -b -r l', recognise: text => /^NEEDRESTART-VER:/m.test(text) },
    running: { from: '/proc/sys/kernel/osrelease', recognise: text => /^\d+\.\d+\S*\s*$/.test(text) || /^Linux \S+ \d/.test(text) },
    build: { from: '/proc/sys/kernel/version', recognise: text => /^#\d+\S* .*(SMP|PREEMPT)/.test(text) },
    images: { from: 'ls /boot', recognise: text => /^vmlinu[xz]-/m.test(text) },
    modules: { from: 'ls /lib/modules', recognise: text => /^\d+\.\d+[^\n]*\n\d+\.\d+/.test(text) },
    installedSince: { from: 'time of /lib/modules/NEWEST/modules.dep, else of its image' },
    packageVersion: { from: `dpkg-query -W -f '\${Version}' linux-image-RELEASE` },
    flag: { from: '/run/reboot-required', recognise: text => /restart required/i.test(text) },
    packages: { from: '/run/reboot-required.pkgs' },
    livepatch: { from: '/sys/kernel/livepatch/*/enabled' },
    replaced: { from: 'unit and path of each replaced file that a process still uses, from /proc/*/maps' },
    container: { from: CONTAINER_MARKERS.join(', ') },
    namespaces: { from: NAMESPACE_LINKS.join(' '), recognise: text => text.startsWith('pid:[') },
  },

  async read(host) {
    const inputs: Inputs = { container: await readMarkers(host), namespaces: present(await readNamespaces(host)) }
    assertOwnKernel(inputs)
    const running = await host.captured('/proc/sys/kernel/osrelease')
    const modules = await listed(host, '/lib/modules')
    const images = await listed(host, '/boot')
    return parse({
      running: [running],
      build: present(await readable(host, '/proc/sys/kernel/version')),
      images,
      modules,
      installedSince: await readInstalledSince(host, running, images, modules),
      packageVersion: await readPackageVersion(host, running.text.trim()),
      flag: present(await host.captured('/run/reboot-required', { missing: undefined })),
      packages: present(await host.captured('/run/reboot-required.pkgs', { missing: undefined })),
      livepatch: await readLivepatch(host),
      ...(await readServices(host)),
      ...inputs,
    })
  },
  parse,
})

/**
 * `true` on any evidence; `false` only where the kernels could be compared (or needrestart did): a flag file that is missing proves nothing, since
 * plain Debian has nothing that writes it. @throws Absent in a container, whose kernel is not its own
 */
export function parse(inputs: Inputs): RebootFact {
  assertOwnKernel(inputs)
  const needrestart = readNeedrestart(inputs)
  const running = sole(inputs, 'running') ? releaseIn(sole(inputs, 'running')) : needrestart.running
  const found = running === null ? undefined : compareKernels(running, namesIn(inputs, 'images'), namesIn(inputs, 'modules'))
  const flag = sole(inputs, 'flag')
  const own: readonly (Reason | null)[] = [flagReason(flag, sole(inputs, 'packages')), kernelReason(found?.detail, inputs)]
  const reasons = [...own, ...needrestart.reasons].filter(reason => reason !== null)
  const kernelIsNewest = found?.outdated === false || needrestart.kernelIsCurrent
  const livepatch = inputs.livepatch
  return {
    required: reasons.length > 0 ? true : kernelIsNewest ? false : null,
    since: reasons.length === 0 ? null : since(inputs, reasons),
    reasons: distinct(reasons),
    kernel: {
      running,
      newest: found?.newest ?? needrestart.expected,
      livePatched: livepatch === undefined ? null : livepatch.some(({ text }) => text.trim() === '1'),
    },
    services: (needrestart.services ?? servicesIn(inputs))?.slice(0, MOST_SERVICES) ?? null,
  }
}

/**
 * A container shares the kernel of its host. The namespaces decide where they can be read: images of containers are also booted as virtual machines,
 * with the container's marker still in them.
 */
function assertOwnKernel(inputs: Inputs): void {
  const markers = inputs.container ?? []
  const isFirst = isFirstNamespace(sole(inputs, 'namespaces')?.text)
  if (isFirst === false || (isFirst === null && markers.length > 0))
    throw new Absent('a container runs on the kernel of its host, which tells of restarts')
}

function readNeedrestart(inputs: Inputs): Needrestart {
  const captured = sole(inputs, 'needrestart')
  return parseNeedrestart(captured && (captured.code === null || captured.code === 0) ? captured.text : '')
}

/** The release alone, or the third word of `uname -a`. */
function releaseIn(captured: Captured | undefined): string | null {
  const words = captured?.text.trim().split(/\s+/) ?? []
  const release = words[0] === 'Linux' ? words[2] : words[0]
  return release ? release.slice(0, 128) : null
}

/** Kernel releases of a folder's names: of `vmlinuz-6.1.0-13-amd64` the end. Undefined: not looked. */
function namesIn(inputs: Inputs, name: 'images' | 'modules'): string[] | undefined {
  return sole(inputs, name)
    ?.text.split('\n')
    .flatMap(line => kernelOf(line, name) ?? [])
}

function kernelOf(line: string, from: 'images' | 'modules'): string | undefined {
  return from === 'modules' ? line.trim() : /^(?:vmlinu[xz]|kernel|Image)-(\S+)$/.exec(line.trim())?.[1]
}

function flagReason(flag: Captured | undefined, packages: Captured | undefined): Reason | null {
  if (!flag) return null
  const names = [
    ...new Set(
      packages?.text
        .split('\n')
        .map(line => line.trim())
        .filter(Boolean) ?? [],
    ),
  ]
  const more = names.length > MOST_PACKAGES_NAMED ? ` and ${names.length - MOST_PACKAGES_NAMED} more` : ''
  const by = names.length > 0 ? `: ${names.slice(0, MOST_PACKAGES_NAMED).join(', ')}${more}` : ''
  return { kind: 'flag', detail: `/run/reboot-required${by}`.slice(0, 500) }
}

function kernelReason(detail: string | null | undefined, inputs: Inputs): Reason | null {
  if (detail) return { kind: 'kernel', detail }
  const build = sole(inputs, 'build')
  const installed = sole(inputs, 'packageVersion')
  if (!build || !installed || (installed.code !== null && installed.code !== 0) || !isRebuilt(build.text, installed.text)) return null
  return { kind: 'kernel', detail: `the running kernel was rebuilt: installed is ${installed.text.trim()}`.slice(0, 500) }
}

/** By the oldest evidence: a restart has been due since then. */
function since(inputs: Inputs, reasons: readonly Reason[]): number | null {
  const ofKernel = reasons.some(({ kind }) => kind === 'kernel') ? sole(inputs, 'installedSince')?.modifiedAt : null
  const times = [sole(inputs, 'flag')?.modifiedAt, ofKernel].filter(at => at !== null && at !== undefined && at > 0)
  return times.length > 0 ? Math.min(...(times as number[])) : null
}

/** needrestart repeats what the comparison of kernels found. */
function distinct(reasons: readonly Reason[]): Reason[] {
  return reasons.filter(({ kind }, at) => reasons.findIndex(other => other.kind === kind) === at)
}

function servicesIn(inputs: Inputs): string[] | null {
  const replaced = sole(inputs, 'replaced')
  return replaced ? servicesOf(replaced.text) : null
}

async function readMarkers(host: Host): Promise<Captured[]> {
  const markers = await Promise.all(CONTAINER_MARKERS.map(path => host.stat(path, { missing: undefined })))
  return CONTAINER_MARKERS.flatMap((path, at) => (markers[at] ? [told(path, '')] : []))
}

/** Names in a folder as an input; none where there is no such folder, or it may not be looked into. */
async function listed(host: Host, path: string): Promise<Captured[]> {
  try {
    const names = await host.list(path, { missing: undefined })
    return names ? [told(path, names.join('\n'))] : []
  } catch (error) {
    if (error instanceof HostError) return []
    throw error
  }
}

/** When the newest kernel came onto the machine: depmod ran then. The image itself has the time of its build, so it comes last. */
async function readInstalledSince(host: Host, running: Captured, images: Captured[], modules: Captured[]): Promise<Captured[]> {
  const { newest } = compareKernels(running.text.trim(), namesIn({ images }, 'images'), namesIn({ modules }, 'modules'))
  if (!newest) return []
  for (const path of [`/lib/modules/${newest}/modules.dep`, `/boot/vmlinuz-${newest}`]) {
    const stat = await host.stat(path, { missing: undefined })
    if (stat) return [{ ...told(path, ''), modifiedAt: stat.modifiedAt }]
  }
  return []
}

async function readPackageVersion(host: Host, release: string): Promise<Captured[]> {
  if (!parseKernel(release) || !/^[\w.+~-]+$/.test(release)) return []
  return present(
    await unlessMissing(() => host.run(['dpkg-query', '-W', '-f', `\${Version}`, `linux-image-${release}`], { timeoutMs: 20_000 })),
  )
}

async function readLivepatch(host: Host): Promise<Captured[]> {
  const folder = '/sys/kernel/livepatch'
  const names = await host.list(folder, { missing: [] })
  const states = await Promise.all(names.slice(0, 64).map(name => host.captured(`${folder}/${name}/enabled`, { missing: undefined })))
  return states.filter(state => state !== undefined)
}

/** needrestart knows best; without it the processes are looked at. Both need root to see the processes of others. */
async function readServices(host: Host): Promise<Inputs> {
  if (host.uid !== 0) return {}
  const told = await unlessMissing(() => host.run(['needrestart', '-b', '-r', 'l'], { timeoutMs: 60_000 }))
  if (told?.code === 0) return { needrestart: [told] }
  return { replaced: present(await findReplaced(host)) }
}

async function unlessMissing<T>(act: () => Promise<T>): Promise<T | undefined> {
  try {
    return await act()
  } catch (error) {
    if (error instanceof NotInstalled) return undefined
    throw error
  }
}
