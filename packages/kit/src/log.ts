import pino from 'pino'

export type Log = pino.Logger
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** Names under which secrets go by. Code does not log them; this is for the day on which somebody does. */
const secretNames = [
  'authorization',
  'clientSecret',
  'cookie',
  'linkToken',
  'passphrase',
  'password',
  'privateKey',
  'secret',
  'set-cookie',
  'token',
] as const
const redact = secretNames.flatMap(name => [`["${name}"]`, `*["${name}"]`, `*.*["${name}"]`])

/** Causes of an error that are told, one inside the other. */
const MOST_CAUSES = 3

/**
 * JSON lines on standard error, so that standard output stays the answer of commands. Known secrets never get out. Of an error its type, message,
 * code and stack are told, and its causes: libraries hang what they were sent on theirs, passwords among it.
 * @param to descriptor or file
 */
export function createLog(name: string, level: LogLevel = 'info', to: number | string = 2): Log {
  const serializers = { err: (error: unknown) => told(error, MOST_CAUSES) }
  return pino({ name, level, redact, serializers, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ dest: to, sync: true }))
}

function told(error: unknown, causes: number): unknown {
  if (!(error instanceof Error)) return typeof error === 'object' ? 'an error that is none' : String(error)
  const { name: type, message, stack, cause } = error
  const { code } = error as NodeJS.ErrnoException
  return {
    type,
    message,
    ...(code === undefined ? {} : { code }),
    stack,
    ...(cause === undefined || causes === 0 ? {} : { cause: told(cause, causes - 1) }),
  }
}
