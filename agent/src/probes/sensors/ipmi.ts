import type { FactTypes } from '@fettle/catalog'
import { type Host, NotInstalled } from '../../host.ts'
import { Absent, type Captured, Denied, defineProbe, Failed, type Inputs, sole } from '../../probe.ts'
import { told } from '../gather.ts'
import { isEventLog, parseEventLog } from './ipmi-events.ts'
import { parseIpmi } from './ipmi-text.ts'
import { type Sensor, steadySensor } from './quantity.ts'

const DEVICES = ['/dev/ipmi0', '/dev/ipmi/0', '/dev/ipmidev/0']
const MOST_SENSORS = 512
const TIMEOUT_MS = 150_000
const FREEIPMI = [
  'ipmi-sensors',
  '--comma-separated-output',
  '--no-header-output',
  '--ignore-not-available-sensors',
  '--output-sensor-state',
]

/** What a server's management controller (BMC) measures, by ipmitool(1) or FreeIPMI's ipmi-sensors(8). A BMC that is asked in parallel locks up. */
export default defineProbe({
  subject: 'sensors',
  source: 'ipmi',
  platforms: ['linux'],
  every: '15m',
  timeout: '3m',
  heavy: true,
  privilege: 'root, or the right to open /dev/ipmi0',
  blind:
    'A slot without a sensor and a sensor that died look alike. The event log of the BMC (`ipmitool sel elist`) is judged where it is given, and not read by itself: its events are of any age.',
  inputs: {
    sensors: {
      from: 'ipmitool sdr elist all',
      recognise: text =>
        isEventLog(text) ||
        /^[^|\n]{1,64}\|[^|\n]*\|[^|\n]*(\||$)/m.test(text) ||
        /^\d+,[^,\n]*,[^,\n]*,(Nominal|Warning|Critical|N\/A)/m.test(text) ||
        /^ID,Name,Type,/m.test(text) ||
        /^\d{1,5},[^,\n]{1,64},[A-Z][^,\n]{1,64},[^,\n]{1,20},[^,\n]{1,20},'[^\n]/m.test(text) ||
        /Instantaneous power/.test(text),
    },
    device: { from: 'which of the devices of IPMI the kernel has' },
  },

  parse: parseSensors,

  async read(host: Host) {
    const found = await Promise.all(DEVICES.map(device => host.stat(device, { missing: undefined })))
    const device = DEVICES[found.findIndex(stat => stat !== undefined)]
    if (device === undefined) throw new Absent('there is no IPMI device')
    const { sensors } = parseSensors({ sensors: [await ask(host)], device: [told(device, '')] })
    return { sensors: sensors.map(steadySensor) }
  },
})

async function ask(host: Host): Promise<Captured> {
  for (const argv of [['ipmitool', 'sdr', 'elist', 'all'], FREEIPMI]) {
    try {
      return await host.run(argv, { timeoutMs: TIMEOUT_MS })
    } catch (error) {
      if (!(error instanceof NotInstalled)) throw error
    }
  }
  throw new Failed(
    'the machine has a BMC, but neither ipmitool nor FreeIPMI is installed',
    'Install the package ipmitool, or switch this source off.',
  )
}

/** @throws Absent where there is no BMC, Denied without the right to ask it, Error where an output cannot be read */
function parseSensors(inputs: Inputs): FactTypes['sensors'] {
  const captures = inputs.sensors ?? []
  if (captures.length === 0) throw new Error('Cannot judge without the input sensors')
  const sensors = captures.flatMap(captured => sensorsOf(captured, sole(inputs, 'device')?.name))
  if (sensors.length === 0) throw new Absent('the BMC has no sensor')
  return { sensors: sensors.length > MOST_SENSORS ? [...sensors].sort((a, b) => rank(a) - rank(b)).slice(0, MOST_SENSORS) : sensors }
}

const rank = ({ state, trusted }: Sensor): number => ['critical', 'warning', 'ok', 'unknown'].indexOf(state) - (trusted ? 4 : 0)

/** @param device the device that the kernel has for the BMC, where that is known */
function sensorsOf({ text, stderr, code }: Captured, device: string | undefined): Sensor[] {
  const said = `${stderr}\n${text.slice(0, 500)}`
  if (/permission denied|not permitted|must be root/i.test(said))
    throw new Denied('the BMC may not be asked', 'Run the agent as root, or give it access to /dev/ipmi0.')
  if (/could not (open|find) .*(device|driver)|No such (file|device)|could not find inband device/i.test(said)) {
    if (device === undefined) throw new Absent('there is no IPMI device')
    throw new Failed(
      `${device} is there and cannot be opened`,
      'The BMC may hang: restart it (`ipmitool mc reset cold`) or see the log of the kernel.',
    )
  }
  if (text.trim() === '')
    throw new Error(
      `Cannot read the sensors: nothing was printed${code === null ? '' : `, with exit code ${code}`}${stderr ? `: ${stderr.trim().slice(0, 200)}` : ''}`,
    )
  return isEventLog(text) ? parseEventLog(text) : parseIpmi(text)
}
