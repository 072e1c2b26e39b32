/**
 * Whether a text fits a pattern in which `*` stands for any characters and `?` for one; everything else stands for itself, whatever its case.
 * Takes at most as many steps as both lengths multiplied: no pattern can run away.
 */
export function fits(pattern: string, text: string): boolean {
  const wanted = pattern.toLowerCase()
  const given = text.toLowerCase()
  let at = 0
  let star = -1
  let resumed = 0
  let i = 0
  while (i < given.length) {
    if (wanted[at] === '*') {
      star = at++
      resumed = i
    } else if (at < wanted.length && (wanted[at] === '?' || wanted[at] === given[i])) {
      at++
      i++
    } else if (star >= 0) {
      at = star + 1
      i = ++resumed
    } else return false
  }
  while (wanted[at] === '*') at++
  return at === wanted.length
}
