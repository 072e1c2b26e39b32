import { type Host, NotInstalled } from '../../host.ts'
import { Absent, type Captured, Denied, defineProbe, Failed, type Inputs } from '../../probe.ts'
import { loadXml } from '../documents.ts'
import { shortText } from '../sysfs.ts'
import { blankGpu, type Gpu, gpuFact, pciGpus, steadyGpu } from './gpu.ts'
import { isQueryText, queryDocument } from './nvidia-text.ts'
import { answer, countOf, loggedGpus, meant, measured, parseNvidiaXml } from './nvidia-xml.ts'

const TIMEOUT_MS = 45_000
const LOST_HANDLE =
  /Unable to determine the device handle for GPU ?\S*?([0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f])[^:\n]*: ([^\n]{1,200})/gi
const HEADER = /^(?:[a-z_]+(?:\.[a-z_]+)*(?: \[[^\]\n]{1,12}\])?(?:, |$)){2,64}/m

/** NVIDIA's GPUs, by nvidia-smi(1). A GPU that sleeps is not woken. */
export default defineProbe({
  subject: 'gpu',
  source: 'nvidia-smi',
  platforms: ['linux'],
  every: '15m',
  timeout: '60s',
  blind:
    'While one GPU of the machine sleeps, none is asked: asking one may wake all. GPUs that are given to virtual machines are not seen.',
  inputs: {
    xml: {
      from: 'nvidia-smi -q -x',
      recognise: text => /<nvidia_smi_log/.test(text) || isQueryText(text) || /NVIDIA-SMI|NVML|device handle for/.test(text),
    },
    csv: { from: 'nvidia-smi --query-gpu=… --format=csv', recognise: text => HEADER.test(text.split('\n', 1)[0] ?? '') },
  },

  parse: parseNvidia,

  async read(host: Host) {
    const devices = (await pciGpus(host, '0x10de')).filter(device => device.driver === 'nvidia')
    if (devices.length === 0) throw new Absent('no GPU is run by the nvidia driver')
    if (devices.some(device => device.asleep)) {
      return gpuFact(
        devices.map(
          ({ address, asleep }) =>
            ({ ...blankGpu(address), ...(asleep ? { standing: 'asleep' } : { reason: 'not asked, since another GPU sleeps' }) }) as Gpu,
        ),
      )
    }
    const xml = await ask(host)
    await loadXml()
    const { gpus } = parseNvidia({ xml: [xml] })
    return { gpus: gpus.map(steadyGpu) }
  },
})

async function ask(host: Host): Promise<Captured> {
  try {
    return await host.run(['nvidia-smi', '-q', '-x'], { timeoutMs: TIMEOUT_MS })
  } catch (error) {
    if (error instanceof NotInstalled)
      throw new Failed(
        'a GPU is here, but nvidia-smi is not installed',
        'Install nvidia-smi of the driver that is loaded (on Debian: nvidia-smi).',
      )
    throw error
  }
}

/** @throws Denied without the right to ask, Failed where the driver does not answer, Error where an output cannot be read */
export function parseNvidia(inputs: Inputs) {
  const captures = [...(inputs.xml ?? []), ...(inputs.csv ?? [])]
  if (captures.length === 0) throw new Error('Cannot judge without the input xml')
  return gpuFact(captures.flatMap(gpusOf))
}

function gpusOf({ text, stderr, code }: Captured): Gpu[] {
  const said = `${text.includes('<gpu') ? '' : text.slice(0, 4000)}\n${stderr.slice(0, 4000)}`
  const lost = [...said.matchAll(LOST_HANDLE)].map(([, address = 'gpu', reason]) => ({
    ...blankGpu(address),
    standing: 'lost' as const,
    reason: shortText(reason, 512),
  }))
  if (text.includes('<nvidia_smi_log')) return [...parseNvidiaXml(text), ...lost]
  if (isQueryText(text)) return [...loggedGpus(queryDocument(text)), ...lost]
  if (lost.length > 0) return lost
  if (/Insufficient Permissions/i.test(said))
    throw new Denied('nvidia-smi may not ask the driver', 'Give the agent access to /dev/nvidiactl.')
  if (/version mismatch/i.test(said))
    throw new Failed('the driver that runs is not the one that is installed', 'Restart the machine: the driver was updated.')
  if (/couldn't communicate|failed to initialize NVML|Driver Not Loaded/i.test(said))
    throw new Failed('nvidia-smi cannot talk to the driver', 'Look for the driver in the kernel log; it may not be built for this kernel.')
  if (/No devices were found/i.test(said)) throw new Failed('the driver finds no GPU', 'Look for NVRM and Xid messages in the kernel log.')
  if (HEADER.test(text.split('\n', 1)[0] ?? '')) return csvGpus(text)
  throw new Error(
    `Cannot read nvidia-smi: ${said.trim().slice(0, 200) || `it printed nothing${code === null ? '' : ` and ended with ${code}`}`}`,
  )
}

/** CSV with its line of names; without it nobody knows which number is what. */
function csvGpus(text: string): Gpu[] {
  const [header = '', ...rows] = text.trim().split('\n')
  const names = header.split(', ').map(name => name.replace(/ \[.*$/, '').trim())
  const gpus = rows.map(row => {
    const cells = row.split(', ').map(cell => cell.trim())
    if (cells.length !== names.length) throw new Error(`Cannot read the row of nvidia-smi: ${row.slice(0, 120)}`)
    return csvGpu(new Map(names.map((name, at) => [name, cells[at] ?? ''])), row)
  })
  if (gpus.length === 0) throw new Error('Cannot find a GPU in the CSV of nvidia-smi')
  return gpus
}

function csvGpu(cells: ReadonlyMap<string, string>, row: string): Gpu {
  const cell = (...keys: readonly string[]) => keys.map(key => cells.get(key)).find(text => text !== undefined && meant(text) !== null)
  const sum = (pattern: RegExp) => {
    const counts = [...cells].flatMap(([key, text]) => (pattern.test(key) ? (countOf(text) ?? []) : []))
    return counts.length > 0 ? Math.max(...counts) : null
  }
  const lost = /GPU is lost/i.test(row)
  const broken = /ERR!|\[Unknown Error\]/i.test(row)
  const counts = [
    countOf(cell('retired_pages.single_bit_ecc.count', 'retired_pages.sbe')),
    countOf(cell('retired_pages.double_bit.count', 'retired_pages.dbe')),
  ].filter(count => count !== null)
  return {
    ...blankGpu(cell('uuid', 'gpu_uuid', 'pci.bus_id', 'gpu_bus_id', 'serial', 'index') ?? 'gpu'),
    name: shortText(cell('name', 'gpu_name'), 128),
    driver: shortText(cell('driver_version'), 64),
    standing: lost ? 'lost' : broken ? 'unreadable' : 'read',
    reason: lost ? 'GPU is lost' : broken ? 'some of its values are errors' : null,
    temperatureCelsius: measured(cell('temperature.gpu')),
    correctable: sum(/^ecc\.errors\.corrected\..*total$/),
    uncorrectable: sum(/^ecc\.errors\.uncorrected\..*total$/),
    retired: counts.length > 0 ? counts.reduce((total, count) => total + count, 0) : null,
    retirementPending: answer(cell('retired_pages.pending')),
  }
}
