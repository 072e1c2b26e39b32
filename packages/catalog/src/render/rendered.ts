import { checksPage, metricsPage, type SourceNote } from './pages.ts'
import { compatRulesYaml, prometheusYaml, rulesYaml, ruleTestsYaml } from './prometheus.ts'

/** All that is generated from the catalog: path from the top of the repository, and text. `sources` are named where they limit what a check can see. */
export function rendered(sources: readonly SourceNote[]): ReadonlyMap<string, string> {
  return new Map([
    ['deploy/prometheus/prometheus.yml', prometheusYaml()],
    ['deploy/prometheus/rules.yml', rulesYaml()],
    ['deploy/prometheus/rules.test.yml', ruleTestsYaml()],
    ['deploy/prometheus/compat-rules.yml', compatRulesYaml()],
    ['METRICS.md', metricsPage()],
    ['CHECKS.md', checksPage(sources)],
  ])
}
