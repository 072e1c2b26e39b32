import type { FactTypes } from '@fettle/catalog'
import * as v from 'valibot'
import { NotInstalled } from '../../host.ts'
import { Absent, type Captured, defineProbe, Failed, type Inputs, type ParseContext, SwitchedOff, sole } from '../../probe.ts'
import { cut, present } from '../gather.ts'
import { optional } from './rpm-machine.ts'
import { type PendingUpdate, updatesOf, waiting, wholeLines } from './waiting.ts'

const columns = '--columns=application,version,branch,origin'
const list = ['flatpak', 'list', '--system', columns]
const updates = ['flatpak', 'remote-ls', '--updates', '--system', columns]
const hint = 'Run flatpak remote-ls --updates by hand; flatpak remotes lists where it looks.'

const options = v.strictObject({ askRemotes: v.boolean() })
type FlatpakOptions = v.InferOutput<typeof options>

/** Applications and runtimes of flatpak that wait, system-wide; see flatpak-remote-ls(1). Only the remotes know, so they are asked only where the configuration says so. */
export default defineProbe<'updates', FlatpakOptions>({
  subject: 'updates',
  source: 'flatpak',
  platforms: ['linux'],
  every: '12h',
  timeout: '5m',
  heavy: true,
  watch: ['/var/lib/flatpak/.changed'],
  setting: {
    schema: options,
    default: { askRemotes: false },
    doc: 'askRemotes: ask the remotes what waits (network). Without it the source is not judged.',
    example: { askRemotes: true },
  },
  network: 'Only where `updates.flatpak.askRemotes` is true: then the configured remotes are asked. Default: not asked, and not judged.',
  blind: 'What users have installed for themselves alone; security, which remotes do not tell apart.',
  inputs: {
    updates: {
      from: updates.join(' '),
      recognise: text => /^[\w-]{1,100}\.[\w-]{1,100}\.[\w.-]{1,255}\t/m.test(text) || /^error: /im.test(text),
    },
    installed: { from: list.join(' ') },
  },

  async read(host, { askRemotes }) {
    const installed = await optional(host, list)
    if (!installed) throw new Absent(new NotInstalled('flatpak').message)
    assertAny(installed)
    if (!askRemotes) throw new SwitchedOff('updates.flatpak.askRemotes')
    const waits = await host.run(updates, { timeoutMs: 240_000 })
    return parse({ installed: present(installed), updates: [waits] }, { now: host.now() })
  },
  parse,
})

function assertAny(installed: Captured): void {
  if (installed.code === 0 && installed.text.trim() === '') throw new Absent('no flatpak is installed for all users')
}

/** @throws Absent where nothing is installed, Failed where flatpak or one remote did, Error where an empty list has no exit code */
export function parse(inputs: Inputs, { now }: Pick<ParseContext, 'now'>): FactTypes['updates'] {
  const captured = sole(inputs, 'updates')
  const installed = sole(inputs, 'installed')
  if (installed) assertAny(installed)
  if (!captured) throw new Error('Cannot tell what waits without the answer of the remotes')
  const pending = parseFlatpak(captured, installed ? versionsIn(installed) : new Map())
  const error = /^(?:error|warning): (.{1,300})/im.exec(captured.stderr)?.[1]
  return updatesOf({
    pending,
    classified: false,
    lastCheckAt: captured.code === 0 ? now : null,
    badSources: error === undefined ? [] : [error],
  })
}

/** Tab-separated `APPLICATION VERSION BRANCH ORIGIN`; the application alone is always told. */
export function parseFlatpak(captured: Captured, versions: ReadonlyMap<string, string>): PendingUpdate[] {
  const error = /^error: (.{1,300})/im.exec(`${captured.stderr}\n${captured.text}`)?.[1]
  if (captured.code !== null && captured.code !== 0) throw new Failed(cut(error ?? `flatpak ended with ${captured.code}`, 300), hint)
  const lines = wholeLines(captured).filter(line => line.trim() !== '' && !/^(?:Application ID|Name)\t/.test(line))
  // A remote that could not be reached leaves its part out.
  if (error !== undefined && lines.length === 0) throw new Failed(cut(error, 300), hint)
  if (lines.length === 0 && captured.code === null) throw new Error('Cannot tell an empty list from a failure without the exit code')
  return lines.map(line => {
    const [application = '', version = '', branch = '', origin = ''] = line.split('\t').map(cell => cell.trim())
    if (!/^[\w-]{1,100}(?:\.[\w-]{1,100}){1,20}$/.test(application)) throw new Error(`Cannot read the line: ${cut(line, 120)}`)
    const name = branch === '' ? application : `${application}//${branch}`
    return waiting(name, { installed: versions.get(name) ?? null, candidate: version || null, origin: origin || null })
  })
}

function versionsIn({ text }: Captured): Map<string, string> {
  const rows = text.split('\n').map(line => line.split('\t').map(cell => cell.trim()))
  return new Map(
    rows.flatMap(([application = '', version = '', branch = '']) =>
      version === '' ? [] : [[branch === '' ? application : `${application}//${branch}`, version] as const],
    ),
  )
}
