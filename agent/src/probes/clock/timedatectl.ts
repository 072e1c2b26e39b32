import type { FactTypes } from '@fettle/catalog'
import { type Host, NotInstalled } from '../../host.ts'
import { Absent, type Captured, Denied, defineProbe, type Inputs, needed, type ParseContext, sole } from '../../probe.ts'
import { cut, present, readable } from '../gather.ts'
import { offsetInSteps, syncInSteps } from './steps.ts'

/** Services besides systemd-timesyncd, each with the files that tell that it runs. */
const RIVALS: readonly (readonly [service: string, path: string])[] = [
  ['chronyd', '/run/chrony/chronyd.pid'],
  ['chronyd', '/run/chronyd.pid'],
  ['ntpd', '/run/ntpd.pid'],
  ['ntpsec', '/run/ntpsec.pid'],
  ['openntpd', '/run/openntpd.pid'],
]

/** systemd-timesyncd touches it each time it sets the clock. */
const SYNCED = '/run/systemd/timesync/synchronized'

/** Whether systemd knows the clock to be right: timedatectl(1), org.freedesktop.timedate1(5). */
export default defineProbe({
  subject: 'clock',
  source: 'timedatectl',
  platforms: ['linux'],
  every: '15m',
  timeout: '30s',
  blind: 'Only systemd-timesyncd tells its server; of any other service systemd knows whether the kernel takes the clock for right.',
  inputs: {
    show: {
      from: 'timedatectl show',
      recognise: text => /^(NTPSynchronized=|[ \t]*(System clock|NTP) synchronized:)/m.test(text) || noSystemd(text),
    },
    timesync: {
      from: 'timedatectl timesync-status',
      recognise: text => /^(ServerName=|ServerAddress=|NTPMessage=|[ \t]*Packet count:)/m.test(text),
    },
    container: { from: 'systemd-detect-virt --container', recognise: text => /^(none|docker|podman|lxc|systemd-nspawn)\s*$/.test(text) },
    synced: { from: `${SYNCED} (its modification time)` },
    rival: { from: RIVALS.map(([, path]) => path).join(', ') },
  },
  parse: parseTimedatectl,

  async read(host) {
    const inputs = {
      show: [await askSystemd(host)],
      timesync: [await host.run(['timedatectl', 'timesync-status'], { timeoutMs: 10_000 })],
      synced: present(await readable(host, SYNCED)),
      container: present(await detectContainer(host)),
      rival: present(...(await Promise.all(RIVALS.map(([, path]) => readable(host, path))))),
    }
    return parseTimedatectl(inputs, { now: host.now(), hostname: host.hostname, options: undefined })
  },
})

/**
 * A `no` of systemd is only believed where nothing else may know better: inside a container, and where another service keeps the time,
 * systemd says `no` of clocks that are right.
 * @throws Absent without systemd, Denied where its bus is shut, Error on anything else than properties
 */
export function parseTimedatectl(inputs: Inputs, _context: ParseContext): FactTypes['clock'] {
  const show = needed(inputs, 'show')
  refuse(show)
  const told = properties(show.text)
  const kernelSays = yesOrNo(told.get('NTPSynchronized') ?? told.get('System clock synchronized') ?? told.get('NTP synchronized'))
  if (kernelSays === null) throw new Error('Cannot tell whether the clock is right: timedatectl printed no NTPSynchronized')
  const enabled = yesOrNo(
    told.get('NTP') ?? told.get('NTP service') ?? told.get('systemd-timesyncd.service active') ?? told.get('NTP enabled'),
  )
  const timesync = properties(sole(inputs, 'timesync')?.text ?? '')
  const runs = timesync.has('NTPMessage') || timesync.has('PollIntervalUSec') || timesync.has('Server') || timesync.has('Packet count')
  const rival = rivalOf(inputs)
  const syncedAt = sole(inputs, 'synced')?.modifiedAt
  const others = rival !== null || (sole(inputs, 'timesync') !== undefined && enabled === true && !runs)
  const unsure = others || inContainer(sole(inputs, 'container'))
  return {
    synchronized: kernelSays || !unsure ? kernelSays : null,
    service: runs ? 'systemd-timesyncd' : rival,
    enabled: enabled === false && unsure ? null : enabled,
    reference: runs ? serverOf(timesync) : null,
    stratum: runs ? stratumOf(timesync) : null,
    offsetSeconds: runs ? offsetOf(timesync) : null,
    lastSyncAt: runs && syncedAt ? syncInSteps(syncedAt) : null,
  }
}

function noSystemd(text: string): boolean {
  return /System has not been booted with systemd/.test(text)
}

function refuse({ text, stderr, code }: Captured): void {
  const said = `${text}\n${stderr}`
  if (noSystemd(said)) throw new Absent('this system was not booted with systemd')
  if (/Access denied|Permission denied|Interactive authentication required/i.test(said)) {
    throw new Denied(
      'systemd does not let the agent ask for the clock',
      'Allow the agent the system D-Bus socket (/run/dbus/system_bus_socket).',
    )
  }
  if (code !== null && code !== 0) throw new Error(`timedatectl ended with ${code}: ${cut(stderr || text, 200)}`)
}

/** `Key=value`, or `Key: value` as the forms for people have it. */
function properties(text: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const line of text.split('\n')) {
    const match = /^\s*([A-Za-z][A-Za-z0-9 .-]{0,60}?)\s?(?:=|: )(.*)$/.exec(line)
    if (match?.[1]) found.set(match[1], match[2]?.trim() ?? '')
  }
  return found
}

/** `inactive` and `n/a` are how the form for people says no. */
function yesOrNo(word: string | undefined): boolean | null {
  if (word === 'yes' || word === 'active') return true
  return word === 'no' || word === 'inactive' ? false : null
}

function inContainer(detected: Captured | undefined): boolean {
  const word = detected?.text.trim() ?? ''
  return word !== '' && word !== 'none'
}

function rivalOf(inputs: Inputs): string | null {
  const running = new Set((inputs.rival ?? []).map(file => file.name))
  return RIVALS.find(([, path]) => running.has(path))?.[0] ?? null
}

/** `91.189.89.199 (ntp.ubuntu.com)` in the form for people. */
function serverOf(timesync: ReadonlyMap<string, string>): string | null {
  const named = /^\S+ \((.+)\)$/.exec(timesync.get('Server') ?? '')?.[1]
  return cut(timesync.get('ServerName') || timesync.get('ServerAddress') || named || timesync.get('Server') || '', 253) || null
}

/** Out of `NTPMessage={ Leap=0, …, Stratum=2, … }`. 0 and 16 are how a server says that it knows no time. */
function stratumOf(timesync: ReadonlyMap<string, string>): number | null {
  const stratum = Number(/\bStratum=(\d{1,3})/.exec(timesync.get('NTPMessage') ?? '')?.[1] ?? timesync.get('Stratum'))
  return stratum >= 1 && stratum <= 15 ? stratum : null
}

const SECONDS = { us: 1e-6, µs: 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600 } as const

/** `Offset: +1.229ms` is what has to be added to this clock, so a fast one has it negative. Only the form for people tells it. */
function offsetOf(timesync: ReadonlyMap<string, string>): number | null {
  const text = timesync.get('Offset')
  if (text === undefined) return null
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(us|µs|ms|min|s|h)\b/g)]
  if (parts.length === 0) return null
  const seconds = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * SECONDS[unit as keyof typeof SECONDS], 0)
  return offsetInSteps(text.startsWith('-') ? seconds : -seconds)
}

/** Before systemd 239 there is only the form for people. */
async function askSystemd(host: Host): Promise<Captured> {
  const show = await host.run(['timedatectl', 'show'], { timeoutMs: 10_000 })
  return /^Unknown operation/m.test(show.stderr) ? host.run(['timedatectl', 'status'], { timeoutMs: 10_000 }) : show
}

async function detectContainer(host: Host): Promise<Captured | undefined> {
  try {
    return await host.run(['systemd-detect-virt', '--container'], { timeoutMs: 5_000 })
  } catch (error) {
    if (error instanceof NotInstalled) return undefined
    throw error
  }
}
