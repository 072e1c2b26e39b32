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

/** Calls back at every SIGHUP, by which administrators ask a daemon to read its files again; see daemon(7). */
export function onHangup(process: NodeJS.Process, act: () => void): void {
  process.on('SIGHUP', act)
}
