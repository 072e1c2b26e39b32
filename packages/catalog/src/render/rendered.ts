import { checksPage, metricsPage } from './pages.ts'
import { compatRulesYaml, prometheusYaml, rulesYaml, ruleTestsYaml } from './prometheus.ts'

/** All that is generated from the catalog: path from the top of the repository, and text. */
export function rendered(): ReadonlyMap<string, string> {
  return new Map([
    ['deploy/prometheus/prometheus.yml', prometheusYaml()],
    ['deploy/prometheus/rules.yml', rulesYaml()],
    ['deploy/prometheus/rules.test.yml', ruleTestsYaml()],
    ['deploy/prometheus/compat-rules.yml', compatRulesYaml()],
    ['METRICS.md', metricsPage()],
    ['CHECKS.md', checksPage()],
  ])
}
