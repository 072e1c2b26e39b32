import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { collectorMetrics } from '../collector-metrics.ts'
import { metrics } from '../metrics.ts'
import { rendered } from './rendered.ts'
import { alertName, allChecks } from './rule.ts'

const files = rendered([{ subject: 'clock', source: 'sundial', blind: 'The time at | night.' }])
const textOf = (path: string): string => files.get(path) ?? ''
type Rule = { alert?: string; record?: string; expr: string; labels?: Record<string, string>; annotations?: Record<string, string> }
const rulesOf = (path: string): Rule[] => parse(textOf(path)).groups.flatMap((group: { rules: Rule[] }) => group.rules)

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fettle-rules-'))
  for (const [path, text] of files) {
    const at = join(folder, path)
    mkdirSync(join(at, '..'), { recursive: true })
    writeFileSync(at, text)
  }
})
afterAll(() => rmSync(folder, { recursive: true }))

/** promtool plays minutes of each rule: on a busy machine that takes longer than a test may. */
const LONG = 300_000

const promtool = (...args: string[]): string =>
  execFileSync('promtool', args, { cwd: join(folder, 'deploy/prometheus'), encoding: 'utf8', stdio: 'pipe' })

test('the page of checks tells what each source cannot see', () => {
  expect(textOf('CHECKS.md')).toContain('| `clock/sundial` | The time at \\| night. |')
})

test(
  'promtool accepts rules and configuration',
  () => {
    expect(promtool('check', 'rules', '--lint=all', '--lint-fatal', 'rules.yml', 'compat-rules.yml')).toContain('SUCCESS')
    expect(promtool('check', 'config', 'prometheus.yml')).toContain('SUCCESS')
  },
  LONG,
)

test(
  'every rule fires when it should and keeps silent when it should not',
  () => {
    expect(promtool('test', 'rules', 'rules.test.yml')).toContain('SUCCESS')
  },
  LONG,
)

test(
  'a rule that is broken fails its test',
  () => {
    const broken = textOf('deploy/prometheus/rules.yml').replace('{check="os-support"} == 2', '{check="os-support"} == 1')
    writeFileSync(join(folder, 'deploy/prometheus/broken.yml'), broken)
    const tests = textOf('deploy/prometheus/rules.test.yml').replace('- rules.yml', '- broken.yml')
    writeFileSync(join(folder, 'deploy/prometheus/broken.test.yml'), tests)
    expect(() => promtool('test', 'rules', 'broken.test.yml')).toThrow('FAILED')
  },
  LONG,
)

test('every check has its two alerts, and every rule its test', () => {
  const alerts = new Set(rulesOf('deploy/prometheus/rules.yml').map(rule => `${rule.alert} ${rule.labels?.severity}`))
  type RuleTest = { alert_rule_test?: { alertname: string }[]; promql_expr_test?: { expr: string }[] }
  const tests: RuleTest[] = parse(textOf('deploy/prometheus/rules.test.yml')).tests
  const tested = new Set([
    ...tests.flatMap(test => test.alert_rule_test?.map(({ alertname }) => alertname) ?? []),
    ...tests.flatMap(test => test.promql_expr_test?.map(({ expr }) => expr) ?? []),
  ])
  for (const { check } of allChecks) {
    expect(alerts).toContain(`${alertName(check.name)} warning`)
    expect(alerts).toContain(`${alertName(check.name)} critical`)
  }
  const untested = rulesOf('deploy/prometheus/rules.yml').filter(rule => !tested.has(rule.alert ?? rule.record ?? ''))
  expect(untested).toEqual([])
})

test('expressions name only metrics of the catalog', () => {
  const known = new Set([...metrics, ...collectorMetrics].map(metric => metric.name))
  const named = [...rulesOf('deploy/prometheus/rules.yml'), ...rulesOf('deploy/prometheus/compat-rules.yml')].flatMap(
    rule => rule.expr.match(/\bfettle_\w+/g) ?? [],
  )
  expect(named.length).toBeGreaterThan(100)
  expect(named.filter(name => !known.has(name.replace(/_(bucket|sum|count)$/, '')) && !known.has(name))).toEqual([])
})

test('every runbook address leads to a heading', () => {
  const headings = new Set([...textOf('CHECKS.md').matchAll(/^### (.+)$/gm)].map(([, heading]) => heading?.toLowerCase()))
  const urls = rulesOf('deploy/prometheus/rules.yml').flatMap(rule => rule.annotations?.runbook_url ?? [])
  expect(urls.length).toBeGreaterThan(100)
  expect(urls.filter(url => !headings.has(url.split('#')[1]))).toEqual([])
})

test('each check is named after a subject, once, and says why and what to do', () => {
  const names = allChecks.map(({ check }) => check.name)
  expect(new Set(names).size).toBe(names.length)
  for (const { check, subject } of allChecks) {
    expect(check.subject).toBe(subject.name)
    expect(check.name).toMatch(/^[a-z]+(-[a-z]+)+$/)
    expect(check.why.length).toBeGreaterThan(20)
    expect(check.remedy.length).toBeGreaterThan(15)
  }
})
