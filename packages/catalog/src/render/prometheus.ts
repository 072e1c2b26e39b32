import { stringify } from 'yaml'
import { alertGroups } from './alerts.ts'
import { compatGroup, fleetGroup } from './records.ts'
import { type AlertRule, type Group, jobs, type RecordingRule, RUNBOOK } from './rule.ts'

/** The first lines of every generated file. */
export const GENERATED = 'Generated from the catalog by `npm run generate`: change packages/catalog/src instead.'

const groups: readonly Group[] = [fleetGroup, ...alertGroups]
const yaml = (comments: readonly string[], data: unknown): string =>
  `${[GENERATED, ...comments].map(line => `# ${line}`).join('\n')}\n${stringify(data, { lineWidth: 0, aliasDuplicateObjects: false })}`

const isAlert = (rule: AlertRule | RecordingRule): rule is AlertRule => 'alert' in rule

/** Scrape configuration: the collector itself, and the hosts through its service discovery. */
export function prometheusYaml(): string {
  return yaml(['For a Prometheus beside the collector; elsewhere, name its address, and give a token with the role `viewer`.'], {
    global: { scrape_interval: '60s', scrape_timeout: '30s', evaluation_interval: '30s' },
    rule_files: ['rules.yml'],
    alerting: { alertmanagers: [{ static_configs: [{ targets: ['127.0.0.1:9093'] }] }] },
    scrape_configs: [
      { job_name: jobs.collector, static_configs: [{ targets: ['127.0.0.1:7300'] }] },
      {
        job_name: jobs.hosts,
        honor_labels: true,
        body_size_limit: '256MB',
        sample_limit: 500_000,
        http_sd_configs: [{ url: 'http://127.0.0.1:7300/sd/prometheus', refresh_interval: '60s' }],
      },
    ],
  })
}

/** Alerting and recording rules. */
export function rulesYaml(): string {
  const rendered = groups.map(group => ({
    name: group.name,
    rules: group.rules.map(rule => (isAlert(rule) ? alertYaml(rule) : recordYaml(rule))),
  }))
  return yaml([], { groups: rendered })
}

function alertYaml(rule: AlertRule) {
  return {
    alert: rule.alert,
    expr: rule.expr,
    ...(rule.for === undefined ? {} : { for: rule.for }),
    labels: rule.labels,
    annotations: { ...rule.annotations, runbook_url: runbookUrl(rule) },
  }
}

const runbookUrl = (rule: AlertRule): string => `${RUNBOOK}#${rule.anchor}`
const recordYaml = ({ record, expr, labels }: RecordingRule) => ({ record, expr, ...(labels ? { labels } : {}) })

/** A unit test of every rule: that it fires, and that it keeps silent. */
export function ruleTestsYaml(): string {
  return yaml(['Run by `promtool test rules`.'], {
    rule_files: ['rules.yml'],
    evaluation_interval: '1m',
    tests: groups.flatMap(testsOf),
  })
}

/**
 * The tests of a group. Alerts of checks read a series each that no other reads: they are tested side by side, since every test evaluates all rules at
 * every step.
 */
function testsOf(group: Group) {
  const rules = group.rules.filter(isFirstOfName)
  const alerts = rules.filter(isAlert)
  if (alerts.length < rules.length || !alerts.every(({ labels }) => 'check' in labels))
    return rules.map(rule => (isAlert(rule) ? alertTest(rule) : recordTest(rule)))
  const tests = alerts.map(alertTest)
  return [
    {
      name: group.name,
      interval: '1m',
      input_series: tests.flatMap(test => test.input_series),
      alert_rule_test: tests.flatMap(test => test.alert_rule_test),
    },
  ]
}

/** Rules of one name differ in severity and are tested together. */
const isFirstOfName = (rule: AlertRule | RecordingRule): boolean => !isAlert(rule) || namesakes(rule)[0] === rule
const namesakes = (rule: AlertRule): readonly AlertRule[] =>
  groups.flatMap(group => group.rules.filter(isAlert)).filter(other => other.alert === rule.alert)

function alertTest(rule: AlertRule) {
  return {
    name: rule.alert,
    interval: '1m',
    input_series: rule.test.inputs,
    alert_rule_test: rule.test.expects.map(({ at }) => ({
      eval_time: at,
      alertname: rule.alert,
      exp_alerts: namesakes(rule).flatMap(other => expected(other, at)),
    })),
  }
}

const expected = (rule: AlertRule, at: string) =>
  (rule.test.expects.find(expectation => expectation.at === at)?.labels ?? []).map(exp_labels => ({
    exp_labels,
    exp_annotations: annotationsFor(rule, exp_labels),
  }))

/** Annotations as Prometheus fills them in; `$value` of the only rule that says it is its count of three. */
function annotationsFor(rule: AlertRule, labels: Readonly<Record<string, string>>) {
  const fill = (text: string) =>
    text.replace(/\{\{ \$labels\.(\w+) \}\}/g, (_, name: string) => labels[name] ?? '').replaceAll('{{ $value }}', '3')
  return { summary: fill(rule.annotations.summary), description: fill(rule.annotations.description), runbook_url: runbookUrl(rule) }
}

function recordTest(rule: RecordingRule) {
  return {
    name: rule.record,
    interval: '1m',
    input_series: rule.test.inputs,
    promql_expr_test: [{ expr: rule.record, eval_time: rule.test.at, exp_samples: rule.test.samples }],
  }
}

/** Names of other exporters for those who move to Fettle with their old dashboards. */
export function compatRulesYaml(): string {
  const comments = [
    'Optional. Old dashboards read these names; load it only where the exporters that own them do not run,',
    'or their alerts and these fire twice.',
  ]
  return yaml(comments, { groups: [compatGroup] })
}
