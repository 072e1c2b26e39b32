import { type Check, type Limit, limitFor, type Unit } from '../check.ts'
import { collectorMetrics } from '../collector-metrics.ts'
import { age } from '../duration.ts'
import { metrics } from '../metrics.ts'
import { subjects } from '../subjects/index.ts'
import { roles } from '../view.ts'
import { ownAlerts } from './alerts.ts'
import { GENERATED } from './prometheus.ts'
import { alertName } from './rule.ts'

const row = (...cells: readonly string[]): string => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [row(...head), row(...head.map(() => '---')), ...rows.map(cells => row(...cells))].join('\n')
const page = (...parts: readonly string[]): string => `<!-- ${GENERATED} -->\n\n${parts.join('\n\n')}\n`
const code = (text: string): string => `\`${text}\``
const codes = (names: readonly string[]): string => names.map(code).join(', ')

/** METRICS.md: every series, what it means and how long it lives. */
export function metricsPage(): string {
  return page(
    '# Metrics',
    'Series of hosts stand at `/metrics/hosts`, each with the label `instance`; those of the collector at `/metrics`. *Core* series are always there, *detail* ones where the configuration asks for them. *State* series stay until the host is removed; *volatile* ones end when its agent is gone. A value that is not known has no series: 0 is never told for it.',
    '## Hosts',
    ...subjectsOfMetrics(),
    '## Collector',
    table(
      ['Metric', 'Type', 'Labels', 'Meaning'],
      collectorMetrics.map(metric => [code(metric.name), metric.type, codes(metric.labels), metric.help]),
    ),
  )
}

function subjectsOfMetrics(): string[] {
  const titled = [
    { title: 'Presence, findings and labels', from: new Set<string>(['presence', 'findings', 'probes']) },
    ...subjects.map(subject => ({ title: subject.title, from: new Set<string>([subject.name]) })),
  ]
  return titled.flatMap(({ title, from }) => {
    const rows = metrics
      .filter(metric => from.has(metric.from))
      .map(metric => [code(metric.name), metric.type, codes(metric.labels), metric.tier, metric.life, metric.help])
    return rows.length === 0 ? [] : [`### ${title}`, table(['Metric', 'Type', 'Labels', 'Tier', 'Life', 'Meaning'], rows)]
  })
}

/** What a source of facts cannot tell: whoever builds the page hands them in, since the catalog does not know who reads. */
export type SourceNote = { readonly subject: string; readonly source: string; readonly blind?: string }

/** CHECKS.md: the runbook that every alert points to. */
export function checksPage(sources: readonly SourceNote[]): string {
  return page(
    '# Checks',
    'What Fettle judges, from which number on, why, and what to do. A check says `ok`, `warning`, `critical` or `unknown`; where a machine has no such thing it says nothing. Unknown means that what it needs could not be read, or is older than three of its intervals: the finding says why and what to do, and it is never taken for ok. Thresholds are defaults: the configuration of the collector overrides them by role and label.',
    ...subjects.flatMap(subject =>
      subject.checks.length === 0
        ? []
        : [`## ${subject.title}`, ...subject.checks.flatMap(check => checkParts(check)), ...blindParts(subject.name, sources)],
    ),
    '## Alerts that are no check',
    ...ownAlerts.flatMap(rule => [`### ${rule.alert}`, rule.meaning ?? rule.annotations.description]),
  )
}

function checkParts(check: Check): string[] {
  const notes = [
    check.hold ? `A worse status counts after ${age(check.hold)}.` : '',
    check.hysteresis ? `While it is bad the limits are ${Math.round(check.hysteresis * 100)} % lower, against flapping.` : '',
    check.sources === 'any' ? 'One good source is enough.' : '',
    check.whenAbsent ? 'Judged also where no source is there at all.' : '',
    check.roles ? `Only on: ${check.roles.join(', ')}.` : '',
  ].filter(note => note !== '')
  return [
    `### ${check.name}`,
    `**${check.title}.** ${check.why}`,
    table(['Role', 'Warning', 'Critical'], thresholdRows(check)),
    ...(notes.length > 0 ? [notes.join(' ')] : []),
    `**What to do:** ${check.remedy}`,
    ...(check.blind ? [`**What it cannot see:** ${check.blind}`] : []),
    `Alert: ${code(alertName(check.name))}`,
  ]
}

/** The checks of a subject see no more than its sources do. */
function blindParts(subject: string, sources: readonly SourceNote[]): string[] {
  const rows = sources.flatMap(({ subject: of, source, blind }) => (of === subject && blind ? [[code(`${of}/${source}`), blind]] : []))
  return rows.length === 0 ? [] : ['### What its sources cannot see', table(['Source', 'Cannot see'], rows)]
}

function thresholdRows(check: Check): string[][] {
  const judged = check.roles ?? roles
  const same = !('default' in check.thresholds)
  const rows = same
    ? [{ name: 'all', limit: limitFor(check.thresholds, 'server') }]
    : judged.map(role => ({ name: role, limit: limitFor(check.thresholds, role) }))
  return rows.map(({ name, limit }) => [name, tier(limit, 'warning', check.unit), tier(limit, 'critical', check.unit)])
}

function tier(limit: Limit, name: keyof Limit, unit: Unit): string {
  const value = limit[name]
  return value === undefined ? '–' : said[unit](value)
}

const said: Readonly<Record<Unit, (value: number) => string>> = {
  milliseconds: value => (value === 0 ? 'once it is over' : age(value)),
  ratio: value => `${Math.round(value * 100)} %`,
  count: String,
  celsius: value => `${value} °C`,
  state: () => 'at once',
}
