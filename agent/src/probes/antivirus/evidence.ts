import { type Host, NotInstalled } from '../../host.ts'
import { type Captured, Denied, Failed } from '../../probe.ts'
import { cut } from '../gather.ts'

/** A command of a product that hangs while its daemon is down must not hold the agent up, ms. */
const COMMAND_MS = 20_000

/** What a vendor's tool prints; nothing where it is not installed. */
export async function printed(host: Host, ...argv: readonly string[]): Promise<Captured[]> {
  try {
    return [await host.run(argv, { timeoutMs: COMMAND_MS })]
  } catch (error) {
    if (error instanceof NotInstalled) return []
    throw error
  }
}

/** What systemd knows of units, for `runsAsService`; nothing on other systems. */
export async function services(host: Host, ...units: readonly string[]): Promise<Captured[]> {
  return host.platform === 'linux' ? printed(host, 'systemctl', 'show', '--property=Id,LoadState,ActiveState', ...units) : []
}

/** Whether a text is what `services` gathers, of one of these units. */
export const isServices = (text: string, unit: RegExp): boolean =>
  text.split('\n', 200).some(line => line.startsWith('Id=') && unit.test(line))

/**
 * Whether one of the units that systemd has loaded is active; see systemctl(1) and org.freedesktop.systemd1(5). `null` where systemd does not
 * answer, or knows none of them: then somebody else may run the program.
 */
export function runsAsService(captured: Captured | undefined): boolean | null {
  if (!captured || (captured.code ?? 0) !== 0) return null
  const units = captured.text.split(/\n\s*\n/).map(block => new Map(block.split('\n').map(line => pair(line, '='))))
  const loaded = units.filter(unit => unit.get('LoadState') === 'loaded')
  if (loaded.some(unit => unit.get('ActiveState') === 'active')) return true
  const states = loaded.map(unit => unit.get('ActiveState'))
  return states.length > 0 && states.every(state => state === 'inactive' || state === 'failed') ? false : null
}

function pair(line: string, separator: string): [string, string] {
  const at = line.indexOf(separator)
  return at < 0 ? [line.trim(), ''] : [line.slice(0, at).trim(), line.slice(at + separator.length).trim()]
}

/** Lines `key: value` with the white space around both left out; of a key that is there twice the first. */
export function colonLines(text: string): Map<string, string> {
  const lines = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [key, value] = pair(line, ':')
    if (line.includes(':') && !lines.has(key)) lines.set(key, value)
  }
  return lines
}

/** The first line that a tool printed, for reasons. */
export const firstLine = ({ text, stderr }: Captured): string => cut(`${text.trim() || stderr.trim()}`.split('\n', 1)[0] ?? '', 120)

/** A tool that answers root only says so. @throws Denied */
export function refuseRights(captured: Captured, tool: string): void {
  const said = `${captured.text.slice(0, 4096)}\n${captured.stderr.slice(0, 4096)}`
  const words =
    /(must be|need to be|be) (run )?(as )?root|permission denied|not permitted|root privileges|superuser|administrator privileges|run .{1,60} (as root|with sudo)/i
  if (words.test(said)) throw new Denied(`${tool} answers root only: ${firstLine(captured)}`, 'Run the agent as root.')
}

/** A tool that talked of something else. */
export const unread = (captured: Captured, wanted: string): Failed =>
  new Failed(
    captured.text.trim() === '' && captured.stderr.trim() === ''
      ? `Cannot read an empty answer: wanted ${wanted}`
      : `Cannot read ${JSON.stringify(firstLine(captured))}: wanted ${wanted}`,
    'See whether the service of the product runs.',
  )

/** `2023-08-24 10:44:23` on the clock of the machine that printed it, as epoch ms; null where it is no date. */
export function localTime(text: string): number | null {
  const [, year, month, day, hour = '0', minute = '0', second = '0'] =
    /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d))?)?\s*$/.exec(text.trim()) ?? []
  if (year === undefined) return null
  const at = new Date(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second))
  return at.getMonth() === Number(month) - 1 && at.getTime() > 0 ? at.getTime() : null
}
