import type { Captured } from '../../probe.ts'
import { cut } from '../gather.ts'
import { assertRpmRan, splitNevra } from './rpm-lists.ts'
import { jsonOf, objectOf, type PendingUpdate, textOf, timeOf, wholeLines } from './waiting.ts'

export type Advisory = {
  readonly id: string
  readonly class: PendingUpdate['class']
  readonly severity: PendingUpdate['severity']
  /** Package that carries the fix. */
  readonly name: string
  readonly arch: string
  readonly evr: string
  /** When it was issued, epoch ms; null: not told. */
  readonly published: number | null
}

const severities = ['critical', 'important', 'moderate', 'low'] as const

function severityOf(word: string): PendingUpdate['severity'] {
  return severities.find(severity => word.toLowerCase().startsWith(severity)) ?? null
}

function classOf(type: string): PendingUpdate['class'] {
  const word = type.toLowerCase()
  if (word === 'security' || word.endsWith('/sec.')) return 'security'
  if (['bugfix', 'enhancement', 'newpackage', 'recommended'].includes(word)) return 'quality'
  // A word of another language may be the one for security.
  if (!/^(unknown|unspecified|optional|feature|other|none|)$/.test(word))
    throw new Error(`Cannot tell the kind of an advisory: ${type.slice(0, 40)}`)
  return 'other'
}

/**
 * `dnf updateinfo list` and `yum updateinfo list` (`ID TYPE NEVRA`, where security reads `Important/Sec.`), `dnf5 advisory list` as table or JSON, with
 * and without `--with-cve` (which renames the keys). Many advisories may name a package: all rows are given.
 * @throws Failed where the tool did, Error on a row that cannot be read: it might be the security fix
 */
export function parseAdvisories(captured: Captured, now: number): Advisory[] {
  assertRpmRan(captured)
  const start = captured.text.trimStart()
  if (start.startsWith('[') && !/^\[[a-zA-Z]/.test(start))
    return jsonAdvisories(jsonOf(captured, 'Run dnf5 advisory list --json by hand.'), now)
  return wholeLines(captured).flatMap(line => rowOf(line, now) ?? [])
}

/** Ids of advisories: `RHSA-2024:1234`, `FEDORA-2024-…`, `ALSA-…`, `CVE-…` (`--with-cve`). */
const advisoryId = /^[A-Z][A-Za-z]{1,20}[-:]?[A-Za-z]{0,20}-?\d{4}[-:][\w:.-]{1,60}$/

/** Whether a line names an advisory and the package that carries it. */
export function isAdvisoryRow(line: string): boolean {
  if (line.length > 1000) return false
  const words = line.trim().replace(/^i /, '').split(/\s+/)
  return advisoryId.test(words[0] ?? '') && words.slice(1, 5).some(word => splitNevra(word) !== undefined)
}

function rowOf(line: string, now: number): Advisory | undefined {
  if (line.length > 1000) return undefined
  // `i` marks an advisory that is installed already (`updateinfo list --all`).
  const words = line.trim().split(/\s+/)
  if (words[0] === 'i') return undefined
  const [id = '', type = ''] = words
  if (!advisoryId.test(id)) return undefined
  const at = words.findIndex((word, index) => index >= 2 && splitNevra(word) !== undefined)
  const parts = splitNevra(words[at] ?? '')
  if (!parts) throw new Error(`Cannot read the advisory: ${cut(line, 120)}`)
  const issued = /^(\d{4}-\d\d-\d\d)\s+(\d\d:\d\d:\d\d)$/.exec(words.slice(at + 1).join(' '))
  return {
    id,
    class: classOf(type),
    severity: severityOf(at === 3 ? (words[2] ?? '') : type),
    ...parts,
    published: issued ? timeOf(Date.parse(`${issued[1]}T${issued[2]}Z`), now) : null,
  }
}

function jsonAdvisories(value: unknown, now: number): Advisory[] {
  if (!Array.isArray(value)) throw new Error('Cannot read the advisories: they are no JSON list')
  return value.map(entry => {
    const fields = objectOf(entry) ?? {}
    const type = textOf(fields.type) ?? textOf(fields.advisory_type)
    const nevra = splitNevra(textOf(fields.nevra) ?? '')
    if (type === null || !nevra) throw new Error('Cannot read an advisory: its type or package is missing')
    return {
      id: cut(textOf(fields.name) ?? textOf(fields.advisory_name) ?? '', 100),
      class: classOf(type),
      severity: severityOf(textOf(fields.severity) ?? textOf(fields.advisory_severity) ?? ''),
      ...nevra,
      published: timeOf(builtAt(fields.buildtime), now),
    }
  })
}

/** Seconds, or `2024-12-29 04:14:35` in UTC. */
function builtAt(value: unknown): number | null {
  if (typeof value === 'number') return value * 1000
  const words = typeof value === 'string' ? /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)/.exec(value) : null
  return words ? Date.parse(`${words[1]}T${words[2]}Z`) : null
}
