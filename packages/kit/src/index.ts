/** The few things both daemons need. */
export * from './backoff.ts'
export * from './bucket.ts'
export * from './clock.ts'
export * from './closers.ts'
export * from './config.ts'
export * from './log.ts'
export * from './signals.ts'
export * from './span.ts'
