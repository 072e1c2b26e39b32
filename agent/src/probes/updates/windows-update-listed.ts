import type { FactTypes } from '@fettle/catalog'
import { cut } from '../gather.ts'

type PendingUpdate = FactTypes['updates']['pending'][number]

/** Lists of updates that others made out of the same agent, by title only: nothing in them tells a security update from another. */

const KB = /\bKB\s?(\d{6,8})\b/i

/** An update of which only the title is known. Titles are translated, so they tell no class. */
export function titled(title: string, withheld: PendingUpdate['withheld']): PendingUpdate {
  const kb = KB.exec(title)?.[1]
  return {
    name: kb ? `KB${kb}` : cut(title, 200),
    installed: null,
    candidate: null,
    class: kb === '2267602' ? 'definition' : 'other',
    severity: null,
    published: null,
    origin: kb ? cut(title, 256) : null,
    withheld,
    restart: null,
  }
}

/**
 * `KB1234567: title` rows, bare numbers of articles, or the section that a monitoring agent prints (restart, important, optional counts and
 * the titles of each). Undefined where it is none of these. @throws where it is one and cannot be read
 */
export function listedUpdates(text: string): { readonly pending: PendingUpdate[]; readonly more: number } | undefined {
  const lines = text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .map(line => line.trim())
    .filter(line => line !== '')
  if (lines[0] === '<<<windows_updates>>>') return section(lines.slice(1))
  if (lines.length > 0 && lines.every(line => /^\d{6,8}$/.test(line)))
    return { pending: lines.map(line => titled(`KB${line}`, null)), more: 0 }
  if (lines.length > 0 && lines.every(line => /^KB\d{6,8}: \S/.test(line)))
    return { pending: lines.map(line => titled(line.replace(/^KB\d+: /, ''), null)), more: 0 }
  return undefined
}

function section([counts = '', ...titles]: readonly string[]): { pending: PendingUpdate[]; more: number } {
  const [, important, optional] = /^[01] (\d{1,5}) (\d{1,5})\b/.exec(counts) ?? []
  if (important === undefined || optional === undefined)
    throw new Error(`Windows Update could not be asked: ${cut(`${counts} ${titles.join(' ')}`, 300)}`)
  const lists = [Number(important), Number(optional)].map((count, index) => {
    const own = (Number(important) === 0 && index === 1 ? titles[0] : titles[index]) ?? ''
    return count === 0
      ? []
      : own
          .split(';')
          .map(title => title.trim())
          .filter(title => title !== '')
          .slice(0, count)
  })
  const pending = [...(lists[0] ?? []).map(title => titled(title, null)), ...(lists[1] ?? []).map(title => titled(title, 'deferred'))]
  return { pending, more: Math.max(0, Number(important) + Number(optional) - pending.length) }
}
