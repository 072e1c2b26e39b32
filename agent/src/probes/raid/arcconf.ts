import type { Host } from '../../host.ts'
import { Absent, type Captured, defineProbe, type Inputs } from '../../probe.ts'
import { parseArcconf } from './arcconf-text.ts'
import { arraysOf, askTool, joinReports, printed, type Report, type Tool } from './controller.ts'

export const arcconf: Tool = {
  programs: ['arcconf', '/usr/Arcconf/arcconf'],
  drivers: ['aacraid'],
}

/** Whether a text is an output of arcconf. */
export const isArcconf = (text: string): boolean =>
  /^Controllers found: \d/m.test(text) || /^Logical device (number|information)/im.test(text)

/** Most controllers that are asked. */
const MOST_CONTROLLERS = 16

/** What the tool says of each controller: the first answer counts them. @throws Absent, Denied, Failed as the tool is not there */
export async function askArcconf(host: Host): Promise<Captured[]> {
  const [first, ...none] = await askTool(host, arcconf, [['getconfig', '1', 'al']])
  if (!first) return none
  const others = Array.from({ length: Math.min(foundIn(first), MOST_CONTROLLERS) - 1 }, (_, at) => ['getconfig', `${at + 2}`, 'al'])
  if (others.length <= 0) return [first]
  return [first, ...(await askTool(host, arcconf, others))]
}

const foundIn = ({ text }: Captured): number => Number(/^Controllers found: (\d{1,3})\b/m.exec(text)?.[1] ?? 1)

/** Arrays of every controller are numbered from 0: those of the first keep their bare names. */
function ofController(report: Report, number: number): Report {
  if (number === 1) return report
  const own = (text: string) => `c${number} ${text}`
  const group = (text: string | null) => (text === null ? null : own(text))
  return {
    volumes: report.volumes.map(volume => ({ ...volume, name: own(volume.name), group: group(volume.group) })),
    drives: report.drives.map(drive => ({ ...drive, slot: own(drive.slot), group: group(drive.group) })),
    faults: report.faults.map(fault => ({ ...fault, name: own(fault.name) })),
  }
}

/** All reports of the tool as one; a controller that is counted and not told of is unknown. @throws Absent without a controller, Denied, Error where one cannot be read */
export function arcconfReport(inputs: Inputs): Report {
  const captures = inputs.config ?? []
  if (captures.length === 0) throw new Error('Cannot judge without the input config')
  const numbers = captures.map(({ name }, at) => Number(/getconfig (\d{1,3})\b/.exec(name)?.[1] ?? at + 1))
  const reports = captures.map((captured, at) => {
    if (/No controllers? found/i.test(`${captured.text.slice(0, 400)}${captured.stderr}`)) throw new Absent('arcconf finds no controller')
    return ofController(parseArcconf(printed(captured, 'arcconf')), numbers[at] ?? 1)
  })
  const found = Math.min(Math.max(...captures.map(foundIn)), MOST_CONTROLLERS)
  const silent = Array.from({ length: found }, (_, at) => at + 1).filter(number => !numbers.includes(number))
  const faults = silent.map(number => ({ name: `controller ${number}`, state: 'unknown' as const, detail: 'its arrays were not told' }))
  return joinReports([...reports, { volumes: [], drives: [], faults }])
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
    return arraysOf('adaptec', arcconfReport({ config: await askArcconf(host) }))
  },
})
