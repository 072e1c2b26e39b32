/**
 * Orders two Debian version numbers as dpkg does: epoch, upstream version, revision; see deb-version(7).
 * Negative: `a` is older; positive: newer; 0: the same. Takes any text: what is no version is still ordered by the same rules.
 */
export function compareDebVersions(a: string, b: string): number {
  const left = split(a)
  const right = split(b)
  return compareNumbers(left.epoch, right.epoch) || comparePart(left.upstream, right.upstream) || comparePart(left.revision, right.revision)
}

function split(version: string): { epoch: string; upstream: string; revision: string } {
  const text = version.trim()
  const colon = text.indexOf(':')
  const epoch = colon > 0 && /^\d+$/.test(text.slice(0, colon)) ? text.slice(0, colon) : '0'
  const rest = colon > 0 && /^\d+$/.test(text.slice(0, colon)) ? text.slice(colon + 1) : text
  const dash = rest.lastIndexOf('-')
  return dash === -1 ? { epoch, upstream: rest, revision: '' } : { epoch, upstream: rest.slice(0, dash), revision: rest.slice(dash + 1) }
}

/** Alternates a part without digits, compared by `weight`, and a number, until one side differs. */
function comparePart(a: string, b: string): number {
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    while (isText(a, i) || isText(b, j)) {
      const difference = weight(a, i) - weight(b, j)
      if (difference !== 0) return difference
      i++
      j++
    }
    const left = digitsAt(a, i)
    const right = digitsAt(b, j)
    const difference = compareNumbers(left, right)
    if (difference !== 0) return difference
    i += left.length
    j += right.length
  }
  return 0
}

function isText(text: string, at: number): boolean {
  return at < text.length && !isDigit(text.charCodeAt(at))
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

/** `~` sorts before the end, the end before letters, letters before everything else. */
function weight(text: string, at: number): number {
  const code = text.charCodeAt(at)
  if (at >= text.length || isDigit(code)) return 0
  if (code === 126) return -1
  const isLetter = (code >= 65 && code <= 90) || (code >= 97 && code <= 122)
  return isLetter ? code : code + 256
}

function digitsAt(text: string, from: number): string {
  let end = from
  while (end < text.length && isDigit(text.charCodeAt(end))) end++
  return text.slice(from, end)
}

/** Numbers of any length: revisions that are dates and hashes overflow a double. */
function compareNumbers(a: string, b: string): number {
  const left = a.replace(/^0+/, '')
  const right = b.replace(/^0+/, '')
  if (left.length !== right.length) return left.length - right.length
  return left < right ? -1 : left > right ? 1 : 0
}
