import type { FactTypes } from '@fettle/catalog'
import * as v from 'valibot'
import { type Host, HostError } from '../../host.ts'
import { Absent, defineProbe, Failed, type Inputs, needed, SwitchedOff } from '../../probe.ts'
import { cut } from '../gather.ts'

type PendingUpdate = FactTypes['updates']['pending'][number]

type Updates = FactTypes['updates']

const FOLDER = 'C:\\Program Files\\WindowsApps'
const MOST = 1500
const schema = v.object({ network: v.optional(v.boolean(), false) })
type Options = v.InferOutput<typeof schema>
const BLOCK = /^\((\d{1,5})\/(\d{1,5})\) (.{1,300}) \[([^\]\s]{1,200})\]\s*$/

/** Applications that winget would upgrade; see `winget list --upgrade-available --details`. Classes are not told: a package has no severity. */
export default defineProbe<'updates', Options>({
  subject: 'updates',
  source: 'winget',
  platforms: ['win32'],
  every: '1d',
  timeout: '3m',
  heavy: true,
  setting: {
    schema,
    default: { network: false },
    doc: 'Applications that winget can upgrade. It asks the servers of its sources, so it runs only where `network` is true.',
    example: { network: true },
  },
  network: 'Only where `updates.winget.network` is true: then winget asks its sources. Default: not asked.',
  blind:
    'Applications of single users, where the agent runs as SYSTEM; pinned packages; rows whose installed version winget does not know.',
  inputs: {
    details: { from: 'winget list --upgrade-available --details', recognise: text => /^\(\d+\/\d+\) .+ \[\S+\]\s*$/m.test(text) },
    table: { from: 'winget upgrade', recognise: text => /^-{20,}\s*$/m.test(text) },
  },
  parse: parseWinget,

  async read(host: Host, options: Options) {
    if (!options.network) throw new SwitchedOff('updates.winget.network')
    const argv = [
      await executable(host),
      'list',
      '--upgrade-available',
      '--details',
      '--source',
      'winget',
      '--accept-source-agreements',
      '--disable-interactivity',
    ]
    return parseWinget({ details: [await host.run(argv, { timeoutMs: 170_000 })] })
  },
})

/** Newest of the installed packages of the App Installer; it is on no path of SYSTEM. @throws Absent, HostError */
async function executable(host: Host): Promise<string> {
  const names = await host.list(FOLDER, { missing: new Absent('winget is not installed') }).catch(error => {
    if (error instanceof HostError && error.code === 'EPERM') throw new HostError('EACCES', FOLDER)
    throw error
  })
  const name = names.filter(one => /^Microsoft\.DesktopAppInstaller_[\d.]+_(x64|arm64)__8wekyb3d8bbwe$/.test(one)).at(-1)
  if (!name) throw new Absent('winget is not installed')
  return `${FOLDER}\\${name}\\winget.exe`
}

/** @throws where the output is neither blocks nor a table; an empty output is never "nothing to upgrade" */
export function parseWinget(inputs: Inputs): Updates {
  const captured = inputs.table ? needed(inputs, 'table') : needed(inputs, 'details')
  // 0x8A150014 and 0x8A15002B: nothing found that could be upgraded; see winget's return codes.
  const none = captured.code !== null && [0x8a150014, 0x8a15002b].includes(captured.code >>> 0)
  const { pending, total } = none ? { pending: [], total: 0 } : (blocks(captured.text) ?? table(captured.text) ?? unreadable(captured.text))
  return {
    pending: pending.slice(0, MOST),
    more: Math.max(0, total - Math.min(pending.length, MOST)),
    classified: false,
    lastCheckAt: null,
    lastCheckError: null,
    lastInstallAt: null,
    lastInstallSucceeded: null,
    automatic: { enabled: null, detail: null, lastRunAt: null },
    broken: null,
    badSources: [],
    managedBy: null,
  }
}

function unreadable(text: string): never {
  throw new Failed(
    `Cannot read what winget printed: ${cut(text.slice(0, 500), 120) || 'nothing'}`,
    'Run winget once by hand: it may ask for an agreement.',
  )
}

type Found = { readonly pending: PendingUpdate[]; readonly total: number }

function blocks(text: string): Found | undefined {
  const pending: PendingUpdate[] = []
  let total = 0
  let current: { id: string; installed: string | null } | undefined
  for (const line of text.split(/\r?\n/)) {
    const [, , of, , id] = BLOCK.exec(line) ?? []
    if (id) {
      current = { id, installed: null }
      total = Math.max(total, Number(of))
    }
    const version = /^Version: (.{1,128})$/.exec(line)?.[1]
    if (current && version) current.installed = version.trim()
    const candidate = /^ {2}\S{1,60} \[([^\]]{1,128})\]\s*$/.exec(line)?.[1]
    if (current && candidate) {
      pending.push(update(current.id, current.installed, candidate))
      current = undefined
    }
  }
  return total === 0 ? undefined : { pending, total: Math.max(total, pending.length) }
}

/** Columns begin where their headings do; headings are translated, their order is not: name, id, version, available, source. */
function table(text: string): Found | undefined {
  const lines = text.split(/\r?\n/).map(line => line.slice(line.lastIndexOf('\r') + 1))
  const at = lines.findIndex(line => /^-{20,}\s*$/.test(line))
  if (at < 1) return undefined
  const starts = [...(lines[at - 1] ?? '').matchAll(/(?<=^|\s)\S+/g)].map(match => match.index)
  if (starts.length !== 5 && starts.length !== 4) return undefined
  const pending: PendingUpdate[] = []
  for (const line of lines.slice(at + 1)) {
    const cells = starts.map((start, index) => line.slice(start, starts[index + 1]).trim())
    const [, id = '', installed = '', candidate = ''] = cells
    if (id === '' || /\s/.test(id) || !/\d/.test(candidate)) break
    pending.push(update(id, installed, candidate))
  }
  if (pending.length === 0) return undefined
  const counted = Number(/^(\d{1,5}) \D/m.exec(lines.slice(at + 1 + pending.length).join('\n'))?.[1] ?? 0)
  return { pending, total: Math.max(counted, pending.length) }
}

function update(id: string, installed: string | null, candidate: string): PendingUpdate {
  return {
    name: cut(id, 200),
    installed: installed === null || /^(unknown|<)/i.test(installed) ? null : cut(installed, 128),
    candidate: cut(candidate, 128),
    class: 'other',
    severity: null,
    published: null,
    origin: 'winget',
    withheld: null,
    restart: null,
  }
}
