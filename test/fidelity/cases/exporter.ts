import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Samples } from '../case.ts'

const OUTPUT = 'sensors_edac_power/prometheus+node_exporter/collector/fixtures/e2e-output.txt'

type Labels = Readonly<Record<string, string>>
type Metrics = {
  /** The value of the series with these labels, whatever else it has. */
  value(name: string, labels: Labels): number | undefined
  /** Every series of a name. */
  all(name: string): readonly { readonly labels: Labels; readonly value: number }[]
}

/** What node_exporter reads from the fixtures that are among the samples, by its own end-to-end test. */
export function exporterMetrics(samples: Samples): Metrics {
  const text = samples.files.includes(OUTPUT) ? readFileSync(join(samples.root, OUTPUT), 'utf8') : ''
  const series = text.split('\n').flatMap(line => {
    const [, name, inside = '', value] = /^(node_\w+)\{(.*)\} (\S+)$/.exec(line) ?? []
    if (name === undefined) return []
    const labels = Object.fromEntries([...inside.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', said = '']) => [key, said]))
    return [{ name, labels, value: Number(value) }]
  })
  const all = (name: string) => series.filter(one => one.name === name)
  const fits = (of: Labels, wanted: Labels) => Object.entries(wanted).every(([key, value]) => of[key] === value)
  return { all, value: (name, labels) => all(name).find(one => fits(one.labels, labels))?.value }
}
