import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, type Captured, Denied, defineProbe, Failed, type Inputs, sole } from '../../probe.ts'
import { CONTAINER_MARKERS, isFirstNamespace, readNamespaces } from '../container.ts'
import { cut, present, told } from '../gather.ts'
import { optional } from '../updates/rpm-machine.ts'
import { jsonOf, objectOf, objectsOf, textOf } from '../updates/waiting.ts'

type RebootFact = FactTypes['reboot']
type Reason = RebootFact['reasons'][number]

const MOST_SERVICES = 512
/** Without D-Bus: whoever starts snapperd would keep it for a minute. */
const SNAPPER = ['snapper', '--no-dbus', '--jsonout', '--utc', '-c', 'root', 'list', '--disable-used-space']
const hint = 'Run it by hand; needs-restarting comes with dnf-plugins-core (yum-utils on CentOS 7).'

/**
 * Whether a restart is due by the package tools' own word: needs-restarting of dnf, dnf5 and yum, zypper, a staged image of rpm-ostree, and the snapshot
 * that transactional-update(8) made to be started next.
 */
export default defineProbe({
  subject: 'reboot',
  source: 'rpm',
  platforms: ['linux'],
  every: '1h',
  timeout: '2m',
  heavy: true,
  watch: ['/run/reboot-needed', '/run/ostree/staged-deployment', '/var/lib/rpm', '/usr/lib/sysimage/rpm'],
  privilege: 'Root, for dnf and yum.',
  blind: 'Since when, where only needs-restarting tells. Services that run replaced code are told by reboot/linux.',
  inputs: {
    needsRestarting: {
      from: 'dnf -q -C needs-restarting -r (dnf5, yum: needs-restarting -r; zypper needs-rebooting)',
      recognise: text => /reboot/i.test(text) && !/^\s*[[{]/.test(text),
    },
    json: { from: 'dnf5 -q -C needs-restarting --json', recognise: text => /"reboot_required"/.test(text) },
    services: {
      from: 'needs-restarting (PID : COMMAND a line), needs-restarting -s',
      recognise: text => /^\d+ : \S/m.test(text) || /^[\w@.:\\-]{1,200}\.service\s*$/m.test(text),
    },
    ostree: { from: 'rpm-ostree status --json', recognise: text => /"deployments"\s*:/.test(text) },
    snapshots: { from: `${SNAPPER.join(' ')}`, recognise: text => /"active"\s*:/.test(text) && /"default"\s*:/.test(text) },
    flag: { from: 'time of /run/reboot-needed or /run/ostree/staged-deployment' },
  },

  async read(host) {
    const markers = await Promise.all(CONTAINER_MARKERS.map(path => host.stat(path, { missing: undefined })))
    const isFirst = isFirstNamespace((await readNamespaces(host))?.text)
    if (isFirst === false || (isFirst === null && markers.some(marker => marker !== undefined)))
      throw new Absent('a container runs on the kernel of its host, which tells of restarts')
    return parse({ ...(await readTool(host)), flag: await readFlags(host) })
  },
  parse,
})

/** The first tool that is there answers. @throws Absent where the system has none of them */
async function readTool(host: Host): Promise<Inputs> {
  if (await host.stat('/run/ostree-booted', { missing: undefined }))
    return { ostree: present(await optional(host, ['rpm-ostree', 'status', '--json'])) }
  const release = await host.text('/etc/os-release', { missing: '' })
  if (/^(?:ID|ID_LIKE)=.*suse/m.test(release))
    return {
      needsRestarting: present(await optional(host, ['zypper', '-n', 'needs-rebooting'])),
      snapshots: present(await transactional(host)),
    }
  if (!/^(?:ID|ID_LIKE)=.*(?:fedora|rhel|centos|amzn|mageia|openmandriva)/m.test(release))
    throw new Absent('the system is not of the rpm family')
  if (host.uid !== 0)
    throw new Denied('needs-restarting sees the processes of others only as root', 'Let the agent run as root, or switch this source off.')
  const dnf5 = await optional(host, ['dnf5', '-q', '-C', 'needs-restarting', '--json'])
  if (dnf5?.text.trimStart().startsWith('[')) return { json: [dnf5] }
  if (dnf5) return { needsRestarting: present(await optional(host, ['dnf5', '-q', '-C', 'needs-restarting'])) }
  const dnf = await optional(host, ['dnf', '-q', '-C', 'needs-restarting', '-r'])
  return { needsRestarting: present(dnf ?? (await optional(host, ['needs-restarting', '-r']))) }
}

/** The snapshots of a system that is changed by making the next one; zypper speaks for the one that runs alone. */
async function transactional(host: Host): Promise<Captured | undefined> {
  const tool = await host.stat('/usr/sbin/transactional-update', { missing: undefined })
  if (!tool) return undefined
  const list = await optional(host, SNAPPER)
  if (!list)
    throw new Failed('the system is changed by snapshots, and snapper is not there to tell which is started next', 'Install snapper.')
  return list
}

async function readFlags(host: Host): Promise<Captured[]> {
  const paths = ['/run/reboot-needed', '/run/ostree/staged-deployment']
  const stats = await Promise.all(paths.map(path => host.stat(path, { missing: undefined })))
  return paths.flatMap((path, at) => (stats[at] ? [{ ...told(path, ''), modifiedAt: stats[at]?.modifiedAt ?? null }] : []))
}

type Verdict = { readonly required: boolean | null; readonly reasons: readonly Reason[]; readonly since?: number | null }

/** `true` and `false` only by the tool's own sentence: every failure of it ends with the same exit code as "restart". @throws Failed where it did not say either */
export function parse(inputs: Inputs): RebootFact {
  const verdicts = [
    ...(inputs.needsRestarting ?? []).map(bySentence),
    ...(inputs.json ?? []).map(byJson),
    ...(inputs.ostree ?? []).map(byDeployments),
    ...(inputs.snapshots ?? []).map(bySnapshots),
  ]
  const flags = inputs.flag ?? []
  const listed = sole(inputs, 'services')
  if (verdicts.length === 0 && flags.length === 0 && !listed) throw new Absent('no tool of the rpm family tells of restarts here')
  const flagged = flags.map((flag): Reason => ({ kind: 'flag', detail: cut(flag.name, 200) }))
  const reasons = [...flagged, ...verdicts.flatMap(verdict => verdict.reasons)].slice(0, 64)
  const made = verdicts.flatMap(({ since }) => since ?? [])
  const times = flags.flatMap(({ modifiedAt }) => (modifiedAt !== null && modifiedAt > 0 ? [modifiedAt] : []))
  return {
    // On a transactional system both the running snapshot and the choice of the next one have to say no.
    required: reasons.length > 0 ? true : verdicts.length > 0 && verdicts.every(verdict => verdict.required === false) ? false : null,
    since: times.length + made.length > 0 ? Math.min(...times, ...made) : null,
    reasons,
    kernel: { running: null, newest: null, livePatched: null },
    services: listed ? servicesIn(listed) : null,
  }
}

/** See needs-restarting(1), dnf5-needs-restarting(8), zypper(8): zypper ends with 102 for "restart", and says so. */
function bySentence(captured: Captured): Verdict {
  const text = `${captured.text}\n${captured.stderr}`
  const isNo = /Reboot (?:should not be|is probably not|is not) necessary|No core libraries or services have been updated/.test(text)
  const isYes =
    captured.code === 102 ||
    /Reboot is (?:required|suggested|necessary|needed|probably necessary)|^Core libraries or services have been updated/m.test(text)
  if (isYes && !isNo) return { required: true, reasons: [{ kind: 'update', detail: packagesIn(captured.text) }] }
  if (isNo && !isYes && (captured.code === null || captured.code === 0)) return { required: false, reasons: [] }
  const line = `${captured.stderr}\n${captured.text}`.split('\n').find(candidate => candidate.trim() !== '')
  throw new Failed(`${cut(captured.name, 60)} did not say whether a restart is due: ${cut(line ?? 'it printed nothing', 200)}`, hint)
}

/** `  * kernel`, one a line. */
function packagesIn(text: string): string {
  const names = text.split('\n').flatMap(line => /^\s+\* (\S{1,200})/.exec(line)?.[1] ?? [])
  const more = names.length > 20 ? ` and ${names.length - 20} more` : ''
  return cut(
    names.length > 0
      ? `updated since the start: ${names.slice(0, 20).join(', ')}${more}`
      : 'core libraries or services were updated since the start',
    500,
  )
}

/** `[{"type": "reboot", "reboot_required": true, "packages": […]}]` */
function byJson(captured: Captured): Verdict {
  const value = jsonOf(captured, hint)
  const entries = objectsOf(Array.isArray(value) ? value : [value])
  const answers = entries.flatMap(entry => (typeof entry.reboot_required === 'boolean' ? [entry] : []))
  if (answers.length === 0) throw new Failed('dnf5 needs-restarting did not say whether a restart is due', hint)
  const due = answers.filter(entry => entry.reboot_required === true)
  const names = due
    .flatMap(entry => (Array.isArray(entry.packages) ? entry.packages : []))
    .map(entry => textOf(entry) ?? textOf(objectOf(entry)?.name) ?? '')
  const detail = packagesIn(
    names
      .filter(Boolean)
      .map(name => `  * ${name}`)
      .join('\n'),
  )
  return due.length > 0 ? { required: true, reasons: [{ kind: 'update', detail }] } : { required: false, reasons: [] }
}

function byDeployments(captured: Captured): Verdict {
  if (captured.code !== null && captured.code !== 0)
    throw new Failed(cut(captured.stderr, 300) || `rpm-ostree ended with ${captured.code}`, 'Run rpm-ostree status by hand.')
  const top = objectOf(jsonOf(captured, 'Run rpm-ostree status by hand.'))
  if (!Array.isArray(top?.deployments)) throw new Error('Cannot read the status: it has no list of deployments')
  const deployments = objectsOf(top.deployments)
  const booted = deployments.findIndex(deployment => deployment.booted === true)
  if (booted === -1) throw new Absent('the system was not booted from a deployment of rpm-ostree')
  const staged = deployments.find(deployment => deployment.staged === true)
  // A rollback that was chosen, or an update that was not staged, comes first as well: both are taken into use by a restart.
  const next = staged ?? (booted > 0 ? deployments[0] : undefined)
  if (!next) return { required: false, reasons: [] }
  return {
    required: true,
    reasons: [{ kind: 'update', detail: cut(`${textOf(next.version) ?? 'another image'} is deployed and not booted`, 300) }],
  }
}

/** `{"root": [{"number": 3, "default": true, "active": false, "date": "2026-11-22 04:00:12"}, …]}`, see snapper(8): what is default is started next. */
function bySnapshots(captured: Captured): Verdict {
  if (captured.code !== null && captured.code !== 0)
    throw new Failed(cut(captured.stderr, 300) || `snapper ended with ${captured.code}`, 'Run snapper list by hand.')
  const listed = Object.values(objectOf(jsonOf(captured, 'Run snapper list by hand.')) ?? {}).flatMap(config =>
    Array.isArray(config) ? objectsOf(config) : [],
  )
  const next = listed.find(snapshot => snapshot.default === true)
  const active = listed.find(snapshot => snapshot.active === true)
  if (!next || !active) return { required: null, reasons: [] }
  if (next.number === active.number) return { required: false, reasons: [] }
  const made = Date.parse(`${(textOf(next.date) ?? '').replace(' ', 'T')}Z`)
  const detail = `snapshot ${cut(String(next.number), 20)} is started next, and ${cut(String(active.number), 20)} runs`
  return { required: true, reasons: [{ kind: 'update', detail }], since: Number.isFinite(made) ? made : null }
}

/** `PID : COMMAND LINE` of needs-restarting, names of units of `needs-restarting -s`. */
function servicesIn({ text, code }: Captured): string[] | null {
  const names = text.split('\n').flatMap(line => {
    const command = /^\d{1,10} : (\S{1,300})/.exec(line)?.[1]
    const unit = /^(\S{1,128}\.service)\s*$/.exec(line)?.[1]
    return command !== undefined ? [command.replace(/^.*\//, '').slice(0, 128)] : unit !== undefined ? [unit] : []
  })
  if (names.length === 0 && code !== 0) return null
  return [...new Set(names)].sort().slice(0, MOST_SERVICES)
}
