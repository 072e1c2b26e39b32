/** Random numbers that come again with their seed (mulberry32): what was found can be found again. */
export type Random = {
  /** 0 up to, and without, `below`. */
  int(below: number): number
  pick<T>(from: readonly T[]): T
}

export function seeded(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const int = (below: number) => Math.floor(next() * below)
  return {
    int,
    pick(from) {
      const [first] = from
      if (first === undefined) throw new Error('Cannot pick from nothing')
      return from[int(from.length)] ?? first
    },
  }
}

/** Longest input, bytes: beyond it only time is tried. */
const LONGEST = 256 * 1024

/** What readers stumble over, whatever they read. */
const words = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  '{"__proto__":{"x":1}}',
  '[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[',
  '}}}}',
  '\\u005f_proto__',
  '\\ud800',
  '\u0000',
  '\u001b[31m',
  '\r\n',
  '\ufeff',
  '\u202e',
  'NaN',
  '-0',
  '1e400',
  '9007199254740993',
  '4294967295',
  '1601-01-01T00:00:00Z',
  '-1',
  '../../etc/passwd',
  '%00',
  '%ff%fe',
  '&a=&a=',
  '!!js/function',
  '&x *x',
  '<<: *x',
  'null',
  'true',
  '""',
  "'",
  '`',
]

/** A text made from one of a corpus, or from two, by one to four changes. */
export function mutated(corpus: readonly string[], random: Random): string {
  let text = random.pick(corpus)
  for (let changes = 1 + random.int(4); changes > 0; changes--) text = changed(text, corpus, random)
  return text.slice(0, LONGEST)
}

function changed(text: string, corpus: readonly string[], random: Random): string {
  const at = random.int(text.length + 1)
  const length = random.int(Math.min(text.length - at, 1 + random.int(200)) + 1)
  const around = (middle: string) => text.slice(0, at) + middle + text.slice(at + length)
  switch (random.int(10)) {
    case 0:
      return text.slice(0, at)
    case 1:
      return around('')
    case 2:
      return around(random.pick(words))
    case 3:
      return around(text.slice(at, at + length).repeat(2 + random.int(30)))
    case 4:
      return around(String.fromCodePoint(random.int(0x110000)))
    case 5: {
      const other = random.pick(corpus)
      return text.slice(0, at) + other.slice(random.int(other.length + 1))
    }
    case 6:
      return text.replace(/\d+/, () => random.pick(['0', '-1', '1e400', '99999999999999999999', '0x10', '٣', '1.5']))
    case 7:
      return around(random.pick(words).repeat(1 + random.int(2_000)))
    case 8: {
      const lines = text.split('\n')
      const line = random.int(lines.length)
      return [...lines.slice(0, line), ...lines.slice(line + 1), lines[line] ?? ''].join('\n')
    }
    default:
      return around(String.fromCharCode((text.charCodeAt(at) || 0) ^ (1 << random.int(8))))
  }
}
