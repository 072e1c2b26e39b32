import type { FactTypes } from '@fettle/catalog'
import * as v from 'valibot'
import { type Host, NotInstalled } from '../../host.ts'
import { Absent, type Captured, Denied, defineProbe, Failed, type Inputs, type ParseContext, sole } from '../../probe.ts'
import { cut, present } from '../gather.ts'
import { namesIn, optional } from './rpm-machine.ts'
import { jsonOf, objectOf, type PendingUpdate, textOf, timeOf, updatesOf, waiting, wholeLines } from './waiting.ts'

const list = ['snap', 'refresh', '--list', '--color=never', '--unicode=never']
const statePath = '/var/lib/snapd/state.json'
/** The state holds the user's tokens as well: only these keys may leave it, so nothing else is read. */
const stateKeys =
  '"(?:last-refresh|last-refresh-hints|hold)":"[^"]{0,64}"|"refresh-candidates":(?:null|(\\{(?:[^{}"]|"(?:\\\\.|[^"\\\\])*"|(?1))*\\}))'
const readKeys = ['grep', '-oP', stateKeys, statePath]
const hint = 'See journalctl -u snapd, and snap changes.'

const options = v.strictObject({ askStore: v.boolean() })
type SnapOptions = v.InferOutput<typeof options>

/** Snaps that wait: those that snapd itself has found (its state), or, where the configuration allows it to ask, the store's answer; see snap(8). */
export default defineProbe<'updates', SnapOptions>({
  subject: 'updates',
  source: 'snap',
  platforms: ['linux'],
  every: '6h',
  timeout: '2m',
  setting: {
    schema: options,
    default: { askStore: false },
    doc: 'askStore: let snapd ask the store each time (network), instead of reading what it found on its own.',
    example: { askStore: true },
  },
  privilege: 'Root, to read the state of snapd.',
  network: 'Only where `updates.snap.askStore` is true: then snapd asks its store. Default: what snapd found on its own.',
  blind: 'Security: the store does not tell it apart. Without askStore, what snapd has not yet found.',
  inputs: {
    list: { from: list.join(' '), recognise: text => /^Name\s+Version\s+Rev/m.test(text) || /^All snaps up to date|^error: /im.test(text) },
    state: {
      from: readKeys.join(' '),
      recognise: text => /^\s*[{"]/.test(text) && /"(?:last-refresh|snaps|refresh-candidates)"/.test(text),
    },
    times: { from: 'snap refresh --time', recognise: text => /^(?:timer|schedule|last|next|hold): /m.test(text) },
  },

  async read(host, { askStore }) {
    await host.stat(statePath, { missing: new Absent('snapd is not there') })
    const state = await readState(host)
    const shown = askStore ? await optional(host, list) : undefined
    if (askStore && !shown) throw new Absent(new NotInstalled('snap').message)
    return parse({ state, list: present(shown) }, { now: host.now() })
  },
  parse,
})

async function readState(host: Host): Promise<Captured[]> {
  const snaps = (await namesIn(host, '/var/lib/snapd/snaps')).filter(name => name.endsWith('.snap'))
  if (host.uid !== 0) throw new Denied(`${statePath} may not be read`, 'Let the agent run as root.')
  if (snaps.length === 0) throw new Absent('no snap is installed')
  const state = await host.run(readKeys, { timeoutMs: 20_000 })
  if (state.code !== 0) throw new Failed(cut(state.stderr, 200) || 'the state of snapd holds none of the keys that are known here', hint)
  return [state]
}

/** @throws Absent where no snap is installed, Failed where snap did, Error where nothing tells what waits */
export function parse(inputs: Inputs, { now }: Pick<ParseContext, 'now'>): FactTypes['updates'] {
  const captured = sole(inputs, 'list')
  const state = sole(inputs, 'state') ? readData(sole(inputs, 'state') as Captured) : undefined
  if (state && 'snaps' in state && Object.keys(objectOf(state.snaps) ?? {}).length === 0) throw new Absent('no snap is installed')
  const found = captured ? parseRefreshList(captured) : state ? candidatesOf(state) : undefined
  if (!found) throw new Error('Cannot tell what waits from the times of refreshes alone')
  const heldUntil = state ? Date.parse(textOf(objectOf(objectOf(objectOf(state.config)?.core)?.refresh)?.hold) ?? '') : Number.NaN
  return updatesOf({
    pending: found,
    classified: false,
    lastCheckAt: captured && captured.code !== null ? now : checkedAt(state, now),
    lastInstallAt: null,
    automatic: state ? automaticOf(heldUntil, now, state) : { enabled: null, detail: null, lastRunAt: null },
  })
}

type Data = { readonly [key: string]: unknown }

/** The state of snapd has no document; these keys are those of overlord/snapstate. */
function readData(captured: Captured): Data {
  if (!captured.text.trimStart().startsWith('"')) {
    const data = objectOf(objectOf(jsonOf(captured, hint))?.data)
    if (!data) throw new Error('Cannot read the state of snapd: it holds no data')
    return data
  }
  const lines = wholeLines(captured).filter(line => line.trim() !== '')
  const data = objectOf(jsonOf({ ...captured, text: `{${lines.join(',')}}` }, hint)) ?? {}
  if (textOf(data['last-refresh']) === null) throw new Error('Cannot read the state of snapd: it does not say when it last refreshed')
  return { ...data, config: { core: { refresh: { hold: data.hold } } } }
}

/** What snapd found and did not install yet (an application that runs holds its own refresh back). */
function candidatesOf(data: Data): PendingUpdate[] {
  const snaps = objectOf(data.snaps) ?? {}
  return Object.entries(objectOf(data['refresh-candidates']) ?? {}).map(([name, value]) => {
    const candidate = objectOf(value)
    const revision = objectOf(candidate?.['side-info'])?.revision ?? candidate?.revision
    return waiting(name, {
      installed: revisionOf(objectOf(snaps[name])?.current),
      candidate: textOf(candidate?.version) ?? revisionOf(revision),
      origin: textOf(candidate?.channel),
      withheld: heldHere(objectOf(snaps[name])) ? 'held' : null,
    })
  })
}

function revisionOf(value: unknown): string | null {
  const text = typeof value === 'number' ? String(value) : textOf(value)
  return text === null || text === 'unset' ? null : `rev ${text}`
}

function heldHere(snap: Data | undefined): boolean {
  return textOf(snap?.['held-until']) !== null
}

function checkedAt(data: Data | undefined, now: number): number | null {
  const times = [data?.['last-refresh'], data?.['last-refresh-hints']].flatMap(value => timeOf(Date.parse(textOf(value) ?? ''), now) ?? [])
  return times.length > 0 ? Math.max(...times) : null
}

function automaticOf(heldUntil: number, now: number, data: Data): FactTypes['updates']['automatic'] {
  const lastRunAt = timeOf(Date.parse(textOf(data['last-refresh']) ?? ''), now)
  const forever = textOf(objectOf(objectOf(objectOf(data.config)?.core)?.refresh)?.hold) === 'forever'
  if (forever || heldUntil > now) return { enabled: false, detail: 'refreshes are held', lastRunAt }
  return { enabled: true, detail: 'snapd refreshes by itself', lastRunAt }
}

/** `Name Version Rev Size Publisher Notes`; in another language the headings differ, and the rows do not. */
export function parseRefreshList(captured: Captured): PendingUpdate[] {
  const said = `${captured.stderr}\n${captured.text}`
  const error = /^error: (.{1,300})/im.exec(said)?.[1]
  if (error !== undefined || (captured.code !== null && captured.code !== 0))
    throw new Failed(cut(error ?? captured.stderr, 300) || `snap ended with ${captured.code}`, hint)
  const lines = wholeLines(captured).filter(line => line.trim() !== '' && !/^All snaps up to date/i.test(line))
  if (lines.length === 0) {
    if (captured.code === null && !/All snaps up to date/i.test(said))
      throw new Error('Cannot tell an empty list from a failure without the exit code')
    return []
  }
  return lines.slice(1).map(line => {
    const words = line.trim().split(/\s{2,}|\s(?=\d{1,7}\s)/)
    const match = /^(\S{1,200})\s+(\S{1,200})\s+(\d{1,9}|x\d{1,9})\s+(\S+.*)$/.exec(line)
    if (!match || words.length < 3) throw new Error(`Cannot read the line: ${cut(line, 120)}`)
    return waiting(match[1] ?? '', { candidate: match[2] ?? null, withheld: /\bheld\b/.test(match[4] ?? '') ? 'held' : null })
  })
}
