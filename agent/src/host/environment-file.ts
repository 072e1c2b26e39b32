import { readFileSync, statSync } from 'node:fs'
import { HostError } from '../host.ts'

const LARGEST_BYTES = 64 * 1024

/**
 * Variables of a file as systemd.exec(5) `EnvironmentFile=` writes it: `NAME=value` lines, quotes around a value, `#` and `;` comments.
 * @throws HostError, or Error naming the line (never its text: it may hold a secret)
 */
export function readEnvironmentFile(path: string): Record<string, string> {
  try {
    const found = statSync(path)
    if (!found.isFile() || found.size > LARGEST_BYTES)
      throw new Error(`Cannot use ${path}: wanted a file of at most ${LARGEST_BYTES} bytes`)
    return parseEnvironment(readFileSync(path, 'utf8'), path)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    throw code ? new HostError(code, path) : error
  }
}

/** The text of such a file as variables. @throws Error naming the line that is none */
export function parseEnvironment(text: string, path: string): Record<string, string> {
  const variables: Record<string, string> = {}
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim().replace(/^export\s+/, '')
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue
    const equals = line.indexOf('=')
    const name = line.slice(0, Math.max(equals, 0)).trim()
    if (!/^[A-Za-z_]\w*$/.test(name)) throw new Error(`Cannot use ${path}: line ${index + 1} is not NAME=value`)
    variables[name] = unquoted(line.slice(equals + 1).trim())
  }
  return variables
}

function unquoted(value: string): string {
  const quote = value[0]
  const isQuoted = value.length >= 2 && (quote === '"' || quote === "'") && value.endsWith(quote)
  return isQuoted ? value.slice(1, -1) : value
}
