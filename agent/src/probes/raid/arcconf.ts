import type { Host } from '../../host.ts'
import { Absent, defineProbe, type Inputs } from '../../probe.ts'
import { parseArcconf } from './arcconf-text.ts'
import { arraysOf, askTool, joinReports, printed, type Report, type Tool } from './controller.ts'

export const arcconf: Tool = {
  programs: ['arcconf', '/usr/Arcconf/arcconf'],
  drivers: ['aacraid'],
}

/** Whether a text is an output of arcconf. */
export const isArcconf = (text: string): boolean =>
  /^Controllers found: \d/m.test(text) || /^Logical device (number|information)/im.test(text)

/** All reports of the tool as one. @throws Absent without a controller, Denied, Error where one cannot be read */
export function arcconfReport(inputs: Inputs): Report {
  const captures = inputs.config ?? []
  if (captures.length === 0) throw new Error('Cannot judge without the input config')
  return joinReports(
    captures.map(captured => {
      if (/No controllers? found/i.test(`${captured.text.slice(0, 400)}${captured.stderr}`)) throw new Absent('arcconf finds no controller')
      return parseArcconf(printed(captured, 'arcconf'))
    }),
  )
}

/** Arrays of Adaptec and Microchip controllers, by arcconf. */
export default defineProbe({
  subject: 'raid',
  source: 'arcconf',
  platforms: ['linux'],
  every: '1h',
  timeout: '5m',
  heavy: true,
  privilege: 'root: only it may send commands to the controller',
  blind: 'When arrays were last checked is not recorded.',
  inputs: { config: { from: 'arcconf getconfig 1 al', recognise: isArcconf } },

  parse: inputs => arraysOf('adaptec', arcconfReport(inputs)),

  async read(host: Host) {
    const config = await askTool(host, arcconf, [['getconfig', '1', 'al']])
    return arraysOf('adaptec', arcconfReport({ config }))
  },
})
