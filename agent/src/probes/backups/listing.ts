/** What lies in a folder, and where it is mounted: pure readings for markers. */

/** An entry of a listing. */
export type Entry = { readonly kind: string; readonly size: number; readonly modifiedAt: number; readonly name: string }

/** Lines of `find FOLDER -mindepth 1 -maxdepth 1 -printf '%y %s %T@ %f\n'`: kind, bytes, modification time in epoch seconds, name; find(1). @throws Error on any other line */
export function parseListing(text: string): Entry[] {
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => {
      const [, kind = '', size = '', seconds = '', name = ''] = /^([a-zA-Z]) (\d{1,16}) (-?\d{1,14}(?:\.\d{1,10})?) (.+)$/.exec(line) ?? []
      if (name === '') throw new Error('the listing of the folder has a line that is none')
      return { kind, size: Number(size), modifiedAt: Math.round(Number(seconds) * 1000), name }
    })
}

/** One line of such a listing. A line break in a name cannot be written; such a file is nobody's backup. */
export function listingLine(entry: Entry): string {
  if (/[\r\n]/.test(entry.name) || entry.name === '') return ''
  return `${entry.kind} ${entry.size} ${(entry.modifiedAt / 1000).toFixed(3)} ${entry.name}\n`
}

/** Files that are being written, or that are no backup. */
export function isUnfinished(name: string): boolean {
  return name.startsWith('.') || name.endsWith('~') || /\.(tmp|temp|part|partial|filepart|crdownload)$/i.test(name)
}

/** Whether a name matches a pattern of `*` (any characters) and `?` (one). Never takes longer than the product of their lengths. */
export function matchesGlob(pattern: string, name: string): boolean {
  let at = 0
  let inPattern = 0
  let star = -1
  let resume = 0
  while (at < name.length) {
    const wanted = pattern[inPattern]
    if (wanted === '*') {
      star = inPattern++
      resume = at
    } else if (wanted === '?' || wanted === name[at]) {
      inPattern++
      at++
    } else if (star >= 0) {
      inPattern = star + 1
      at = ++resume
    } else return false
  }
  return /^\**$/.test(pattern.slice(inPattern))
}

/** What is mounted where. */
export type Mount = { readonly point: string; readonly type: string }

/** /proc/self/mountinfo; see proc_pid_mountinfo(5). Later mounts hide earlier ones of the same point. */
export function parseMountinfo(text: string): Mount[] {
  return text.split('\n').flatMap(line => {
    const [before = '', after = ''] = line.split(' - ')
    const point = before.split(' ')[4]
    const type = after.split(' ')[0]
    return point?.startsWith('/') && type ? [{ point: unescaped(point), type }] : []
  })
}

/** Mount points of /etc/fstab; see fstab(5). */
export function parseFstab(text: string): string[] {
  return text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('#'))
    .map(line => unescaped(line.split(/\s+/)[1] ?? ''))
    .filter(point => point.startsWith('/'))
}

/** Blanks, tabs, line feeds and backslashes are written as octal numbers. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}

/** The longest of the points that the path lies on, or undefined. */
export function holding(points: readonly string[], path: string): string | undefined {
  return points
    .filter(point => point === '/' || path === point || path.startsWith(`${point.replace(/\/$/, '')}/`))
    .sort((a, b) => b.length - a.length)[0]
}
