import { subjects } from '@fettle/catalog'
import { keyOf, type Probe } from './probe.ts'

const systems = { linux: 'Linux', win32: 'Windows', darwin: 'macOS' } as const

/** SOURCES.md: where every fact comes from, what reading it takes, and what it cannot tell. */
export function sourcesPage(probes: readonly Probe[]): string {
  const parts = subjects.flatMap(({ name, title }) => {
    const of = probes.filter(({ subject }) => subject === name)
    return of.length === 0 ? [] : [`## ${title}`, ...of.flatMap(sourceParts)]
  })
  return `${[head(probes), bySystem(probes), ...parts].join('\n\n')}\n`
}

function head(probes: readonly Probe[]): string {
  const counts = Object.entries(systems).map(
    ([platform, name]) => `${probes.filter(({ platforms }) => platforms.some(one => one === platform)).length} on ${name}`,
  )
  return [
    '<!-- Generated from the list of probes by `npm run generate`: change agent/src/probes instead. -->',
    '# Sources',
    `Every source that the agent reads: ${counts.join(', ')}. A source that a machine does not have costs one look for its file or command, every three hours at most. All commands run without a shell, with a deadline, a cap on what they may print and at lowered priority; a *heavy* one runs alone. No source uses the network unless its row says by which setting. \`fettle-agent parse --list\` prints the same, and \`fettle-agent parse SUBJECT/SOURCE FILE\` reads captured output as the agent would.`,
  ].join('\n\n')
}

function bySystem(probes: readonly Probe[]): string {
  const cell = (subject: string, platform: string) =>
    probes
      .filter(probe => probe.subject === subject && probe.platforms.some(one => one === platform))
      .map(({ subject: of, source }) => `[${source}](#${of}${source})`)
      .join(', ')
  const rows = subjects.map(
    ({ name }) =>
      `| ${name} | ${Object.keys(systems)
        .map(platform => cell(name, platform))
        .join(' | ')} |`,
  )
  return [`| Subject | ${Object.values(systems).join(' | ')} |`, '| --- | --- | --- | --- |', ...rows].join('\n')
}

function sourceParts(probe: Probe): string[] {
  const rows = [
    ['Systems', probe.platforms.map(platform => systems[platform]).join(', ')],
    [
      'Reads',
      Object.entries(probe.inputs)
        .map(([name, { from }]) => `*${name}*: ${escaped(from)}`)
        .join('<br>'),
    ],
    ['When', whenRead(probe)],
    ['Privilege', probe.privilege ?? 'none'],
    ['Network', probe.network ?? 'never'],
    ['Cost', costOf(probe)],
    ...(probe.setting ? [['Settings', `\`${probe.subject}.${probe.source}\`: ${probe.setting.doc}`]] : []),
    ['Cannot tell', probe.blind ?? ''],
  ]
  return [
    `### ${keyOf(probe)}`,
    [
      '| | |',
      '| --- | --- |',
      ...rows.map(([name, text = '']) => `| ${name} | ${text.replaceAll('|', '\\|').replaceAll('\n', ' ')} |`),
    ].join('\n'),
  ]
}

function whenRead({ every, watch = [] }: Probe): string {
  const watched = watch.length === 0 ? '' : `, and when one of these changes: ${watch.map(escaped).join(', ')}`
  return `every ${every}${watched}`
}

/** What is known of the cost: stated or measured, else by the doors that it uses. */
function costOf({ cost, heavy, timeout, inputs }: Probe): string {
  const froms = Object.values(inputs).map(({ from }) => from)
  const doors = froms.every(from => from.startsWith('/'))
    ? 'reads files'
    : froms.some(from => from.startsWith('powershell '))
      ? 'a part of the shared PowerShell process'
      : 'starts commands'
  return `${cost ?? doors}${heavy ? '; heavy: runs alone' : ''}; at most ${timeout}`
}

/** Commands and paths hold characters that Markdown would take for its own. */
function escaped(text: string): string {
  return `\`${text.replaceAll('`', "'")}\``
}
