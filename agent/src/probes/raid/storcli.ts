import type { Host } from '../../host.ts'
import { defineProbe, type Inputs } from '../../probe.ts'
import { arraysOf, askTool, joinReports, printed, type Report, type Tool } from './controller.ts'
import { parseStorcli } from './storcli-json.ts'
import { isStorcliText } from './storcli-text.ts'

/** Broadcom's tool and Dell's, which is the same under another name. */
export const storcli: Tool = {
  programs: [
    'storcli64',
    '/opt/MegaRAID/storcli/storcli64',
    'perccli64',
    '/opt/MegaRAID/perccli/perccli64',
    'storcli',
    'perccli',
    'storcli2',
    'perccli2',
  ],
  drivers: ['megaraid_sas', 'mpi3mr'],
  instead: [
    '/opt/MegaRAID/MegaCli/MegaCli64',
    '/usr/sbin/megacli',
    '/usr/sbin/MegaCli',
    '/usr/sbin/MegaCli64',
    '/usr/local/sbin/MegaCli64',
  ],
}

/** What `storcli` and `perccli` print, in JSON or in tables. */
export const isStorcli = (text: string): boolean => isStorcliText(text) || /"Command Status"/.test(text) || /"Controllers"\s*:/.test(text)

/** All reports of the tool as one. @throws Denied, Error where one cannot be read */
export function storcliReport(inputs: Inputs): Report {
  const captures = [...(inputs.all ?? []), ...(inputs.drives ?? [])]
  if (captures.length === 0) throw new Error('Cannot judge without the input all')
  return joinReports(captures.map(captured => parseStorcli(printed(captured, 'storcli'))))
}

/** Volumes of MegaRAID and PERC controllers, by storcli or perccli. */
export default defineProbe({
  subject: 'raid',
  source: 'storcli',
  platforms: ['linux'],
  every: '1h',
  timeout: '5m',
  heavy: true,
  privilege: 'root: only it may send commands to the controller',
  blind: 'How far a rebuild has come is not told. When volumes were last checked is not recorded.',
  inputs: {
    all: { from: 'storcli64 /call show all J nolog', recognise: isStorcli },
    drives: { from: 'storcli64 /call/eall/sall show all J nolog' },
  },

  parse: inputs => arraysOf('megaraid', storcliReport(inputs)),

  async read(host: Host) {
    const all = await askTool(host, storcli, [['/call', 'show', 'all', 'J', 'nolog']])
    return arraysOf('megaraid', storcliReport({ all }))
  },
})
