import { createLog, type Log } from '@fettle/kit'

/** A log that says nothing. */
export const silentLog: Log = createLog('test', 'silent')
