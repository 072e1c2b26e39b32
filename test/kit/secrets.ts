import { appendFileSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where the run keeps what was logged and which secrets were made; `test/setup.ts` makes it and searches it at the end. */
export const logFolder = process.env.FETTLE_TEST_LOGS

/** Shorter texts stand in logs by chance. */
const SHORTEST = 16

/** Remembers a secret of this run: at the end no log may hold it. @returns the secret */
export function secretMade(secret: string): string {
  // A key in PEM has several lines; in a log they would be one.
  const parts = secret.split('\n').filter(part => part.length >= SHORTEST)
  if (logFolder && parts.length > 0) appendFileSync(join(logFolder, `${process.pid}.secrets`), `${parts.join('\n')}\n`)
  return secret
}

/** Keeps a line that a process of a test wrote on its standard error. */
export function lineLogged(line: string): void {
  if (logFolder) appendFileSync(join(logFolder, `${process.pid}.log`), `${line}\n`)
}

/** What a secret of Fettle looks like, where nobody remembered it. */
const shapes = {
  'a token': /\b[0-9a-f]{16}\.[\w-]{32}\b/,
  'an enrolment string': /\bfettle1\.[\w-]{20,}/,
  'a private key': /PRIVATE KEY-----|MC4CAQAwBQYDK2VwBCIEI/,
  'credentials of a request': /\b(Bearer|Basic) [\w+/=.-]{16,}/,
  'a cookie': /\bfettle(-sign-in)?=[\w-]{16,}/,
  'a password in an address': /:\/\/[^/\s"]*:[^/\s"*]+@/,
} as const

/** What was found where it must not be. Each line is told without its secret. */
export type Leak = { readonly what: string; readonly line: string }

/** Searches all logs of a folder for all secrets that were remembered there, and for what looks like one. */
export function leaksOf(folder: string): { readonly leaks: Leak[]; readonly lines: number; readonly secrets: number } {
  const files = (ending: string) => readdirSync(folder).filter(file => file.endsWith(ending))
  const linesOf = (file: string) => readFileSync(join(folder, file), 'utf8').split('\n').filter(Boolean)
  const secrets = [...new Set(files('.secrets').flatMap(linesOf))]
  const leaks: Leak[] = []
  let lines = 0
  for (const file of files('.log')) {
    const text = readFileSync(join(folder, file), 'utf8')
    lines += text.split('\n').length - 1
    for (const secret of secrets) {
      const at = text.indexOf(secret)
      if (at >= 0) leaks.push({ what: 'a secret that was made', line: around(text, at, secret) })
    }
    for (const [what, shape] of Object.entries(shapes)) {
      const found = shape.exec(text)
      if (found) leaks.push({ what, line: around(text, found.index, found[0]) })
    }
  }
  return { leaks, lines, secrets: secrets.length }
}

function around(text: string, at: number, secret: string): string {
  const end = text.indexOf('\n', at)
  return text
    .slice(text.lastIndexOf('\n', at) + 1, end < 0 ? undefined : end)
    .replaceAll(secret, `${secret.slice(0, 4)}…`)
    .slice(0, 400)
}
