import type { FactTypes } from '@fettle/catalog'
import { cut } from '../../gather.ts'

/** What makers leave in the firmware's fields when they fill in nothing; compared in lower case. A serial that many machines share is none. */
const PLACEHOLDERS = new Set([
  'to be filled by o.e.m.',
  'to be filled by o.e.m',
  'to be filled by oem',
  'to be set by oem',
  'o.e.m.',
  'oem',
  'oem_define1',
  'default string',
  'default_string',
  'default',
  'system manufacturer',
  'system product name',
  'system serial number',
  'system name',
  'system version',
  'serial number',
  'sys-1234567890',
  'chassis serial number',
  'base board serial number',
  'not specified',
  'not applicable',
  'not available',
  'not defined',
  'no enclosure',
  'none',
  'n/a',
  'na',
  'null',
  'empty',
  'unknown',
  'undefined',
  'invalid',
  'type1productconfigid',
  'xxxxxxxxxxxx',
  '0123456789',
  '1234567890',
  '123456789',
  '12345678',
  'filled by oem',
  'tbd',
])

/** A firmware field, or null where it holds a placeholder: the list above, or one sign over and over (`0`, `........`, `FFFFFFFF`). */
function ownWords(text: string | undefined, longest = 128): string | null {
  const words = cut(text ?? '', longest)
  if (words === '' || PLACEHOLDERS.has(words.toLowerCase())) return null
  return /^([0.*\-_ xXfF])\1*$/.test(words.replaceAll('-', '')) || /^[-\s]+$/.test(words) ? null : words
}

/** Chassis types of the SMBIOS specification (DSP0134, table 17), in its words; 1 and 2 are `Other` and `Unknown`. */
const CHASSIS: Readonly<Record<number, string>> = {
  3: 'desktop',
  4: 'low profile desktop',
  5: 'pizza box',
  6: 'mini tower',
  7: 'tower',
  8: 'portable',
  9: 'laptop',
  10: 'notebook',
  11: 'hand held',
  12: 'docking station',
  13: 'all in one',
  14: 'sub notebook',
  15: 'space-saving',
  16: 'lunch box',
  17: 'main server chassis',
  18: 'expansion chassis',
  19: 'sub chassis',
  20: 'bus expansion chassis',
  21: 'peripheral chassis',
  22: 'RAID chassis',
  23: 'rack mount chassis',
  24: 'sealed-case PC',
  25: 'multi-system chassis',
  26: 'compact PCI',
  27: 'advanced TCA',
  28: 'blade',
  29: 'blade enclosure',
  30: 'tablet',
  31: 'convertible',
  32: 'detachable',
  33: 'IoT gateway',
  34: 'embedded PC',
  35: 'mini PC',
  36: 'stick PC',
}

/** The chassis in words, null where the firmware does not say. Bit 7 of the number is the lock. */
function chassisWords(text: string | undefined): string | null {
  const number = /^\d{1,3}$/.test((text ?? '').trim()) ? Number(text) & 0x7f : 0
  return CHASSIS[number] ?? null
}

/** The hardware by the files of /sys/class/dmi/id, by name; an unreadable one is simply missing. */
export function readFirmware(dmi: ReadonlyMap<string, string>): FactTypes['system']['hardware'] {
  return {
    vendor: ownWords(dmi.get('sys_vendor')) ?? ownWords(dmi.get('board_vendor')),
    model: ownWords(dmi.get('product_name')) ?? ownWords(dmi.get('board_name')),
    serial: ownWords(dmi.get('product_serial')),
    chassis: chassisWords(dmi.get('chassis_type')),
    biosVersion: ownWords(dmi.get('bios_version')),
    biosDate: biosDay(dmi.get('bios_date')),
  }
}

/** `MM/DD/YYYY` by the specification; null for any other form, never guessed. */
function biosDay(text: string | undefined): number | null {
  const match = /^(\d\d)\/(\d\d)\/(\d{4})$/.exec((text ?? '').trim())
  const at = match ? Date.parse(`${match[3]}-${match[1]}-${match[2]}T00:00:00Z`) : Number.NaN
  // Firmware without a battery says 1980 or 1970.
  return Number.isFinite(at) && at > Date.UTC(1981, 0, 1) ? at : null
}
