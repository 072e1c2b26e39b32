import type { FactTypes } from '@fettle/catalog'
import * as v from 'valibot'
import type { Host } from '../../host.ts'
import { Absent, defineProbe, type Inputs, needed, SwitchedOff } from '../../probe.ts'
import { cut } from '../gather.ts'
import { dictOf, textIn } from '../property-list.ts'

type UpdatesFact = FactTypes['updates']
type PendingUpdate = UpdatesFact['pending'][number]
type Options = { readonly ask: boolean }

const PATHS = ['/opt/homebrew/bin/mas', '/usr/local/bin/mas'] as const
const MOST = 1500

/** Applications of the App Store, through the tool `mas`; see https://github.com/mas-cli/mas. */
export default defineProbe<'updates', Options>({
  subject: 'updates',
  source: 'mas',
  platforms: ['darwin'],
  every: '24h',
  timeout: '120s',
  heavy: true,
  setting: {
    schema: v.strictObject({ ask: v.optional(v.boolean(), false) }),
    default: {},
    doc: 'ask: let mas ask the App Store, over the network, which applications are outdated; it keeps no lists of its own.',
    example: { ask: true },
  },
  privilege: 'an Apple account signed in to the App Store',
  network: 'Only where `updates.mas.ask` is true: then mas asks the App Store. Default: not asked.',
  blind: 'Which updates are for security. Without an Apple account signed in the answer may be empty.',
  inputs: {
    outdated: { from: 'mas outdated --json', recognise: text => /^[ \t]*\{"adamID"|^\d{6,12} +\S.* \(.* -> .*\)/m.test(text) },
  },
  parse: (inputs, { now }) => parseMas(inputs, now),

  async read(host: Host, { ask }: Options) {
    const found = await Promise.all(PATHS.map(async path => ((await host.stat(path, { missing: undefined })) ? path : undefined)))
    const mas = found.find(path => path !== undefined)
    if (mas === undefined) throw new Absent('mas is not installed')
    if (!ask) throw new SwitchedOff('updates.mas.ask')
    return parseMas({ outdated: [await host.run([mas, 'outdated', '--json'], { timeoutMs: 100_000 })] }, host.now())
  },
})

/**
 * JSON lines, or the lines for people of older versions. An empty answer only means that nothing waits where the tool ended well.
 * @throws where a line cannot be read, or mas failed
 */
export function parseMas(inputs: Inputs, now: number): UpdatesFact {
  const { text, stderr, code } = needed(inputs, 'outdated')
  const failed = /^(Error|Warning):.*/m.exec(`${stderr}\n${text}`)?.[0]
  if (failed || (code !== null && code !== 0))
    throw new Error(`mas could not look for updates (exit ${code ?? 'unknown'}): ${cut(failed ?? stderr, 200)}`)
  const lines = text.split('\n').filter(line => line.trim() !== '')
  if (lines.length === 0 && code === null) throw new Error('Cannot tell from nothing that nothing waits')
  const pending = lines.map(pendingOf)
  return {
    pending: pending.slice(0, MOST),
    more: Math.max(0, pending.length - MOST),
    classified: false,
    lastCheckAt: now > 0 ? now : null,
    lastCheckError: null,
    lastInstallAt: null,
    lastInstallSucceeded: null,
    automatic: { enabled: null, detail: null, lastRunAt: null },
    broken: null,
    badSources: [],
    managedBy: null,
  }
}

function pendingOf(line: string): PendingUpdate {
  const row = line.trim().startsWith('{') ? dictOf(JSON.parse(line)) : undefined
  const [, plainName, plainOld, plainNew] = /^\s*\d{4,15}\s+(.{1,300}?)\s+\((.{1,60}?) -> (.{1,60})\)\s*$/.exec(line) ?? []
  const name = row ? textIn(row.name) : (plainName ?? null)
  const candidate = row ? textIn(row.newVersion) : (plainNew ?? null)
  if (name === null || candidate === null) throw new Error(`Cannot read the line ${cut(line, 100)} of mas`)
  const installed = row ? textIn(row.version) : (plainOld ?? null)
  return {
    name: cut(name, 200),
    installed: installed === null ? null : cut(installed, 128),
    candidate: cut(candidate, 128),
    class: 'other',
    severity: null,
    published: null,
    origin: 'App Store',
    withheld: null,
    restart: false,
  }
}
