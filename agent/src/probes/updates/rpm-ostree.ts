import type { FactTypes } from '@fettle/catalog'
import { NotInstalled } from '../../host.ts'
import { Absent, defineProbe, Failed, type Inputs, needed, type ParseContext, sole } from '../../probe.ts'
import { cut, present } from '../gather.ts'
import { parseUnits } from './apt-automatic.ts'
import { optional } from './rpm-machine.ts'
import { jsonOf, objectOf, objectsOf, type PendingUpdate, textOf, timeOf, updatesOf, waiting } from './waiting.ts'

const status = ['rpm-ostree', 'status', '--json']
const units = ['rpm-ostreed-automatic.timer', 'rpm-ostreed-automatic.service']
const hint = 'Run rpm-ostree status by hand; rpm-ostreed-automatic.timer looks for updates.'

/** The image that waits on Fedora's and RHEL's image-based systems: found by the automatic check, or staged and only a restart away; see rpm-ostree(1). */
export default defineProbe({
  subject: 'updates',
  source: 'rpm-ostree',
  platforms: ['linux'],
  every: '6h',
  timeout: '1m',
  watch: ['/run/ostree', '/var/cache/rpm-ostree', '/ostree/deploy'],
  blind:
    'What nobody has looked for: needs AutomaticUpdatePolicy=check or stage in rpm-ostreed.conf. An update that was found is told, not each of its packages.',
  inputs: {
    status: { from: status.join(' '), recognise: text => /"deployments"\s*:/.test(text) },
    units: { from: `systemctl show ${units.join(' ')}`, recognise: text => /^Id=rpm-ostreed/m.test(text) },
  },

  async read(host) {
    const captured = await optional(host, status)
    if (!captured) throw new Absent(new NotInstalled('rpm-ostree').message)
    const properties = ['Id', 'UnitFileState', 'ActiveState', 'Result', 'ExecMainExitTimestamp', 'ExecMainStatus'].map(
      name => `--property=${name}`,
    )
    return parse(
      { status: [captured], units: present(await optional(host, ['systemctl', 'show', ...properties, ...units])) },
      { now: host.now() },
    )
  },
  parse,
})

/** @throws Absent where the system was not booted from such an image, Failed where rpm-ostree did */
export function parse(inputs: Inputs, { now }: Pick<ParseContext, 'now'>): FactTypes['updates'] {
  const captured = needed(inputs, 'status')
  if (captured.code !== null && captured.code !== 0)
    throw new Failed(cut(captured.stderr, 300) || `rpm-ostree ended with ${captured.code}`, hint)
  const top = objectOf(jsonOf(captured, hint))
  if (!Array.isArray(top?.deployments)) throw new Error('Cannot read the status: it has no list of deployments')
  const deployments = objectsOf(top.deployments)
  const booted = deployments.find(deployment => deployment.booted === true)
  if (!booted) throw new Absent('the system was not booted from a deployment of rpm-ostree')
  const staged = deployments.find(deployment => deployment.staged === true) ?? newerThan(booted, deployments)
  const cached = objectOf(top['cached-update'])
  const pending = [...(staged ? [stagedUpdate(booted, staged, now)] : []), ...cachedUpdate(booted, staged, cached, now)]
  return updatesOf({
    pending,
    classified: pending.every(update => update.class !== 'other'),
    ...lastRun(inputs, now),
    lastInstallAt: null,
    automatic: automaticOf(inputs),
  })
}

type Deployment = { readonly [key: string]: unknown }

/** A newer deployment that comes first and was not booted waits for a restart like a staged one. */
function newerThan(booted: Deployment, deployments: readonly Deployment[]): Deployment | undefined {
  return deployments.find((deployment, at) => at === 0 && Number(deployment.timestamp) > Number(booted.timestamp))
}

function nameOf(deployment: Deployment): string {
  return textOf(deployment.origin) ?? textOf(deployment['container-image-reference']) ?? textOf(deployment.osname) ?? 'image'
}

function versionOf(deployment: Deployment): string | null {
  return textOf(deployment.version) ?? textOf(deployment['base-version']) ?? textOf(deployment.checksum)?.slice(0, 16) ?? null
}

function stagedUpdate(booted: Deployment, staged: Deployment, now: number): PendingUpdate {
  return waiting(nameOf(staged), {
    installed: versionOf(booted),
    candidate: versionOf(staged),
    published: secondsOf(staged.timestamp, now),
    origin: 'staged: a restart takes it into use',
    restart: true,
  })
}

function cachedUpdate(booted: Deployment, staged: Deployment | undefined, cached: Deployment | undefined, now: number): PendingUpdate[] {
  if (!cached || (staged && textOf(cached.checksum) !== null && cached.checksum === staged.checksum)) return []
  const advisories = Array.isArray(cached.advisories) ? cached.advisories.filter(Array.isArray) : undefined
  const security = advisories?.filter(advisory => advisory[1] === 1 || advisory[1] === 'security') ?? []
  const severity = Math.max(0, ...security.map(advisory => (typeof advisory[2] === 'number' ? advisory[2] : 0)))
  return [
    waiting(nameOf({ ...booted, ...(textOf(cached.origin) ? { origin: cached.origin } : {}) }), {
      installed: versionOf(booted),
      candidate: versionOf(cached),
      // Without any advisory nothing is told of security: images of containers carry none.
      class: security.length > 0 ? 'security' : advisories && advisories.length > 0 ? 'quality' : 'other',
      severity: ([null, 'low', 'moderate', 'important', 'critical'] as const)[severity] ?? null,
      published: secondsOf(cached.timestamp, now),
      restart: true,
    }),
  ]
}

function secondsOf(value: unknown, now: number): number | null {
  return typeof value === 'number' ? timeOf(value * 1000, now) : null
}

/** When the automatic check ended; a check that failed is told as such. */
function lastRun(inputs: Inputs, now: number): Pick<FactTypes['updates'], 'lastCheckAt' | 'lastCheckError'> {
  const service = parseUnits(sole(inputs, 'units')).get('rpm-ostreed-automatic.service')
  const stamp = service?.get('ExecMainExitTimestamp') ?? ''
  const utc = /(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC/.exec(stamp)
  const at = utc
    ? timeOf(Date.parse(`${utc[1]}T${utc[2]}Z`), now)
    : /^@\d{9,11}$/.test(stamp)
      ? timeOf(Number(stamp.slice(1)) * 1000, now)
      : null
  const result = service?.get('Result') ?? ''
  if (result !== '' && result !== 'success')
    return { lastCheckAt: null, lastCheckError: `rpm-ostreed-automatic.service ended with ${result}` }
  return { lastCheckAt: at, lastCheckError: null }
}

function automaticOf(inputs: Inputs): FactTypes['updates']['automatic'] {
  const policy = /"(?:auto-update-policy|automatic-update-policy)"\s*:\s*"(\w{1,20})"/.exec(sole(inputs, 'status')?.text ?? '')?.[1]
  const timer = parseUnits(sole(inputs, 'units')).get('rpm-ostreed-automatic.timer')
  if (!timer) return { enabled: null, detail: policy ?? null, lastRunAt: null }
  const runs = timer.get('UnitFileState') === 'enabled' && timer.get('ActiveState') === 'active'
  if (!runs) return { enabled: false, detail: 'rpm-ostreed-automatic.timer does not run', lastRunAt: null }
  return {
    enabled: policy === undefined ? null : policy === 'stage' || policy === 'apply',
    detail: `rpm-ostreed-automatic.timer${policy ? `, policy ${policy}` : ''}`,
    lastRunAt: null,
  }
}
