import type { FactTypes } from '@fettle/catalog'
import { type Host, NotInstalled } from '../../host.ts'
import { Absent, type Captured, defineProbe, Failed, type Inputs, type ParseContext, sole } from '../../probe.ts'
import { cut, told } from '../gather.ts'
import { optional } from './rpm-machine.ts'
import { jsonOf, newestOf, objectOf, objectsOf, type PendingUpdate, textOf, timeOf, updatesOf, waiting } from './waiting.ts'

const quiet = ['fwupdmgr', '--no-unreported-check', '--no-metadata-check', '--no-remote-check', '--json']
const hint = 'Run fwupdmgr get-updates by hand; fwupd-refresh.timer keeps the metadata fresh.'
const metadata = ['/var/lib/fwupd/metadata/lvfs', '/var/lib/fwupd/remotes.d/lvfs', '/var/cache/fwupd/metadata/lvfs']
const metadataNames = ['firmware.xml.zst', 'firmware.xml.xz', 'firmware.xml.gz', 'metadata.xml.gz', 'metadata.xml.xz']

/** Firmware that waits, by fwupdmgr(1), from metadata that was fetched last. */
export default defineProbe({
  subject: 'updates',
  source: 'fwupd',
  platforms: ['linux'],
  every: '12h',
  timeout: '2m',
  watch: ['/var/lib/fwupd/metadata'],
  blind: 'Devices whose vendor does not publish on LVFS. Needs metadata that fwupd-refresh.timer keeps fresh.',
  inputs: {
    updates: {
      from: `${quiet.join(' ')} get-updates`,
      recognise: text => /"Releases"\s*:/.test(text) || /"Error"\s*:/.test(text) || !/"Devices"\s*:/.test(text),
    },
    devices: { from: `${quiet.join(' ')} get-devices`, recognise: text => /"Devices"\s*:/.test(text) && !/"Releases"\s*:/.test(text) },
    metadata: { from: `times of ${metadata[0]}/*.xml*` },
  },

  async read(host) {
    const updates = await optional(host, [...quiet, 'get-updates'])
    if (!updates) throw new Absent(new NotInstalled('fwupdmgr').message)
    const devices = await host.run([...quiet, 'get-devices'], { timeoutMs: 60_000 })
    return parse({ updates: [updates], devices: [devices], metadata: await readMetadata(host) }, { now: host.now() })
  },
  parse,
})

/** @throws Absent where no device takes updates (virtual machines), Failed where fwupd did, Error where the devices alone are known: they do not tell what waits */
export function parse(inputs: Inputs, { now }: Pick<ParseContext, 'now'>): FactTypes['updates'] {
  const devices = sole(inputs, 'devices')
  const updates = sole(inputs, 'updates')
  const known = devices ? devicesIn(devices) : undefined
  if (known && known.length > 0 && !known.some(isUpdatable)) throw new Absent('no device of this machine takes firmware from fwupd')
  if (!updates) throw new Error('Cannot tell what waits from the devices alone')
  return updatesOf({
    pending: devicesIn(updates).flatMap(device => firmwareOf(device, now)),
    classified: true,
    lastCheckAt: newestOf(inputs.metadata, now),
  })
}

type Device = { readonly [key: string]: unknown }

/** Sentences of a fwupd that has nothing to do; exit code 2 says the same. */
const nothing =
  /No updates available|no available firmware updates|No upgrades for|No updatable devices|no updatable|have the latest available firmware/i

/** `{"Devices": […]}`, or `{"Error": {"Message": …}}`. @throws Absent, Failed */
function devicesIn(captured: Captured): Device[] {
  const said = `${captured.stderr}\n${captured.text}`
  if (/No updatable devices|No detected devices/i.test(said)) throw new Absent('no device of this machine takes firmware from fwupd')
  if (captured.code !== null && captured.code !== 0 && captured.code !== 2)
    throw new Failed(messageOf(captured) ?? `fwupdmgr ended with ${captured.code}`, hint)
  if (captured.text.trim() === '' && captured.code === 2) return []
  if (!captured.text.trimStart().startsWith('{') && nothing.test(said)) return []
  const top = objectOf(jsonOf(captured, hint))
  if (Array.isArray(top?.Devices)) return objectsOf(top.Devices)
  if (captured.code === 2 || nothing.test(messageOf(captured) ?? '')) return []
  throw new Failed(messageOf(captured) ?? 'fwupdmgr printed no devices', hint)
}

function messageOf({ text, stderr }: Captured): string | undefined {
  const inJson = /"Message"\s*:\s*"([^"]{1,300})"/.exec(text)?.[1]
  const line = inJson ?? stderr.split('\n').find(candidate => candidate.trim() !== '')
  return line === undefined ? undefined : cut(line, 300)
}

function isUpdatable(device: Device): boolean {
  return Array.isArray(device.Flags) && device.Flags.some(flag => flag === 'updatable' || flag === 'updatable-hidden')
}

const severities: Readonly<Record<string, PendingUpdate['severity']>> = {
  critical: 'critical',
  high: 'important',
  medium: 'moderate',
  low: 'low',
}

/** The newest release of a device is its first; the oldest publication of all that are missing is when it fell behind. */
function firmwareOf(device: Device, now: number): PendingUpdate[] {
  const releases = objectsOf(Array.isArray(device.Releases) ? device.Releases : [])
  const newest = releases.find(({ Flags }) => !(Array.isArray(Flags) && Flags.includes('is-downgrade')))
  if (!newest) return []
  const name = textOf(device.Name) ?? textOf(newest.Name) ?? textOf(device.DeviceId)
  if (name === null) throw new Error('Cannot read a device: it has neither name nor id')
  const flags = Array.isArray(device.Flags) ? device.Flags : []
  const blocked = Array.isArray(newest.Flags) && newest.Flags.includes('blocked-approval')
  const created = typeof newest.Created === 'number' ? newest.Created * 1000 : null
  return [
    waiting(name, {
      installed: textOf(device.Version),
      candidate: textOf(newest.Version),
      class: 'firmware',
      severity: severities[String(newest.Urgency ?? '').toLowerCase()] ?? null,
      published: timeOf(created, now),
      origin: textOf(newest.RemoteId),
      withheld: blocked ? 'hidden' : null,
      restart: flags.length === 0 ? null : flags.includes('needs-reboot') || flags.includes('needs-shutdown'),
    }),
  ]
}

async function readMetadata(host: Host): Promise<Captured[]> {
  const paths = metadata.flatMap(folder => metadataNames.map(name => `${folder}/${name}`))
  const stats = await Promise.all(paths.map(path => host.stat(path, { missing: undefined })))
  return paths.flatMap((path, at) => (stats[at] ? [{ ...told(path, ''), modifiedAt: stats[at]?.modifiedAt ?? null }] : []))
}
