import type { FactTypes } from '@fettle/catalog'
import { NotInstalled } from '../../host.ts'
import { Absent, defineProbe, Failed, type Inputs, needed, type ParseContext, sole } from '../../probe.ts'
import { cut, present } from '../gather.ts'
import { optional } from './rpm-machine.ts'
import { jsonOf, newestOf, objectOf, type PendingUpdate, textOf, updatesOf, waiting } from './waiting.ts'

const hint = 'Run pro security-status --format json by hand; the package is ubuntu-pro-client.'

/** Security updates of Ubuntu and of its subscription (ESM), by pro(1): what only a subscription gives is told as withheld. */
export default defineProbe({
  subject: 'updates',
  source: 'ubuntu-pro',
  platforms: ['linux'],
  every: '12h',
  timeout: '2m',
  heavy: true,
  watch: ['/var/lib/ubuntu-advantage/private', '/var/lib/dpkg/status'],
  blind: 'Updates that are not for security: apt tells those. Livepatch.',
  inputs: {
    security: {
      from: 'pro security-status --format json',
      recognise: text => /"num_esm_infra_updates"/.test(text) || /"summary"\s*:/.test(text),
    },
    status: { from: 'pro status --format json', recognise: text => /"services"\s*:/.test(text) && /"attached"\s*:/.test(text) },
    stamps: { from: 'time of /var/lib/apt/periodic/update-success-stamp' },
  },

  async read(host) {
    const security = await optional(host, ['pro', 'security-status', '--format', 'json'])
    if (!security) throw new Absent(new NotInstalled('pro').message)
    const stamp = await host.stat('/var/lib/apt/periodic/update-success-stamp', { missing: undefined })
    const stamps = stamp ? [{ text: '', stderr: '', code: null, name: 'update-success-stamp', modifiedAt: stamp.modifiedAt }] : []
    return parse({ security: [security], stamps: present(...stamps) }, { now: host.now() })
  },
  parse,
})

/** @throws Failed where pro did, Error where the counts promise more than the list holds, or where only the contract is known */
export function parse(inputs: Inputs, { now }: Pick<ParseContext, 'now'>): FactTypes['updates'] {
  const status = sole(inputs, 'status')
  const contract = status ? objectOf(jsonOf(status, hint)) : undefined
  const captured = needed(inputs, 'security')
  if (captured.code !== null && captured.code !== 0) throw new Failed(cut(captured.stderr || `pro ended with ${captured.code}`, 300), hint)
  const top = objectOf(jsonOf(captured, hint))
  const summary = objectOf(top?.summary)
  if (!summary || !Array.isArray(top?.packages)) throw new Error('Cannot read the security status: summary or packages is missing')
  const pending = top.packages.map(updateOf)
  assertComplete(summary, pending)
  return updatesOf({ pending, classified: true, lastCheckAt: newestOf(inputs.stamps, now), badSources: expired(contract, now) })
}

/** The statuses of uaclient's security status: what is not `upgrade_available` waits for a subscription, or for a service of it. */
function updateOf(entry: unknown): PendingUpdate {
  const fields = objectOf(entry)
  const name = textOf(fields?.package)
  const status = textOf(fields?.status)
  if (name === null || status === null) throw new Error('Cannot read a package of the security status: its name or status is missing')
  return waiting(name, {
    candidate: textOf(fields?.version),
    class: 'security',
    origin: [textOf(fields?.service_name), textOf(fields?.origin)].filter(word => word !== null).join(' ') || null,
    withheld: status === 'upgrade_available' ? null : 'subscription',
  })
}

function assertComplete(summary: { readonly [key: string]: unknown }, pending: readonly PendingUpdate[]): void {
  const counts = ['num_standard_security_updates', 'num_esm_infra_updates', 'num_esm_apps_updates'].map(key => summary[key])
  if (!counts.some(count => typeof count === 'number')) throw new Error('Cannot read the security status: its counts are missing')
  const promised = counts.reduce<number>((sum, count) => sum + (typeof count === 'number' ? count : 0), 0)
  if (promised > pending.length)
    throw new Error(`Cannot trust the security status: it promises ${promised} updates and lists ${pending.length}`)
}

function expired(contract: { readonly [key: string]: unknown } | undefined, now: number): string[] {
  const end = Date.parse(textOf(contract?.expires) ?? '')
  return contract?.attached === true && end < now
    ? [`the subscription of Ubuntu Pro ended on ${new Date(end).toISOString().slice(0, 10)}`]
    : []
}
