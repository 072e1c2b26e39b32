import { type Host, HostError, NotInstalled } from '../../host.ts'
import { type Captured, type Inputs, sole } from '../../probe.ts'
import { present, readable, told } from '../gather.ts'

/** Folders whose files cron runs or reads; see cron(8) and run-parts(8), which passes over names with a dot. */
const CRON_FOLDERS = [
  ...['/etc/cron.d', '/etc/cron.hourly', '/etc/cron.daily', '/etc/cron.weekly', '/etc/cron.monthly'],
  ...['/var/spool/cron/crontabs', '/var/spool/cron'],
]
const UNITS = '/etc/systemd/system'
/** More files than these are not looked at. */
const MOST = 200
const SCANS = /(?:^|[\s/;&|(])clamscan\b/

/** Looks for what is meant to run instead of the daemon: nothing but whether that is set to run, where it is. */
export async function gatherSchedule(host: Host, units: readonly string[]): Promise<Inputs> {
  const service: Inputs = {
    daemon: await perhaps(host, ['clamd', '--version']),
    // One by one: systemctl stops at the first unit that is not there.
    enabled: (await Promise.all([...units, 'clamav-daemon.socket'].map(unit => perhaps(host, ['systemctl', 'is-enabled', unit])))).flat(),
  }
  if (!isWithoutService(service)) return service
  const hidden: Captured[] = []
  const namesIn = async (folder: string) => {
    try {
      return (await host.list(folder, { missing: [] })).slice(0, MOST)
    } catch (error) {
      if (!(error instanceof HostError)) throw error
      hidden.push(told(folder, error.message))
      return []
    }
  }
  const cron = (await Promise.all(CRON_FOLDERS.map(async folder => (await namesIn(folder)).map(name => `${folder}/${name}`)))).flat()
  const run = ['/etc/crontab', ...cron.filter(path => !path.slice(path.lastIndexOf('/') + 1).includes('.'))]
  const services = (await namesIn(UNITS)).filter(name => name.endsWith('.timer')).map(name => `${UNITS}/${name.slice(0, -5)}service`)
  const read = present(...(await Promise.all([...run, ...services].map(path => readable(host, path)))))
  const schedules = read.filter(starts)
  const timers = schedules.flatMap(({ name }) => timerOf(name) ?? [])
  const states = timers.length > 0 ? await perhaps(host, ['systemctl', 'is-active', ...timers]) : []
  return { ...service, schedules, hidden, timers: states.map(state => ({ ...state, name: timers.join(' ') })) }
}

async function perhaps(host: Host, argv: readonly string[]): Promise<Captured[]> {
  try {
    return [await host.run(argv)]
  } catch (error) {
    if (error instanceof NotInstalled) return []
    throw error
  }
}

/** Whether a line that is no comment starts a scan. `clamdscan` only asks the daemon. */
function starts({ text }: Captured): boolean {
  return text.split('\n').some(line => !/^\s*#/.test(line) && SCANS.test(line.slice(0, 2000)))
}

function timerOf(path: string): string | undefined {
  return /([^/]{1,200})\.service$/.exec(path)?.[1]?.concat('.timer')
}

/**
 * Whether something starts scans of a ClamAV without a service that should run; null where that could not be told, undefined where there is such a
 * service, or nobody knows.
 */
export function scheduledIn(inputs: Inputs): boolean | null | undefined {
  if (!isWithoutService(inputs) || !inputs.schedules) return undefined
  const active = activeIn(sole(inputs, 'timers'))
  const started = inputs.schedules.some(file => {
    const timer = timerOf(file.name)
    return starts(file) && (timer === undefined || active.has(timer))
  })
  return started ? true : sole(inputs, 'hidden') ? null : false
}

/** `systemctl is-active A B` prints a line for each, in order. */
function activeIn(captured: Captured | undefined): Set<string> {
  const states = captured?.text.split('\n') ?? []
  return new Set(captured?.name.split(' ').filter((_, index) => states[index]?.trim() === 'active'))
}

/** Only where every unit of it is known to be off, or there is no daemon: one that died is no plan. */
function isWithoutService(inputs: Inputs): boolean {
  if (!inputs.daemon) return false
  if (inputs.daemon.length === 0) return true
  const enabled = inputs.enabled ?? []
  if (enabled.some(({ stderr }) => /not been booted|Failed to connect|Access denied/i.test(stderr))) return false
  const states = enabled.map(({ text }) => text.trim()).filter(state => state !== '' && state !== 'not-found')
  return states.length > 0 && states.every(state => state === 'disabled' || state === 'masked')
}
