/** Text that is already HTML; only `html` makes it. */
class Html {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
  toString(): string {
    return this.text
  }
}

export type { Html }

/** What may stand in a hole of a template. */
export type Inner = Html | string | number | null | undefined | false | readonly Inner[]

/** A template whose holes are escaped, whatever they hold: what comes from a host can be text only, never markup. */
export function html(parts: TemplateStringsArray, ...holes: Inner[]): Html {
  return new Html(parts.map((part, i) => (i < holes.length ? part + rendered(holes[i]) : part)).join(''))
}

function rendered(inner: Inner): string {
  if (inner === null || inner === undefined || inner === false) return ''
  if (inner instanceof Html) return inner.text
  if (typeof inner === 'number') return String(inner)
  return typeof inner === 'string' ? escaped(inner) : inner.map(rendered).join('')
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** HTML's five, and control characters and bidirectional overrides made visible: a name cannot pose as another. */
function escaped(text: string): string {
  return text
    .replace(/[&<>"']/g, character => entities[character] ?? '')
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '\uFFFD')
}
