import pino from 'pino'

export type Log = pino.Logger
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** JSON lines on standard error, so that standard output stays the answer of commands. Known secrets never get out. */
export function createLog(name: string, level: LogLevel = 'info'): Log {
  const redact = ['token', 'secret', 'password', 'authorization', '*.token', '*.secret', '*.password', '*.authorization']
  return pino({ name, level, redact, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ fd: 2, sync: true }))
}
