import type { Host } from '../../host.ts'
import { Absent, type Captured, defineProbe, type Inputs } from '../../probe.ts'
import { arraysOf, askTool, joinReports, printed, type Tool } from './controller.ts'
import { controllersIn, isShow, isUnits, reportOf } from './tw-cli-text.ts'

const tool: Tool = {
  programs: ['tw_cli', 'tw-cli', '/usr/sbin/tw_cli', '/usr/local/sbin/tw_cli'],
  drivers: ['3w-9xxx', '3w-sas', '3w-xxxx'],
}
const TIMEOUT_MS = 60_000
const MOST_CONTROLLERS = 16

/** Units of 3ware controllers (AMCC, LSI), by tw_cli(8). */
export default defineProbe({
  subject: 'raid',
  source: 'tw-cli',
  platforms: ['linux'],
  every: '1h',
  timeout: '5m',
  heavy: true,
  privilege: 'root: only it may send commands to the controller',
  blind: 'When units were last verified is not told. Drives that are in no unit and well are not listed.',
  inputs: {
    units: { from: 'tw_cli /cN show', recognise: isUnits },
    show: { from: 'tw_cli show', recognise: isShow },
  },

  parse: parseTwCli,

  async read(host: Host) {
    const show = await askTool(host, tool, [['show']])
    const [program = 'tw_cli'] = (show[0]?.name ?? '').split(' ')
    const units: Captured[] = []
    for (const { id } of controllersIn(show.map(one => printed(one, 'tw_cli')).join('\n')).slice(0, MOST_CONTROLLERS))
      units.push(await host.run([program, `/${id}`, 'show'], { timeoutMs: TIMEOUT_MS }))
    return parseTwCli({ show, units })
  },
})

/** @throws Absent without a controller or without a unit, Denied, Error where an output cannot be read or tells less than there is */
function parseTwCli(inputs: Inputs) {
  const controllers = controllersIn((inputs.show ?? []).map(captured => printed(captured, 'tw_cli')).join('\n'))
  const units = inputs.units ?? []
  if (units.length === 0 && !inputs.show) throw new Error('Cannot judge without the input units')
  if (units.length === 0 && controllers.length === 0) throw new Absent('tw_cli finds no controller')
  const told = units.map((captured, index) => reportOf(printed(captured, 'tw_cli'), controllerOf(captured, index)))
  for (const { id, units: many, notOptimal } of controllers) {
    const own = told.find(report => report.controller === id)
    if (many > (own?.units ?? 0)) throw new Error(`Cannot judge ${id}: it has ${many} units, and ${own?.units ?? 0} were told`)
    if (notOptimal > 0 && own?.volumes.every(volume => volume.state === 'ok'))
      throw new Error(`Cannot judge ${id}: it calls ${notOptimal} units not optimal, and none of those told is`)
  }
  const weak = controllers.flatMap(({ fault }) => fault ?? [])
  const own = joinReports(told)
  return arraysOf('3ware', {
    ...own,
    faults: [...own.faults, ...weak.filter(({ name }) => !own.faults.some(fault => fault.name === name))],
  })
}

function controllerOf({ name, text }: Captured, index: number): string {
  return /\/(c\d{1,3})\b/.exec(name)?.[1] ?? /^\/(c\d{1,3}) /m.exec(text)?.[1] ?? (index === 0 ? 'c?' : `c?${index}`)
}
