import type { Host } from '../../host.ts'
import { Absent, defineProbe, type Inputs } from '../../probe.ts'
import { arraysOf, askTool, joinReports, printed, type Report, type Tool } from './controller.ts'
import { parseSsacli } from './ssacli-text.ts'

export const ssacli: Tool = {
  programs: ['ssacli', 'hpssacli', 'hpacucli', '/opt/smartstorageadmin/ssacli/bin/ssacli'],
  drivers: ['hpsa', 'smartpqi', 'cciss'],
  instead: ['/usr/sbin/arcconf', '/usr/local/sbin/arcconf', '/usr/Arcconf/arcconf'],
}

/** Whether a text is an output of ssacli. */
export const isSsacli = (text: string): boolean =>
  / in Slot \S+/.test(text) || /^[ \t]*(physical|logical)drive \S/m.test(text) || /No controllers detected/i.test(text)

/** All reports of the tool as one. @throws Absent without a controller, Denied, Error where one cannot be read */
export function ssacliReport(inputs: Inputs): Report {
  const captures = inputs.config ?? []
  if (captures.length === 0) throw new Error('Cannot judge without the input config')
  return joinReports(
    captures.map(captured => {
      if (/No controllers detected/i.test(`${captured.text.slice(0, 400)}${captured.stderr}`))
        throw new Absent('ssacli finds no controller')
      return parseSsacli(printed(captured, 'ssacli'))
    }),
  )
}

/** Arrays of HPE and HP Smart Array controllers, by ssacli, hpssacli or hpacucli. */
export default defineProbe({
  subject: 'raid',
  source: 'ssacli',
  platforms: ['linux'],
  every: '1h',
  timeout: '5m',
  heavy: true,
  privilege: 'root: only it may send commands to the controller',
  blind: 'When arrays were last checked is not recorded.',
  inputs: { config: { from: 'ssacli ctrl all show config detail', recognise: isSsacli } },

  parse: inputs => arraysOf('smart-array', ssacliReport(inputs)),

  async read(host: Host) {
    const config = await askTool(host, ssacli, [['ctrl', 'all', 'show', 'config', 'detail']])
    return arraysOf('smart-array', ssacliReport({ config }))
  },
})
