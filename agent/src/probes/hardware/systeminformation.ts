import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { type Captured, defineProbe, type Inputs, needed, sole } from '../../probe.ts'
import { cut, present } from '../gather.ts'
import { documentIn, type Json, numberOf, objectOf, objectsOf, wordOf } from '../loose-json.ts'
import { answerOf, isAnswer, partIfThere } from '../windows/answer.ts'

type Hardware = FactTypes['hardware']

const SCRIPT = 'hardware/systeminformation'
const MOST = { modules: 128, adapters: 64, graphics: 32 } as const
/** What firmware says where nobody filled it in, and systeminformation where it knows nothing. */
const PLACEHOLDER =
  /^(-+|n\/?a|none|unknown( .*)?|undefined|null|computer|default( string)?|to be filled.*|not (specified|available|provided|settable|present|applicable|defined).*|system (manufacturer|product name|serial number|version)|base ?board .*|chassis .*|asset[- ]?tag.*|no asset.*|[0xf.-]+|0123456789|1234567(89)?)$/i

/**
 * What the machine is made of, once a day, by the library systeminformation in a process of its own. It tells a failure as an empty text, 0 or "-":
 * all of them are unknown here, and nothing is judged by it.
 */
export default defineProbe({
  subject: 'hardware',
  source: 'systeminformation',
  platforms: ['linux', 'win32', 'darwin'],
  every: '1d',
  timeout: '3m',
  heavy: true,
  privilege: 'Root on Linux, to ask the firmware for modules of memory and serial numbers (dmidecode).',
  blind:
    'The health of any part. Memory that is soldered or hidden by a hypervisor. Whether a part that is not told is missing, or was not asked.',
  cost: '0.3 s of CPU on a virtual Debian server; 5 to 20 s on Windows, where each part is a PowerShell of its own, as others report',
  inputs: {
    inventory: {
      from: 'systeminformation: cpu, memLayout, baseboard, bios, chassis, networkInterfaces',
      recognise: text => /^\s*\{/.test(text) && text.includes('"cpu"') && text.includes('"board"'),
    },
    graphics: { from: `powershell ${SCRIPT}`, recognise: text => isAnswer(text, 'graphics') && !text.includes('"cpu"') },
  },
  parse: parseInventory,

  async read(host: Host) {
    const inventory = await host.inventory({ timeoutMs: 150_000 })
    // Only wanted besides: whatever keeps PowerShell from answering leaves graphics unknown.
    const graphics = host.platform === 'win32' ? await host.powershell(SCRIPT).catch(() => undefined) : undefined
    return parseInventory({ inventory: [inventory], graphics: present(graphics) })
  },
})

/** @throws where the child failed, or nothing at all is told: a machine without a processor is not believed */
export function parseInventory(inputs: Inputs): Hardware {
  const told = objectOf(documentIn(whole(needed(inputs, 'inventory'))))
  if (!told) throw new Error('Cannot read the inventory: it is no object')
  const [cpu, board, bios, chassis] = ['cpu', 'board', 'bios', 'chassis'].map(part => objectOf(told[part]) ?? {})
  const { memory, emptySlots } = memoryOf(told.memory)
  const fact: Hardware = {
    cpu: cpuOf(cpu ?? {}),
    memory,
    emptySlots,
    board: { vendor: word(board?.manufacturer), model: word(board?.model), version: word(board?.version), serial: word(board?.serial) },
    bios: { vendor: word(bios?.vendor), version: word(bios?.version), date: dayOf(bios?.releaseDate) },
    chassis: {
      vendor: word(chassis?.manufacturer),
      type: word(chassis?.type),
      serial: word(chassis?.serial),
      assetTag: word(chassis?.assetTag),
    },
    graphics: graphicsOf(told.graphics) ?? videoControllers(sole(inputs, 'graphics')),
    network: networkOf(told.network),
  }
  if (fact.cpu.model === null && fact.cpu.threads === null) throw new Error('Cannot believe a machine without a processor')
  return fact
}

function whole({ text, stderr, code }: Captured): string {
  if (code !== null && code !== 0) throw new Error(`Cannot take stock: the child ended with ${code}: ${cut(stderr.slice(-2000), 200)}`)
  return text
}

function cpuOf(cpu: Json): Hardware['cpu'] {
  const [threads, cores] = [counted(cpu.cores), counted(cpu.physicalCores)]
  return {
    vendor: word(cpu.manufacturer),
    model: word(cpu.brand),
    sockets: counted(cpu.processors),
    cores: cores !== null && threads !== null && cores > threads ? null : cores,
    threads,
  }
}

/** Where it may not ask the firmware, the library makes up one module of all the memory: that has neither slot nor type. */
function memoryOf(value: unknown): Pick<Hardware, 'memory' | 'emptySlots'> {
  const all = Array.isArray(value) ? objectsOf(value) : []
  const filled = all.filter(one => (numberOf(one.size) ?? 0) > 0)
  const known = filled.filter(one => word(one.bank) ?? word(one.type) ?? word(one.partNum) ?? word(one.formFactor))
  if (known.length === 0 || known.length !== filled.length) return { memory: null, emptySlots: null }
  const memory = known.slice(0, MOST.modules).map(one => ({
    slot: word(one.bank),
    sizeBytes: numberOf(one.size) ?? 0,
    type: word(one.type),
    speed: counted(one.clockSpeed),
    vendor: word(one.manufacturer),
    part: word(one.partNum),
    serial: word(one.serialNum),
    ecc: typeof one.ecc === 'boolean' ? one.ecc : null,
  }))
  return { memory, emptySlots: all.length - filled.length }
}

function graphicsOf(value: unknown): Hardware['graphics'] {
  if (!Array.isArray(value)) return null
  return objectsOf(value)
    .slice(0, MOST.graphics)
    .map(one => ({ vendor: word(one.vendor), model: word(one.model), driver: null }))
}

function videoControllers(captured: Captured | undefined): Hardware['graphics'] {
  const all = captured && isAnswer(captured.text, 'graphics') ? partIfThere(answerOf(captured), 'graphics') : undefined
  if (!all) return null
  return all.slice(0, MOST.graphics).map(one => ({
    vendor: word(one.get('adaptercompatibility')),
    model: word(one.get('name')),
    driver: word(one.get('driverversion')),
  }))
}

function networkOf(value: unknown): Hardware['network'] {
  if (!Array.isArray(value)) return null
  const adapters = objectsOf(value).flatMap(one => {
    const name = cut(wordOf(one.iface) ?? '', 64)
    const address = wordOf(one.mac)?.toLowerCase() ?? ''
    const model = word(one.ifaceName)
    const known = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(address) && !/^(00:){5}00$/.test(address)
    return name === '' ? [] : [{ name, model: model === name ? null : model, address: known ? address : null, kind: word(one.type) }]
  })
  return adapters.sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, MOST.adapters)
}

function word(value: unknown): string | null {
  const text = cut((wordOf(value) ?? '').slice(0, 2000), 128)
  return text === '' || PLACEHOLDER.test(text) ? null : text
}

/** A whole number of things; 0 is how the library says that it does not know. */
function counted(value: unknown): number | null {
  const number = numberOf(value)
  return number !== null && Number.isInteger(number) && number > 0 ? number : null
}

/** `2023-05-17`, which is what the library makes of the firmware's date. */
function dayOf(value: unknown): number | null {
  const text = wordOf(value)
  const at = text !== undefined && /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  return Number.isFinite(at) && at > Date.UTC(1980, 0, 2) && at < Date.UTC(2200, 0, 1) ? at : null
}
