import type { Log } from './log.ts'

/** Stops once on SIGTERM or SIGINT; a second signal ends the process at once. Resolves with the exit code. */
export function untilSignal(process: NodeJS.Process, log: Log, stop: () => Promise<void>): Promise<number> {
  return new Promise(resolve => {
    let stopping = false
    const onSignal = (signal: NodeJS.Signals) => {
      if (stopping) process.exit(130)
      stopping = true
      log.info({ signal }, 'stopping')
      stop().then(
        () => resolve(0),
        error => {
          log.error({ err: error }, 'could not stop cleanly')
          resolve(1)
        },
      )
    }
    process.on('SIGTERM', onSignal)
    process.on('SIGINT', onSignal)
  })
}
