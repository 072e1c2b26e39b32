import type { FactTypes } from '@fettle/catalog'
import * as v from 'valibot'
import type { Host } from '../../host.ts'
import { Absent, type Captured, Denied, defineProbe, Failed, type Inputs, needed, type ParseContext, sole } from '../../probe.ts'
import { cut, present, readable } from '../gather.ts'

const MOST_UNITS = 512
/** More failed units than this are named without their result and time. */
const MOST_DETAILS = 64
const TIMEOUT = { timeoutMs: 15_000 }

/** Failed units of the system manager by systemctl(1). The managers of users are others, and not asked. */
export default defineProbe({
  subject: 'services',
  source: 'systemd',
  platforms: ['linux'],
  every: '15m',
  timeout: '1m',
  blind: 'Services that were stopped cleanly, and units of users.',
  inputs: {
    failed: {
      from: 'systemctl list-units --state=failed --all --full --no-pager --output=json',
      recognise: text => /^\s*\[\s*(\{"unit":|\])|\b0 loaded units listed|\sfailed\s+failed\s|has not been booted with systemd/.test(text),
    },
    state: {
      from: 'systemctl is-system-running',
      recognise: text => /^(running|degraded|maintenance|starting|initializing|stopping|offline|unknown)\s*$/.test(text),
    },
    details: { from: 'systemctl show -p Id,Result,StateChangeTimestamp UNIT…', recognise: text => /^Id=\S+\.\w+$/m.test(text) },
    init: { from: '/proc/1/comm' },
  },
  parse: parseServices,

  async read(host) {
    const failed = await listFailed(host)
    const inputs = {
      failed: [failed],
      state: [await host.run(['systemctl', 'is-system-running'], TIMEOUT)],
      init: present(await readable(host, '/proc/1/comm')),
    }
    const context = { now: host.now(), hostname: host.hostname, options: undefined }
    const { bad } = parseServices(inputs, context)
    if (bad.length === 0) return parseServices(inputs, context)
    const names = bad.slice(0, MOST_DETAILS).map(unit => unit.name)
    // Times are printed in the zone of the caller.
    const details = await host.run(['systemctl', 'show', '-p', 'Id,Result,StateChangeTimestamp', '--', ...names], {
      ...TIMEOUT,
      env: { TZ: 'UTC' },
    })
    return parseServices({ ...inputs, details: [details] }, context)
  },
})

/**
 * Failed units, from the JSON of systemd 246 and later or the table of any.
 * @throws Absent where another init runs, Denied, Failed where systemd does not answer, Error on a list that cannot be read or that the
 * state of the manager contradicts: an empty list from a broken tool is not good news
 */
export function parseServices(inputs: Inputs, _context: ParseContext): FactTypes['services'] {
  const failed = needed(inputs, 'failed')
  refuse(failed, sole(inputs, 'init'))
  const units = /^\s*\[/.test(failed.text) ? fromJson(failed.text) : fromTable(failed)
  const state = stateOf(sole(inputs, 'state'))
  if (state === 'degraded' && units.length === 0) throw new Error('systemd is degraded, yet lists no failed unit')
  const details = readDetails(sole(inputs, 'details')?.text ?? '')
  const bad = units.slice(0, MOST_UNITS).map(({ unit, description }) => ({
    name: cut(unit, 256),
    description: cut(description, 512) || null,
    kind: 'failed' as const,
    result: details.get(unit)?.result ?? null,
    since: details.get(unit)?.since ?? null,
  }))
  return { manager: 'systemd', state, bad }
}

type Unit = { readonly unit: string; readonly description: string }

function refuse({ text, stderr, code }: Captured, init: Captured | undefined): void {
  const said = `${stderr}\n${/^\s*\[/.test(text) ? '' : text}`
  if (/System has not been booted with systemd/.test(said)) {
    const name = init?.text.trim() ?? ''
    if (name !== 'systemd')
      throw new Absent(`this system was not booted with systemd${name === '' ? '' : `: process 1 is ${cut(name, 32)}`}`)
    throw new Failed('systemd runs, but systemctl does not find it', 'Let the agent see /run/systemd/system.')
  }
  if (/Access denied|Permission denied|Interactive authentication required/i.test(said)) {
    throw new Denied('systemd does not let the agent list units', 'Allow the agent the system D-Bus socket (/run/dbus/system_bus_socket).')
  }
  if (/^Failed to (connect to bus|list units|get )/m.test(said) || (code !== null && code !== 0)) {
    throw new Failed(
      `systemctl failed: ${cut(stderr || text, 200)}`,
      'See whether systemctl answers on this machine (systemctl is-system-running).',
    )
  }
}

const jsonUnits = v.array(
  v.object({ unit: v.pipe(v.string(), v.minLength(1)), active: v.string(), description: v.optional(v.nullable(v.string())) }),
)

function fromJson(text: string): Unit[] {
  return v
    .parse(jsonUnits, JSON.parse(text))
    .filter(unit => unit.active === 'failed')
    .map(({ unit, description }) => ({ unit, description: description ?? '' }))
}

/**
 * `● nginx.service loaded failed failed A web server`, with or without dot, head and legend. Nothing at all is only a list where systemctl is
 * known to have ended well: `--no-legend` prints nothing where nothing failed.
 */
function fromTable({ text, code }: Captured): Unit[] {
  if (code === null && text !== '' && !text.endsWith('\n')) throw new Error('Cannot trust the table: it ends in the middle of a line')
  const lines = text.split('\n').map(line => line.trim())
  const units: Unit[] = []
  let legend = false
  let rows = 0
  for (const line of lines) {
    const match =
      /^(?:[●○↻×x*]\s+)?(\S+\.(?:service|socket|device|mount|automount|swap|target|path|timer|slice|scope))\s+\S+\s+(\S+)\s+\S+(?:\s+(.*))?$/.exec(
        line,
      )
    if (match?.[1] && match[2] === 'failed') units.push({ unit: match[1], description: match[3] ?? '' })
    if (/^\d+ (loaded )?units listed\b/.test(line)) legend = true
    const counted = /^(\d{1,5}) [^●|]{3,80}$/.exec(line)?.[1]
    // The legend in another language: a count that is right proves that the table is whole.
    if (!match && counted !== undefined && rows > 0 && Number(counted) === rows) continue
    if (match) rows++
    if (!match && !isFrame(line)) throw new Error(`Cannot read the line ${JSON.stringify(cut(line, 120))} of systemctl`)
  }
  if (units.length === 0 && !legend && code !== 0) throw new Error('Cannot tell which units failed: systemctl printed nothing')
  return units
}

/** Head, blank lines and legend of the table. */
function isFrame(line: string): boolean {
  return (
    line === '' ||
    /^UNIT\s+LOAD\s+ACTIVE\s+SUB/.test(line) ||
    /^(Legend: )?(LOAD|ACTIVE|SUB)\s+(=|→) /.test(line) ||
    /^\d+ (loaded )?units listed\b/.test(line) ||
    /^(To show all installed unit files|Pass --all)/.test(line)
  )
}

/** `degraded` ends with 1 and is still an answer; `unknown` and what is no single word are none. */
function stateOf(captured: Captured | undefined): string | null {
  const word = captured?.text.trim() ?? ''
  return /^[a-z]{1,32}$/.test(word) && word !== 'unknown' ? word : null
}

/** Blocks of `Key=value`, one a unit, by unit. */
function readDetails(text: string): Map<string, { result: string | null; since: number | null }> {
  const found = new Map<string, { result: string | null; since: number | null }>()
  for (const block of text.split(/\n\n+/)) {
    const say = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(block)?.[1]?.trim() ?? ''
    // `success` is the result of a unit that failed for another reason, such as a dependency that was not met.
    const result = say('Result') === 'success' ? '' : cut(say('Result'), 128)
    if (say('Id') !== '') found.set(say('Id'), { result: result || null, since: timeOf(say('StateChangeTimestamp')) })
  }
  return found
}

/** `Sun 2026-11-22 06:24:05 UTC`, or `@1795328645` as `--timestamp=unix` prints it; null in any other zone. */
function timeOf(text: string): number | null {
  const seconds = /^@(\d{1,11})$/.exec(text)?.[1]
  const match = /^\w{3} (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d{1,6})? UTC$/.exec(text)
  const at = seconds ? Number(seconds) * 1000 : match ? Date.parse(`${match[1]}T${match[2]}Z`) : Number.NaN
  return at > 0 ? at : null
}

/** Before systemd 246 `--output` does nothing for units, so the table comes; a few refuse it. */
async function listFailed(host: Host): Promise<Captured> {
  const list = ['systemctl', 'list-units', '--state=failed', '--all', '--full', '--no-pager']
  const json = await host.run([...list, '--output=json'], TIMEOUT)
  const refused = json.code !== 0 && /(Unknown|Invalid|unrecognized) (output|option)/i.test(json.stderr)
  return refused ? host.run([...list, '--plain', '--no-legend'], TIMEOUT) : json
}
