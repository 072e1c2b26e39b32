import type { FactTypes } from '@fettle/catalog'
import { type Host, HostError } from '../../host.ts'
import { Absent } from '../../probe.ts'
import { captureFile } from '../sysfs.ts'

export type Gpu = FactTypes['gpu']['gpus'][number]

const MOST_GPUS = 128
const PCI = '/sys/bus/pci/devices'
/** Near its limit a temperature is told to the degree, elsewhere in steps, so that load does not make new facts. */
const NEAR_CELSIUS = 15
const COARSE_CELSIUS = 10

/** A GPU of which only the id is known. */
export function blankGpu(id: string): Gpu {
  return {
    id: id.slice(0, 128),
    name: null,
    driver: null,
    standing: 'unreadable',
    reason: null,
    temperatureCelsius: null,
    temperatureLimitCelsius: null,
    correctable: null,
    uncorrectable: null,
    retired: null,
    retirementPending: null,
    remapFailed: null,
    slowedBy: null,
  }
}

/** The fact of the GPUs; where there are too many, those in trouble stay. @throws Absent where there is none */
export function gpuFact(gpus: readonly Gpu[]): FactTypes['gpu'] {
  if (gpus.length === 0) throw new Absent('the machine has no such GPU')
  const byId = [...new Map(gpus.map(gpu => [gpu.id, gpu])).values()]
  const rank = ({ standing }: Gpu) => ['lost', 'unreadable', 'read', 'asleep'].indexOf(standing)
  return { gpus: byId.length > MOST_GPUS ? byId.sort((a, b) => rank(a) - rank(b)).slice(0, MOST_GPUS) : byId }
}

/** The GPU with a temperature that stays the same on an idle machine. */
export function steadyGpu(gpu: Gpu): Gpu {
  const { temperatureCelsius: value, temperatureLimitCelsius: limit } = gpu
  if (value === null) return gpu
  const near = limit !== null && value > limit - NEAR_CELSIUS
  return { ...gpu, temperatureCelsius: near ? Math.round(value) : Math.round(value / COARSE_CELSIUS) * COARSE_CELSIUS }
}

/** A GPU on the PCI bus, as the kernel knows it without waking it. */
export type PciGpu = { readonly address: string; readonly folder: string; readonly asleep: boolean; readonly driver: string | null }

/** Graphics devices (PCI class 03h) of a vendor, by sysfs. */
export async function pciGpus(host: Host, vendor: string): Promise<PciGpu[]> {
  const found: PciGpu[] = []
  for (const address of await host.list(PCI, { missing: [] as string[] })) {
    const folder = `${PCI}/${address}`
    const read = async (file: string) => (await captureFile(host, `${folder}/${file}`))?.text.trim() ?? ''
    if ((await read('vendor')) !== vendor || !/^0x03/.test(await read('class'))) continue
    found.push({ address, folder, asleep: (await read('power/runtime_status')) === 'suspended', driver: await driverOf(host, folder) })
  }
  return found
}

async function driverOf(host: Host, folder: string): Promise<string | null> {
  try {
    const path = await host.realpath(`${folder}/driver`, { missing: '' })
    return path.slice(path.lastIndexOf('/') + 1) || null
  } catch (error) {
    if (error instanceof HostError) return null
    throw error
  }
}
