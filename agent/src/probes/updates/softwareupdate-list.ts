import type { FactTypes } from '@fettle/catalog'
import { Failed } from '../../probe.ts'
import { cut } from '../gather.ts'
import { type Dict, dictsOf, textIn } from '../property-list.ts'

export type PendingUpdate = FactTypes['updates']['pending'][number]

/** A listing with more rows than any Mac ever had is no listing. */
const MOST_ROWS = 1500

/** Whether a text is what `softwareupdate --list` prints, its errors included. */
export function isListing(text: string): boolean {
  return /^Software Update Tool|^Software Update found|^Finding available software|^No new software available|Scan finished with error/m.test(
    text,
  )
}

/** Whether the listing comes from a scan made for it, not from an earlier one. */
export const scanned = (text: string): boolean => /^Finding available software/m.test(text)

const REFUSAL =
  /scan finished with error|^[ \t]*Error\b|can.t connect|could ?n.t communicate|could not communicate|timed out|not connected to the internet|no such (server|catalog)|operation couldn.t be completed/im

/** What went wrong with looking, in the tool's words; null where it tells nothing. Errors come on standard output as well. */
export function errorOf(text: string): string | null {
  const line = text.split('\n', 2_000).find(candidate => REFUSAL.test(candidate))
  return line === undefined ? null : cut(line, 300)
}

/**
 * Rows of `softwareupdate --list`, by label; macOS 10.15 and later print `* Label: X` and a line of `Name: value` pairs, older ones `* X` and
 * `title (version), size [recommended] [restart]`. See softwareupdate(8). No `Action` means: no restart.
 * @param running ProductVersion of the system, which tells upgrades from updates; null where not known
 * @throws Failed where nothing is listed and the tool does not say that nothing is there: an error leaves the same empty list
 */
export function listed(text: string, stderr: string, running: string | null): PendingUpdate[] {
  const lines = text.split('\n')
  const rows: PendingUpdate[] = []
  for (const [at, line] of lines.entries()) {
    const label = /^\s*\* (?:Label: )?(.{1,400})$/.exec(line)?.[1]?.trim()
    if (label === undefined) continue
    const next = lines[at + 1] ?? ''
    if (!/^\s+\S.*[,\])]/.test(next)) throw new Error(`Cannot read the row ${cut(label, 100)}: what should follow it is cut off`)
    rows.push(row(label, next, running))
    if (rows.length > MOST_ROWS) throw new Error(`Cannot believe a listing of more than ${MOST_ROWS} updates`)
  }
  if (rows.length > 0) return rows
  const said = `${text}\n${stderr}`
  const error = errorOf(said)
  if (error)
    throw new Failed(`macOS could not look for updates: ${error}`, 'See whether the Mac reaches swscan.apple.com and gdmf.apple.com.')
  if (/^No new software available\.?\s*$/m.test(said)) return []
  throw new Error('Cannot tell whether updates wait: softwareupdate lists none and does not say "No new software available."')
}

function row(label: string, details: string, running: string | null): PendingUpdate {
  const field = (name: string) => new RegExp(`(?:^|[,\\t ])${name}: ([^,]{1,200})`).exec(details)?.[1]?.trim() ?? null
  const title = field('Title') ?? label
  const version = field('Version') ?? /\(([^()]{1,64})\), [\d.]+ ?[KMG]/.exec(details)?.[1] ?? null
  const action = field('Action')
  return {
    name: cut(label, 200),
    installed: null,
    candidate: version === null ? null : cut(version, 128),
    class: classOf(title, version, running),
    severity: null,
    published: null,
    origin: 'Apple',
    withheld: /^yes$/i.test(field('Deferred') ?? '') ? 'deferred' : null,
    restart: action !== null ? /restart|shut ?down/i.test(action) : /\[(restart|shut down)\]/i.test(details),
  }
}

/** Items of `RecommendedUpdates`, the result of the last scan that the system keeps. */
export function recommended(settings: Dict, running: string | null): PendingUpdate[] | null {
  const items = settings.RecommendedUpdates
  if (!Array.isArray(items)) return null
  return dictsOf(items.slice(0, MOST_ROWS)).map(item => {
    const name = textIn(item['Display Name']) ?? textIn(item.Identifier) ?? textIn(item['Product Key'])
    if (name === null) throw new Error('Cannot read a recommended update that has no name')
    const version = textIn(item['Display Version'])
    return {
      name: cut(textIn(item.Identifier) ?? name, 200),
      installed: null,
      candidate: version === null ? null : cut(version, 128),
      class: classOf(name, version, running),
      severity: null,
      published: null,
      origin: 'Apple',
      withheld: null,
      restart: null,
    }
  })
}

/**
 * Apple tells no classes, but mends security in releases of macOS, Safari and Rapid Security Responses alone: these count as security. A higher
 * major version is an upgrade. `other` where the running version is not known, since then the two cannot be told apart.
 */
function classOf(title: string, version: string | null, running: string | null): PendingUpdate['class'] {
  if (/rapid security response|background security improvement|^security update/i.test(title)) return 'security'
  if (/xprotect|gatekeeper|\bMRT\b|malware removal/i.test(title)) return 'definition'
  if (/firmware|\bSMC\b|\bEFI\b/i.test(title)) return 'firmware'
  if (/^safari/i.test(title)) return 'security'
  if (!/^(install )?(macOS|OS X|Mac OS X)\b/i.test(title)) return 'quality'
  const [there, here] = [release(version), release(running)]
  if (there === null || here === null) return 'other'
  return there > here ? 'feature' : 'security'
}

/** The number that Apple calls a major release: 10.15, 11, 26. */
function release(version: string | null): number | null {
  const [, major, minor] = /^(\d{1,3})(?:\.(\d{1,3}))?/.exec(version ?? '') ?? []
  if (major === undefined) return null
  return major === '10' ? 10 + Number(minor ?? 0) / 1000 : Number(major)
}
