import { cut } from '../gather.ts'
import type { Properties } from '../windows/properties.ts'

/** `OS Version: 10.0.19045 N/A Build 19045`: the label is translated, and so is the word before the build. */
const VERSION = /^\S.{2,60}?:\s+(\d{1,2}\.\d\.\d{3,5}) .{0,40}\b(\d{3,5})\s*$/
/** No language translates this value; its label they do. */
const TYPE = /:\s+(x64|x86|arm64)-based PC\s*$/i
const MEMORY = /:\s+(\d[\d.,'’\s\u00a0\u202f\ufffd]{0,16}?)\s?MB\s*$/

/** Whether a text is what `systeminfo` prints, in any language. */
export function isSystemInfo(text: string): boolean {
  return text
    .slice(0, 65_536)
    .split(/\r?\n/, 400)
    .some(line => VERSION.test(line))
}

/**
 * What `systeminfo` tells, under the names of WMI. Labels are translated and the order is not: host, name and version of the system follow each
 * other, as do manufacturer, model and type of the machine. Its times have the user's order of day and month, and are left alone.
 * @throws where there is no version
 */
export function systemInfo(text: string): Properties {
  const lines = text
    .slice(0, 1_000_000)
    .split(/\r?\n/)
    .map(line => line.slice(0, 400))
  const at = lines.findIndex(line => VERSION.test(line))
  const [, version = '', build = ''] = VERSION.exec(lines[at] ?? '') ?? []
  const caption = behindLabel(lines[at - 1])
  if (build === '' || caption === '') throw new Error('Cannot tell the version of Windows from systeminfo')
  const type = lines.findIndex((line, index) => index > at && TYPE.test(line))
  const machine = type > at + 2 ? { manufacturer: behindLabel(lines[type - 2]), model: behindLabel(lines[type - 1]) } : {}
  const memory = lines.slice(Math.max(at, type)).find(line => MEMORY.test(line))
  const told: Record<string, string> = {
    buildnumber: build,
    caption,
    version,
    hostname: behindLabel(lines[at - 2]),
    architecture: type === -1 ? '' : (TYPE.exec(lines[type] ?? '')?.[1]?.toLowerCase() ?? ''),
    totalphysicalmemory: memory === undefined ? '' : megabytes(memory),
    ...machine,
  }
  return new Map(Object.entries(told).filter(([, value]) => value !== ''))
}

/** What stands behind the label; dots alone are what people put in place of what they hide. */
function behindLabel(line: string | undefined): string {
  const value = cut(/^\S.{0,60}?:\s+(\S.{0,120})$/.exec(line ?? '')?.[1] ?? '', 128)
  return /^[.*x-]+$/i.test(value) ? '' : value
}

/** Thousands are parted by a comma, dot, apostrophe or space; there are no decimals. */
function megabytes(line: string): string {
  const digits = (MEMORY.exec(line)?.[1] ?? '').replace(/\D/g, '')
  return digits === '' ? '' : String(Number(digits) * 2 ** 20)
}
