import type { Host } from '../../host.ts'
import { Absent, defineProbe, type Inputs } from '../../probe.ts'
import { arraysOf, askTool, joinReports, printed, type Report, type Tool } from './controller.ts'
import { parseMegacli } from './megacli-text.ts'

export const megacli: Tool = {
  programs: ['megacli', 'MegaCli64', 'MegaCli', '/opt/MegaRAID/MegaCli/MegaCli64'],
  drivers: ['megaraid_sas'],
  instead: [
    '/opt/MegaRAID/storcli/storcli64',
    '/opt/MegaRAID/perccli/perccli64',
    '/usr/sbin/storcli64',
    '/usr/local/sbin/storcli64',
    '/usr/local/bin/storcli64',
  ],
}

/** Whether a text is an output of megacli. */
export const isMegacli = (text: string): boolean => /^[ \t]*Adapter #?\d/m.test(text) || /Exit Code: 0x/.test(text)

/** All reports of the tool as one. @throws Absent without a controller, Denied, Error where one cannot be read */
export function megacliReport(inputs: Inputs): Report {
  const captures = inputs.config ?? []
  if (captures.length === 0) throw new Error('Cannot judge without the input config')
  return joinReports(
    captures.map(captured => {
      if (/Controller is not present|No adapters? found/i.test(`${captured.text.slice(0, 400)}${captured.stderr}`))
        throw new Absent('megacli finds no controller')
      return parseMegacli(printed(captured, 'megacli'))
    }),
  )
}

/** Arrays of MegaRAID controllers, by MegaCli. */
export default defineProbe({
  subject: 'raid',
  source: 'megacli',
  platforms: ['linux'],
  every: '1h',
  timeout: '5m',
  heavy: true,
  privilege: 'root: only it may send commands to the controller',
  blind: 'When arrays were last checked is not recorded.',
  inputs: { config: { from: 'megacli -LdPdInfo -aALL -NoLog', recognise: isMegacli } },

  parse: inputs => arraysOf('megaraid', megacliReport(inputs)),

  async read(host: Host) {
    const config = await askTool(host, megacli, [['-LdPdInfo', '-aALL', '-NoLog']])
    return arraysOf('megaraid', megacliReport({ config }))
  },
})
