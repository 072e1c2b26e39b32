import type { FactTypes } from '@fettle/catalog'
import { type Host, NotInstalled } from '../../host.ts'
import { Absent, type Captured, Denied, defineProbe, Failed, type Inputs } from '../../probe.ts'
import { shortText } from '../sysfs.ts'

const DATABASE = '/var/lib/rasdaemon/ras-mc_event.db'
const TIMEOUT_MS = 30_000
const MOST_DIMMS = 128
/** `	Corrected on DIMM Label(s): 'CPU0_DIMM_A1' location: 0:0:0:-1 errors: 5`, see ras-mc-ctl(8). */
const ROW = /^\s+(Corrected|Uncorrected|Deferred|Fatal|Info)\S* on DIMM Label\(s\): '([^'\n]{0,200})'.{0,100}errors: (\d{1,12})\s*$/

/** Memory errors over restarts, as rasdaemon recorded them; by ras-mc-ctl(8), which reads its database. */
export default defineProbe({
  subject: 'memory',
  source: 'rasdaemon',
  platforms: ['linux'],
  every: '1h',
  timeout: '45s',
  privilege: 'root: the database belongs to it',
  blind:
    'Errors stay counted until the database is removed, after a module was replaced too. Errors of processors and PCIe devices are not told.',
  inputs: {
    summary: { from: 'ras-mc-ctl --summary', recognise: text => /^(No Memory errors|Memory controller events summary)/m.test(text) },
  },

  parse: parseSummary,

  async read(host: Host) {
    if (!(await host.stat(DATABASE, { missing: undefined }))) throw new Absent('rasdaemon has recorded nothing')
    try {
      return parseSummary({ summary: [await host.run(['ras-mc-ctl', '--summary'], { timeoutMs: TIMEOUT_MS })] })
    } catch (error) {
      if (error instanceof NotInstalled)
        throw new Failed('rasdaemon has a database, but ras-mc-ctl is not installed', 'Install the package rasdaemon.')
      throw error
    }
  },
})

/** @throws Denied without the right to the database, Error where the summary tells nothing of memory */
function parseSummary(inputs: Inputs): FactTypes['memory'] {
  const captures = inputs.summary ?? []
  if (captures.length === 0) throw new Error('Cannot judge without the input summary')
  return { controllers: captures.map(controllerOf) }
}

function controllerOf({ text, stderr }: Captured): FactTypes['memory']['controllers'][number] {
  if (/unable to open database|Permission denied/i.test(`${stderr}${text.slice(0, 300)}`))
    throw new Denied('the database of rasdaemon may not be read', 'Run the agent as root.')
  const none = /^No Memory errors\.?\s*$/m.test(text)
  const section = /^Memory controller events summary:\s*\n((?:[ \t]+\S.*(?:\n|$))+)/m.exec(text)?.[1]
  if (!none && section === undefined) throw new Error('Cannot read the summary of rasdaemon: it tells nothing of memory')
  const dimms = new Map<string, { correctable: number; uncorrectable: number }>()
  for (const line of (section ?? '').split('\n').filter(row => row.trim() !== '')) {
    const [, kind, label = '', errors] = ROW.exec(line) ?? []
    if (!kind) throw new Error(`Cannot read the line of rasdaemon: ${line.trim().slice(0, 120)}`)
    const known = dimms.get(label) ?? { correctable: 0, uncorrectable: 0 }
    if (kind !== 'Info') known[kind === 'Corrected' ? 'correctable' : 'uncorrectable'] += Number(errors)
    dimms.set(label, known)
  }
  const sum = (kind: 'correctable' | 'uncorrectable') => [...dimms.values()].reduce((total, dimm) => total + dimm[kind], 0)
  const told = [...dimms]
    .map(([label, counts]) => ({ label: shortText(label, 128) ?? 'unknown', ...counts }))
    .sort((a, b) => b.uncorrectable - a.uncorrectable || b.correctable - a.correctable)
  return {
    id: 'rasdaemon',
    kind: null,
    correctable: sum('correctable'),
    uncorrectable: sum('uncorrectable'),
    since: null,
    dimms: told.slice(0, MOST_DIMMS),
  }
}
