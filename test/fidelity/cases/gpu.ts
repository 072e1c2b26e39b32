import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Case, CaseList, Expected, Samples } from '../case.ts'

/** nvidia-smi and rocm-smi. */
export const gpu: CaseList = {
  domain: 'gpu',
  cases: samples => {
    const files = samples.files.filter(file => file.startsWith('gpu/'))
    return [
      ...files.filter(file => file.endsWith('.xml')).map(file => nvidia(samples, file)),
      ...files.filter(file => file.endsWith('.json')).map(file => amd(samples, file)),
    ]
  },
  leftOut: [],
}

/** Documents that say `Enabled` as their ECC mode count errors; none of those at hand has any. */
function nvidia(samples: Samples, file: string): Case {
  const text = readFileSync(join(samples.root, file), 'utf8')
  const first = (tag: string) => new RegExp(`<${tag}>\\s*([^<]*?)\\s*</${tag}>`).exec(text)?.[1]
  const celsius = (tag: string) => (/^\d+ C$/.test(first(tag) ?? '') ? Number.parseInt(first(tag) ?? '', 10) : null)
  const errors = /<current_ecc>Enabled/.test(text) ? 0 : null
  const remap = first('remapped_row_failure')
  const told: Expected = {
    id: (text.match(/<uuid>(GPU-[^<]*)</) ?? [])[1] ?? null,
    name: first('product_name') ?? null,
    driver: first('driver_version') ?? null,
    standing: 'read',
    temperatureCelsius: celsius('gpu_temp'),
    temperatureLimitCelsius: celsius('gpu_temp_slow_threshold'),
    uncorrectable: errors,
    correctable: errors,
    ...(remap === undefined ? {} : { remapFailed: remap === 'Yes' }),
    slowedBy: (causes: readonly string[] | null) => causes === null || causes.length === 0,
  }
  const attached = Number(first('attached_gpus') ?? 1)
  // The rest of the GPUs was cut from the capture: they must not pass for healthy.
  const cut: Expected[] = attached > 1 ? [{ standing: 'unreadable' }] : []
  return { source: 'gpu/nvidia-smi', files: [file], reading: { ok: { gpus: [told, ...cut] } } }
}

/** A key a card; temperatures of the edge sensor as telegraf's test has them. */
function amd(samples: Samples, file: string): Case {
  const document = JSON.parse(readFileSync(join(samples.root, file), 'utf8')) as Record<string, Record<string, string>>
  const cards = Object.entries(document).filter(([key]) => key.startsWith('card'))
  const gpus = cards.map(([, card]): Expected => {
    const unique = card['Unique ID']?.replace(/^0x/, '')
    return {
      id: (id: string) => id.toLowerCase().includes((unique === 'N/A' ? card['PCI Bus'] : unique)?.toLowerCase() ?? ''),
      standing: 'read',
      temperatureCelsius: Number(card['Temperature (Sensor edge) (C)']),
      driver: document.system?.['Driver version'] ?? null,
    }
  })
  return { source: 'gpu/amd', files: [file], reading: { ok: { gpus } } }
}
