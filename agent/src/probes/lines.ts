/** Longest line that tools of these kinds print, characters; what is longer is none of theirs. */
const LONGEST_LINE = 2000

/** Lines without trailing spaces, each cut to what a real one may have: patterns that look for `key: value` stay cheap on hostile text. */
export function linesOf(text: string): string[] {
  return text.split('\n').map(line => line.slice(0, LONGEST_LINE).trimEnd())
}
