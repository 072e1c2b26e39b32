/** Before this Windows knew no security product or update of today: 1601, 1899 and 1970 stand for "never". */
const EARLIEST = Date.UTC(1995, 0, 1)
const LATEST = Date.UTC(2100, 0, 1)

/** Days as a counter of a product tells them; 65535 and 4294967295 stand for "never" or "not known". */
export function daysOf(text: string | undefined): number | null {
  if (text === undefined || !/^\d{1,9}$/.test(text.trim())) return null
  const days = Number(text)
  return days < 65535 ? days : null
}

/**
 * A time as a tool of Windows prints it, epoch ms: ISO 8601, `/Date(ms)/`, CIM (`20240604080627.000000-420`), RFC 1123 (`Wed, 15 Dec 2021 …`)
 * or the notation of some country. Of an order of day and month that cannot be told the older reading counts: it is never the better news.
 * A time without a zone is taken as UTC. Null where it is none or stands for "never".
 */
export function windowsTime(text: string | undefined | null): number | null {
  const said = (text ?? '').replace(/[\u200e\u200f\u202f\u00a0]/g, ' ').trim()
  if (said === '' || said.length > 80) return null
  const read = epochOf(said) ?? cimOf(said) ?? isoOf(said) ?? rfcOf(said) ?? nationalOf(said)
  return read !== null && read >= EARLIEST && read < LATEST ? read : null
}

function epochOf(text: string): number | null {
  const [, ms] = /^\/Date\((-?\d{1,16})(?:[+-]\d{4})?\)\/$/.exec(text) ?? []
  return ms === undefined ? null : Number(ms)
}

/** CIM_DATETIME of the CIM infrastructure specification: local time and its distance from UTC in minutes. */
function cimOf(text: string): number | null {
  const [, y, mo, d, h, mi, s, zone] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)\.\d{6}([+-]\d{3})$/.exec(text) ?? []
  if (!y) return null
  return utc(y, mo, d, h, mi, s) - Number(zone) * 60_000
}

function isoOf(text: string): number | null {
  const [, date, clock = '00:00:00', fraction = '', zone = 'Z'] =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(\.\d{1,9})?)?\s?(Z|[+-]\d\d:?\d\d)?$/.exec(text) ?? []
  if (!date) return null
  const read = Date.parse(`${date}T${clock}${fraction.slice(0, 4)}${zone}`)
  return Number.isFinite(read) ? read : null
}

function rfcOf(text: string): number | null {
  if (!/^[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/.test(text)) return null
  const read = Date.parse(text)
  return Number.isFinite(read) ? read : null
}

function nationalOf(text: string): number | null {
  const [, one = '', mark = '', two = '', three = '', h = '0', mi = '0', s = '0', half = ''] =
    /^(\d{1,4})([./-])\s?(\d{1,2})[./-]\s?(\d{1,4})\.?,?(?:\s+(\d{1,2})[:.](\d\d)(?:[:.](\d\d))?)?\s*([AaPp]\.?\s?[Mm]\.?)?$/.exec(text) ??
    []
  const hour = hourOf(h, half)
  if (one === '' || hour === null) return null
  const read = (y: string, mo: string, d: string) => (isDay(mo, d) ? utc(y, mo, d, String(hour), mi, s) : null)
  if (one.length === 4) return read(one, two, three)
  if (three.length !== 4) return null
  const dayFirst = read(three, two, one)
  const monthFirst = read(three, one, two)
  if (mark === '.') return dayFirst
  const american = half !== '' && mark === '/' && !one.startsWith('0') && two.length === 1
  if (american && monthFirst !== null) return monthFirst
  return dayFirst === null ? monthFirst : monthFirst === null ? dayFirst : Math.min(dayFirst, monthFirst)
}

function hourOf(h: string, half: string): number | null {
  const hour = Number(h)
  if (half === '') return hour < 24 ? hour : null
  if (hour < 1 || hour > 12) return null
  return (hour % 12) + (/^p/i.test(half) ? 12 : 0)
}

function isDay(month: string, day: string): boolean {
  return Number(month) >= 1 && Number(month) <= 12 && Number(day) >= 1 && Number(day) <= 31
}

function utc(y = '', mo = '', d = '', h = '', mi = '', s = ''): number {
  return Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s))
}
