import type { HostView, Metric, Sample } from '@fettle/catalog'

/** What one host may expose; the excess is dropped and counted, never the scrape. */
export const seriesLimits = {
  /** Series of one host. */
  perHost: 500,
  /** Series of one family of one host (disks, sensors, mount points, backups). */
  perFamily: 64,
  /** Bytes of a label value. */
  labelBytes: 256,
} as const

export type Dropped = (reason: 'host_limit' | 'family_limit', series: number) => void

/**
 * The lines of one family for one host, in the text format 0.0.4. `budget` counts down the host's series. A label set that comes twice is
 * written once: Prometheus would refuse the whole scrape.
 */
export function renderFamily(metric: Metric, host: HostView, budget: { left: number }, dropped: Dropped): string {
  let lines = ''
  let count = 0
  const head = `${metric.name}{instance="${labelValue(host.instance)}"`
  const seen = new Set<string>()
  // How many findings there are is the catalog's word, not the host's: one that is left out would look like a check that does not apply.
  const most = metric.from === 'findings' ? seriesLimits.perHost : seriesLimits.perFamily
  for (const sample of metric.samples(host)) {
    const line = `${head}${labelsOf(metric, sample)}} `
    if (seen.has(line)) continue
    seen.add(line)
    if (count >= most) {
      dropped('family_limit', 1)
      continue
    }
    if (budget.left <= 0) {
      dropped('host_limit', 1)
      continue
    }
    count++
    budget.left--
    lines += `${line}${numberText(sample[1])}\n`
  }
  return lines
}

/** HELP and TYPE of a family. */
export function header(metric: Pick<Metric, 'name' | 'help' | 'type'>): string {
  const help = metric.help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')
  return `# HELP ${metric.name} ${help}\n# TYPE ${metric.name} ${metric.type}\n`
}

function labelsOf({ labels }: Metric, [values]: Sample): string {
  let text = ''
  for (let i = 0; i < labels.length; i++) text += `,${labels[i]}="${labelValue(values[i] ?? '')}"`
  return text
}

/** Printable ASCII without what is escaped, within the bound: nearly every label value, and nothing to be done. */
const PLAIN = new RegExp(`^[ !#-[\\]-~]{0,${seriesLimits.labelBytes}}$`)

/** A host's text as a label value: well-formed, no control characters, bounded in bytes, escaped. */
export function labelValue(text: string): string {
  if (PLAIN.test(text)) return text
  const clean = text.toWellFormed().replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '')
  return truncated(clean).replace(/[\\"]/g, '\\$&')
}

function truncated(text: string): string {
  if (text.length <= seriesLimits.labelBytes / 4) return text
  const bytes = Buffer.from(text)
  if (bytes.length <= seriesLimits.labelBytes) return text
  // A character cut in half at the end becomes U+FFFD, which is dropped.
  return bytes
    .subarray(0, seriesLimits.labelBytes)
    .toString('utf8')
    .replace(/\uFFFD+$/, '')
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value)
}
