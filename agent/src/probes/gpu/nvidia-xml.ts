import { xmlReader } from '../documents.ts'
import { type Json, objectOf, wordOf } from '../loose-json.ts'
import { shortText } from '../sysfs.ts'
import { blankGpu, type Gpu } from './gpu.ts'

/** Longest document that is read, characters: eight GPUs with all their processes need a tenth of it. */
const LONGEST = 4 * 1024 * 1024
const options = {
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  parseTagValue: false,
  processEntities: false,
  isArray: (_: string, path: unknown) => String(path) === 'nvidia_smi_log.gpu',
}

const LOST = /GPU is lost|fallen off the bus/i
const BROKEN = /^\[?(ERR!|Unknown Error|GPU requires reset)\]?$/i

/**
 * `nvidia-smi -q -x` of all versions of its document (nvsmi_device_v*.dtd); a value that the GPU does not have is `N/A` or `[Not Supported]`.
 * @throws Error where the document is not whole, is too long, or is of something else
 */
export function parseNvidiaXml(text: string): Gpu[] {
  if (text.length > LONGEST) throw new Error(`Cannot read the XML of nvidia-smi: it has ${text.length} characters, more than ${LONGEST}`)
  const xml = text.slice(Math.max(0, text.indexOf('<')))
  if (/<!ENTITY/i.test(xml)) throw new Error('Cannot read the XML of nvidia-smi: it has entities of its own')
  const { XMLParser, XMLValidator } = xmlReader()
  const valid = XMLValidator.validate(xml)
  if (valid !== true) throw new Error(`Cannot read the XML of nvidia-smi: ${valid.err.msg.slice(0, 120)}`)
  const log = objectOf(objectOf(new XMLParser(options).parse(xml))?.nvidia_smi_log)
  if (!log) throw new Error('Cannot read the XML: wanted nvidia_smi_log')
  return loggedGpus(log)
}

/** The GPUs of a log; those that are counted and not told of are one that cannot be read. @throws Error where it has none */
export function loggedGpus(log: Json): Gpu[] {
  const driver = shortText(wordOf(log.driver_version), 64)
  const gpus = (Array.isArray(log.gpu) ? log.gpu : []).map((gpu: unknown) => gpuOf(objectOf(gpu) ?? {}, driver))
  const attached = countOf(log.attached_gpus)
  if (attached === null && gpus.length === 0) throw new Error('Cannot find a GPU in what nvidia-smi tells')
  if (attached === null || attached <= gpus.length) return gpus
  const reason = `${attached} GPUs are attached, and ${gpus.length} are told of`
  return [...gpus, { ...blankGpu('more'), driver, reason }]
}

function gpuOf(gpu: Json, driver: string | null): Gpu {
  const id = meant(gpu.uuid) ?? meant(gpu['@id'])
  const temperature = objectOf(gpu.temperature) ?? {}
  const celsius = measured(temperature.gpu_temp)
  const word = wordOf(temperature.gpu_temp) ?? ''
  const lost = LOST.test(JSON.stringify(gpu))
  const broken = BROKEN.test(word)
  if (!id && celsius === null) throw new Error('Cannot read a GPU in the XML of nvidia-smi: it has neither an id nor a temperature')
  const ecc = eccOf(gpu)
  return {
    ...blankGpu(id ?? meant(gpu.product_name) ?? 'gpu'),
    name: shortText(meant(gpu.product_name), 128),
    driver,
    standing: lost ? 'lost' : broken ? 'unreadable' : 'read',
    reason: lost ? 'GPU is lost' : broken ? `its temperature is ${word}` : null,
    temperatureCelsius: celsius,
    temperatureLimitCelsius: limitOf(temperature, celsius),
    ...ecc,
    ...retiredOf(gpu),
    slowedBy: slowedBy(objectOf(gpu.clocks_event_reasons) ?? objectOf(gpu.clocks_throttle_reasons)),
  }
}

/** Newer drivers tell the distance to the limit in place of the limit; only near it does that matter. */
function limitOf(temperature: Json, celsius: number | null): number | null {
  const limit = measured(temperature.gpu_temp_slow_threshold) ?? measured(temperature.gpu_temp_max_threshold)
  const distance = measured(temperature.gpu_temp_tlimit)
  return limit ?? (celsius !== null && distance !== null && distance <= 5 ? celsius + distance : null)
}

/** Errors over the GPU's life; where it keeps none, since the driver was loaded. */
function eccOf(gpu: Json): Pick<Gpu, 'correctable' | 'uncorrectable'> {
  const errors = objectOf(gpu.ecc_errors) ?? {}
  const [aggregate, volatile] = [errors.aggregate, errors.volatile].map(part => counted(objectOf(part) ?? {}))
  return {
    correctable: aggregate?.correctable ?? volatile?.correctable ?? null,
    uncorrectable: aggregate?.uncorrectable ?? volatile?.uncorrectable ?? null,
  }
}

function counted(errors: Json): Pick<Gpu, 'correctable' | 'uncorrectable'> {
  const sum = (keys: RegExp, bits: string) => {
    const values = Object.entries(errors).flatMap(([key, value]) =>
      keys.test(key) ? [countOf(value)] : key === bits ? [countOf(objectOf(value)?.total)] : [],
    )
    const told = values.filter(value => value !== null)
    return told.length > 0 ? told.reduce((total, value) => total + value, 0) : null
  }
  return { correctable: sum(/_correctable/, 'single_bit'), uncorrectable: sum(/_uncorrectable/, 'double_bit') }
}

function retiredOf(gpu: Json): Pick<Gpu, 'retired' | 'retirementPending' | 'remapFailed'> {
  const pages = objectOf(gpu.retired_pages) ?? {}
  const rows = objectOf(gpu.remapped_rows) ?? {}
  const counts = [
    countOf(objectOf(pages.multiple_single_bit_retirement)?.retired_count),
    countOf(objectOf(pages.double_bit_retirement)?.retired_count),
    countOf(rows.remapped_row_corr),
    countOf(rows.remapped_row_unc),
  ].filter(value => value !== null)
  const pending = [pages.pending_retirement, pages.pending_blacklist, rows.remapped_row_pending].map(answer)
  return {
    retired: counts.length > 0 ? counts.reduce((sum, value) => sum + value, 0) : null,
    retirementPending: pending.includes(true) ? true : pending.includes(false) ? false : null,
    remapFailed: answer(rows.remapped_row_failure),
  }
}

const SLOWED = { heat: /_(hw|sw)_thermal_slowdown$/, power: /_hw_power_brake_slowdown$/, hardware: /_hw_slowdown$/ } as const

function slowedBy(reasons: Json | undefined): Gpu['slowedBy'] {
  const told = Object.entries(reasons ?? {}).filter(([, value]) => /^(Not )?Active$/.test(wordOf(value) ?? ''))
  if (told.length === 0) return null
  const active = (keys: RegExp) => told.some(([key, value]) => keys.test(key) && value === 'Active')
  const named = (['heat', 'power'] as const).filter(cause => active(SLOWED[cause]))
  return named.length === 0 && active(SLOWED.hardware) ? ['hardware'] : named
}

/** A text that is a value, not one of the ways to say that there is none. */
export function meant(value: unknown): string | null {
  const text = wordOf(value)
  return text === undefined ||
    /^\[?(N\/A|Not Supported|Unknown Error|ERR!|GPU is lost|Insufficient Permissions|Not Found|Requested functionality has been deprecated)\]?$/i.test(
      text,
    )
    ? null
    : text
}

export function countOf(value: unknown): number | null {
  const text = meant(value)
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null
}

/** `27 C`, or a bare number. */
export function measured(value: unknown): number | null {
  const digits = /^(-?\d{1,4}(?:\.\d{1,2})?)( C)?$/.exec(meant(value) ?? '')?.[1]
  return digits === undefined ? null : Number(digits)
}

export function answer(value: unknown): boolean | null {
  const text = meant(value)
  return text === null ? null : /^yes$/i.test(text) ? true : /^no$/i.test(text) ? false : null
}
