import { createHash } from 'node:crypto'

const HIDDEN = '[redacted]'

/** What looks like a secret in the output of a tool: `password = x`, `"token": "x"`, `//user:x@host`, private keys, password hashes of crypt(5). */
const secrets: readonly [RegExp, string][] = [
  [/-----BEGIN ([A-Z ]{0,40})PRIVATE KEY-----[\s\S]{0,20000}?-----END [A-Z ]{0,40}PRIVATE KEY-----/g, HIDDEN],
  [/(\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:/@"']{0,128}:)[^\s/@"']{1,256}@/gi, `$1${HIDDEN}@`],
  [/\$(?:1|2[abxy]|5|6|7|y|gy)\$[./A-Za-z0-9$=,]{8,256}/g, HIDDEN],
  [
    /(\b[\w.-]{0,40}(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|authorization|credential)s?"?[ \t]{0,4}[:=][ \t]{0,4}"?(?:basic |bearer )?)[^\s",;&]{1,512}/gi,
    `$1${HIDDEN}`,
  ],
]

/** The text without what looks like a secret. */
export function redact(text: string): string {
  return secrets.reduce((shorter, [pattern, instead]) => shorter.replace(pattern, instead), text)
}

const serials =
  /\b(?:(?:adapter)?serial[ _]?(?:number|no)?|product_uuid|machine[ _]?id|guid)"?[ \t]{0,4}[:=][ \t]{0,20}"?([A-Za-z0-9_-]{4,64})/gi
/** What Windows tells a disk by: its EUI-64 or NAA, which is as good as its serial number. */
const uniqueIds = /\bUniqueId"?[ \t]{0,4}[:=][ \t]{0,20}"?(?:eui\.|naa\.)?([A-Za-z0-9]{8,64})/gi
const serialPath = /(?:machine-id|_serial|product_uuid|\/serial)$/

/** Host names that stand for something else in the output of tools. */
const everyday = /^(?:localhost|linux|debian|ubuntu|fedora|root|server|none|unknown)$/i
/** What stands for the host name. */
export const HOST_PSEUDONYM = 'machine-1'

/** Names that tell this machine from others, found in what was read: each with what stands for it. */
export class Pseudonyms {
  readonly #known = new Map<string, string>()

  constructor(hostname: string) {
    this.#add(hostname, HOST_PSEUDONYM)
    this.#add(hostname.split('.')[0] ?? '', HOST_PSEUDONYM)
  }

  /** Learns from a text that was read; `path` tells where the whole text is such a name. */
  learn(text: string, path: string): void {
    if (serialPath.test(path)) this.#add(text.trim())
    for (const pattern of [serials, uniqueIds]) for (const [, serial = ''] of text.matchAll(pattern)) this.#add(serial)
  }

  #add(name: string, instead = this.#likeness(name)): void {
    if (name.length >= 2 && !everyday.test(name) && !this.#known.has(name)) this.#known.set(name, instead)
  }

  /** As long as the name and as hexadecimal, so that it reads alike. */
  #likeness(name: string): string {
    return createHash('sha256').update(name).digest('hex').repeat(4).slice(0, name.length)
  }

  /** The text with every learned name replaced, longest first. */
  apply(text: string): string {
    const names = [...this.#known].sort(([a], [b]) => b.length - a.length)
    return names.reduce((shorter, [name, instead]) => shorter.replace(wordOf(name), instead), text)
  }
}

/** The name where it stands alone: `vm` is no part of `nvme`. */
function wordOf(name: string): RegExp {
  return new RegExp(`(?<![A-Za-z0-9])${RegExp.escape(name)}(?![A-Za-z0-9])`, 'g')
}
