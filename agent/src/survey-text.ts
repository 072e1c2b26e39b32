import { byBadness, type Domain, type Finding, type Status, subjects } from '@fettle/catalog'
import type { Survey } from './survey.ts'

/** How the table is printed. */
export type Layout = { readonly colour: 'on' | 'off'; readonly columns: number; readonly detail: 'bad' | 'all' }

const domainTitles: Readonly<Record<Domain, string>> = {
  host: 'Host',
  hardware: 'Hardware',
  updates: 'Updates',
  backups: 'Backups',
  security: 'Security',
  agent: 'Agent',
}
const domains = Object.keys(domainTitles) as Domain[]

const words: Readonly<Record<Status, string>> = {
  ok: 'ok',
  warning: 'warning',
  critical: 'CRITICAL',
  unknown: 'unknown',
  'not-applicable': '-',
}
const colours: Readonly<Record<Status, number>> = { ok: 32, warning: 33, critical: 31, unknown: 35, 'not-applicable': 90 }
const WORD_WIDTH = 10

/** Exit codes of monitoring plug-ins: the worst of critical, warning, unknown, ok. */
const codes: Readonly<Record<Status, number>> = { ok: 0, 'not-applicable': 0, warning: 1, critical: 2, unknown: 3 }

/** What a monitoring system is told. Nothing judged at all is unknown, never ok. */
export function exitCodeOf(findings: readonly Finding[]): number {
  const [first] = findings.filter(finding => finding.status !== 'not-applicable').sort(byBadness)
  return first ? codes[first.status] : codes.unknown
}

type Row = Finding & {
  readonly subject: string
  readonly domain: Domain
  readonly title: string
  readonly remedy: string | undefined
  readonly more: number
}

/** The survey as a table for people: by domain, worst first, each problem with what to do. */
export function surveyText(survey: Survey, layout: Layout): string {
  const rows = rowsOf(survey.findings)
  const parts = domains.flatMap(domain => {
    const own = rows.filter(row => row.domain === domain).sort(byBadness)
    const shown = own.filter(row => layout.detail === 'all' || (row.status !== 'ok' && row.status !== 'not-applicable'))
    if (shown.length === 0 && own.every(row => row.status === 'not-applicable')) return []
    const heading = bold(domainTitles[domain], layout)
    const lines = shown.length === 0 ? [`${line('ok', 'all that was judged is fine', layout)}\n`] : shown.map(row => rowText(row, layout))
    return [`${heading}\n${lines.join('')}`]
  })
  return `${headingText(survey, layout)}\n\n${parts.join('\n')}\n${summary(survey, layout)}`
}

/** Checks of a subject that cannot be judged for the same reason are one row. */
function rowsOf(findings: readonly Finding[]): Row[] {
  const rows = new Map<string, Row>()
  for (const finding of findings) {
    const found = byName.get(finding.check)
    if (!found) continue
    const { check, subject } = found
    const blind = finding.status === 'unknown' || finding.status === 'not-applicable'
    const key = blind ? `${subject.name} ${finding.status} ${finding.reason} ${finding.hint}` : finding.check
    const same = rows.get(key)
    const row = { ...finding, subject: subject.title, domain: subject.domain, title: check.title, remedy: check.remedy, more: 0 }
    rows.set(key, same ? { ...same, more: same.more + 1 } : row)
  }
  return [...rows.values()]
}

const byName = new Map(subjects.flatMap(subject => subject.checks.map(check => [check.name, { check, subject }] as const)))

function headingText({ host, now }: Survey, layout: Layout): string {
  const right = host.uid === 0 ? '' : ', without root: what it may not read is unknown'
  return `${bold(host.hostname, layout)}, judged as a ${host.role} at ${new Date(now).toISOString().replace(/\.\d+Z$/, 'Z')}${right}`
}

/** A check's title says the problem, so it stands only where there is one. */
function rowText(row: Row, layout: Layout): string {
  const problem = row.status === 'warning' || row.status === 'critical'
  const more = row.more > 0 ? ` (${row.more + 1} checks)` : ''
  const told = line(row.status, `${problem ? row.title : row.subject}: ${row.reason}${more}`, layout)
  const advice = problem ? row.remedy : row.status === 'unknown' ? row.hint : undefined
  return advice ? `${told}\n${wrap(`→ ${advice}`, layout.columns, WORD_WIDTH + 2)}\n` : `${told}\n`
}

function line(status: Status, text: string, layout: Layout): string {
  const word = paint(words[status].padEnd(WORD_WIDTH), colours[status], layout)
  return `  ${word}${wrap(text, layout.columns, WORD_WIDTH + 2).trimStart()}`
}

function summary({ findings }: Survey, layout: Layout): string {
  const order: Status[] = ['critical', 'warning', 'unknown', 'ok']
  const told = order.map(status => paint(`${count(findings, status)} ${status}`, colours[status], layout)).join(', ')
  const rest = count(findings, 'not-applicable')
  return `${told}${rest > 0 ? `; ${rest} do not apply here` : ''}\n`
}

function count(findings: readonly Finding[], status: Status): number {
  return findings.filter(finding => finding.status === status).length
}

function paint(text: string, colour: number, layout: Layout): string {
  return layout.colour === 'on' ? `\u001b[${colour}m${text}\u001b[0m` : text
}

function bold(text: string, layout: Layout): string {
  return layout.colour === 'on' ? `\u001b[1m${text}\u001b[0m` : text
}

/** Breaks between words; what comes from the machine must not steer the terminal. */
function wrap(text: string, columns: number, indent: number): string {
  const width = Math.max(30, columns - indent)
  const lines: string[] = []
  let current = ''
  for (const word of text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').split(' ')) {
    if (current && current.length + 1 + word.length > width) {
      lines.push(current)
      current = word
    } else current = current ? `${current} ${word}` : word
  }
  return [...lines, current].map(each => ' '.repeat(indent) + each).join('\n')
}
