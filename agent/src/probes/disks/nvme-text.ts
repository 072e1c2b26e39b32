import { linesOf } from '../lines.ts'
import type { Json } from '../loose-json.ts'
import { tableRows } from '../windows/properties.ts'

/** Whether a text is what `nvme smart-log` prints for people. */
export const isTextLog = (text: string): boolean => /^Smart Log for NVME device:/im.test(text)

/** Whether a text is the table of `nvme list`. */
export const isTextList = (text: string): boolean => /^Node\s+(Generic\s+)?SN\s+Model\s/m.test(text)

/** The device that a log names: `Smart Log for NVME device:nvme0n1 namespace-id:ffffffff`. */
export function deviceIn(text: string): string | null {
  const name = /^Smart Log for NVME device:\s?(?:\/dev\/)?(nvme\d{1,4})/im.exec(text)?.[1]
  return name === undefined ? null : `/dev/${name}`
}

/** Lines of nvme-smart-log(1) as the document of its JSON: keys in small letters with underscores, the temperature in kelvin. */
export function logDocument(text: string): Json {
  const fields = linesOf(text).flatMap(line => {
    const [, key = '', value = ''] = /^([A-Za-z][\w ]{2,50}?)\s*:\s*(\S.*)$/.exec(line) ?? []
    return key === '' ? [] : [[key.trim().toLowerCase().replaceAll(' ', '_'), value] as const]
  })
  return Object.fromEntries(fields.map(([key, value]) => [key, key === 'temperature' ? kelvinOf(value) : plain(value)]))
}

/** `41 °C (314 K)`, `41 C`, `314 K`. */
function kelvinOf(text: string): number | null {
  const kelvin = /(?:^|\()(\d{1,3}) ?K\b/.exec(text)?.[1]
  if (kelvin !== undefined) return Number(kelvin)
  const celsius = /^(-?\d{1,3}) ?\S{0,2}C\b/.exec(text)?.[1]
  return celsius === undefined ? null : Number(celsius) + 273
}

/** `10,182,243 (5.21 TB)`, `100%`, `0x4`. */
function plain(text: string): string | number {
  const bare = /^[^ %(]+/.exec(text)?.[0] ?? ''
  return /^0x[0-9a-f]{1,4}$/i.test(bare) ? Number(bare) : bare.replace(/[.,'](?=\d{3})/g, '')
}

/** The table of `nvme list` as the document of its JSON. @throws where it has no row */
export function listDocument(text: string): Json {
  const rows = tableRows(text).filter(row => row.get('node')?.startsWith('/dev/'))
  if (rows.length === 0) throw new Error('Cannot find a disk in the table of nvme list')
  return {
    Devices: rows.map(row => ({
      DevicePath: row.get('node'),
      SerialNumber: row.get('sn'),
      ModelNumber: row.get('model'),
      Firmware: row.get('fwrev'),
    })),
  }
}
