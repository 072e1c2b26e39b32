import type { Host } from '../../host.ts'
import { Absent, type Captured, defineProbe, type Inputs } from '../../probe.ts'
import { documentIn, type Json, numberOf, objectOf, objectsOf, wordOf } from '../loose-json.ts'
import { captureFile, captureFolder, listsPath, namesUnder, shortText, sysfsTree, type Tree, textOf, wholeOf } from '../sysfs.ts'
import { blankGpu, type Gpu, gpuFact, pciGpus, steadyGpu } from './gpu.ts'

const ADDRESS = /[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f]/i

/** AMD's GPUs by what the amdgpu driver tells in sysfs; see the kernel's Documentation/gpu/amdgpu. A GPU that sleeps is not woken. */
export default defineProbe({
  subject: 'gpu',
  source: 'amd',
  platforms: ['linux'],
  every: '15m',
  timeout: '30s',
  blind: 'Only data-centre models count ECC errors. What slows a GPU down is not told.',
  inputs: {
    smi: { from: 'rocm-smi --showallinfo --json, amd-smi metric --json', recognise: text => /"card\d+"|"gpu"\s*:|"gpu_data"/.test(text) },
    sysfs: {
      from: '/sys/bus/pci/devices/*/{unique_id,product_name,ras/*,hwmon/*/temp*}',
      recognise: text => listsPath(text, '/hwmon/') || listsPath(text, '/ras/'),
    },
  },

  parse: parseAmd,

  async read(host: Host) {
    const devices = (await pciGpus(host, '0x1002')).filter(device => device.driver === 'amdgpu')
    if (devices.length === 0) throw new Absent('no GPU is run by the amdgpu driver')
    const awake = devices.filter(device => !device.asleep)
    const sysfs: Captured[] = []
    for (const { folder } of awake) sysfs.push(...(await captureGpu(host, folder)))
    const asleep = devices.filter(device => device.asleep).map(({ address }): Gpu => ({ ...blankGpu(address), standing: 'asleep' }))
    const read = awake.length > 0 ? parseAmd({ sysfs }).gpus : []
    return gpuFact([...read.map(steadyGpu), ...asleep])
  },
})

async function captureGpu(host: Host, folder: string): Promise<Captured[]> {
  const found = await captureFolder(host, folder, /^(vendor|unique_id|product_name)$/)
  found.push(...(await captureFolder(host, `${folder}/ras`, /^[a-z0-9_]{1,32}_err_count$/)))
  for (const chip of await host.list(`${folder}/hwmon`, { missing: [] as string[] }))
    found.push(...(await captureFolder(host, `${folder}/hwmon/${chip}`, /^temp\d_(input|crit|label)$/)))
  const version = await captureFile(host, '/sys/module/amdgpu/version')
  return version ? [...found, version] : found
}

/** @throws Absent where there is no GPU, Error where an output cannot be read */
export function parseAmd(inputs: Inputs) {
  const tree = sysfsTree(inputs.sysfs ?? [])
  const folders = new Set([...tree.keys()].flatMap(path => /^(.*\/[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f])\//i.exec(path)?.[1] ?? []))
  const told = (inputs.smi ?? []).flatMap(({ text }) => smiGpus(text))
  if (!inputs.smi && folders.size === 0) throw new Error('Cannot find a GPU in what was given: wanted files under /sys/bus/pci/devices')
  return gpuFact([...told, ...[...folders].map(folder => sysfsGpu(tree, folder))])
}

function sysfsGpu(tree: Tree, folder: string): Gpu {
  const address = ADDRESS.exec(folder.slice(folder.lastIndexOf('/')))?.[0] ?? folder
  const chips = namesUnder(tree, `${folder}/hwmon`).map(chip => `${folder}/hwmon/${chip}`)
  const temperatures = chips.flatMap(chip => namesUnder(tree, chip).flatMap(file => temperatureOf(tree, chip, file) ?? []))
  const tightest = [...temperatures].sort((a, b) => (a.limit ?? 999) - a.value - ((b.limit ?? 999) - b.value))[0]
  const ras = namesUnder(tree, `${folder}/ras`).map(file => textOf(tree, `${folder}/ras/${file}`) ?? '')
  const sum = (kind: 'ue' | 'ce') => {
    const counts = ras.flatMap(text => new RegExp(`\\b${kind}: ?(\\d{1,15})\\b`).exec(text)?.[1] ?? [])
    return counts.length > 0 ? counts.reduce((total, count) => total + Number(count), 0) : null
  }
  return {
    ...blankGpu(idOf(textOf(tree, `${folder}/unique_id`), address)),
    name: shortText(textOf(tree, `${folder}/product_name`), 128),
    driver: shortText(textOf(tree, '/sys/module/amdgpu/version'), 64),
    standing: temperatures.length + ras.length > 0 || chips.length === 0 ? 'read' : 'unreadable',
    reason: temperatures.length + ras.length > 0 || chips.length === 0 ? null : 'its sensors give no value',
    temperatureCelsius: tightest?.value ?? null,
    temperatureLimitCelsius: tightest?.limit ?? null,
    correctable: sum('ce'),
    uncorrectable: sum('ue'),
  }
}

function temperatureOf(tree: Tree, chip: string, file: string): { readonly value: number; readonly limit: number | null } | undefined {
  const channel = /^(temp\d)_input$/.exec(file)?.[1]
  const raw = channel ? wholeOf(tree, `${chip}/${file}`) : null
  if (raw === null) return undefined
  const limit = wholeOf(tree, `${chip}/${channel}_crit`)
  return { value: raw / 1000, limit: limit !== null && limit > 0 ? limit / 1000 : null }
}

function smiGpus(text: string): Gpu[] {
  const document = documentIn(text)
  const cards = Object.entries(objectOf(document) ?? {}).filter(([name]) => /^card\d{1,3}$/.test(name))
  const entries = Array.isArray(document) ? objectsOf(document) : objectsOf(objectOf(document)?.gpu_data)
  const gpus = [
    ...cards.map(([name, card]) => rocmGpu(name, objectOf(card) ?? {}, objectOf(document) ?? {})),
    ...entries.filter(entry => 'gpu' in entry).map(amdSmiGpu),
  ]
  if (gpus.length === 0) throw new Error('Cannot find a GPU in the JSON of rocm-smi or amd-smi')
  return gpus
}

/** A card of `rocm-smi --showallinfo --json`; keys are sentences that changed from version to version. */
function rocmGpu(name: string, card: Json, document: Json): Gpu {
  const value = (...keys: readonly string[]) =>
    keys.map(key => wordOf(card[key])).find(text => text !== undefined && !/^(N\/A|None|unknown|0x1002$)/i.test(text))
  const celsius = numberOf(
    value('Temperature (Sensor edge) (C)') ?? value('Temperature (Sensor junction) (C)', 'Temperature (Sensor #1) (C)'),
  )
  const driver = objectOf(document.system)?.['Driver version']
  return {
    ...blankGpu(idOf(value('Unique ID') ?? null, value('PCI Bus')?.toLowerCase() ?? name)),
    name: shortText(value('Device Name', 'Card Series', 'Card series', 'Card model', 'Card Model'), 128),
    driver: shortText(wordOf(driver), 64),
    standing: celsius === null ? 'unreadable' : 'read',
    reason: celsius === null ? 'it tells no temperature' : null,
    temperatureCelsius: celsius,
  }
}

/** A GPU of `amd-smi metric --json` or `static --json`: values stand alone or with their unit. */
function amdSmiGpu(gpu: Json): Gpu {
  const number = (value: unknown) => numberOf(objectOf(value) ? objectOf(value)?.value : value)
  const temperature = objectOf(gpu.temperature) ?? {}
  const ecc = objectOf(gpu.ecc) ?? {}
  const asic = objectOf(gpu.asic) ?? {}
  const celsius = number(temperature.edge) ?? number(temperature.hotspot)
  const limits = objectOf(gpu.limit) ?? {}
  const answered = celsius !== null || number(ecc.total_uncorrectable_count) !== null
  return {
    ...blankGpu(idOf(wordOf(asic.asic_serial) ?? null, wordOf(objectOf(gpu.bus)?.bdf)?.toLowerCase() ?? `gpu ${wordOf(gpu.gpu) ?? '?'}`)),
    name: shortText(wordOf(asic.market_name), 128),
    driver: shortText(wordOf(objectOf(gpu.driver)?.version), 64),
    standing: answered ? 'read' : 'unreadable',
    reason: answered ? null : 'neither a temperature nor errors were told',
    temperatureCelsius: celsius,
    temperatureLimitCelsius: number(limits.slowdown_edge_temperature),
    correctable: amountOf(number(ecc.total_correctable_count)),
    uncorrectable: amountOf(number(ecc.total_uncorrectable_count)),
  }
}

const amountOf = (value: number | null): number | null => (value !== null && value >= 0 ? value : null)

/** The maker's unique number where the GPU has one: `0x2f048617326b1ea` and `02f048617326b1ea` are one. */
function idOf(unique: string | null, otherwise: string): string {
  const digits = /^(?:0x)?0*([0-9a-f]{6,16})$/i.exec(unique ?? '')?.[1]
  return digits ? `AMD-${digits.toLowerCase()}` : otherwise
}
