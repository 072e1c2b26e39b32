import { join } from 'node:path'
import { createLog, type Log } from '@fettle/kit'
import { logFolder } from './secrets.ts'

const logs = new Map<string, Log>()

/** A log of a part that a test runs: nobody reads it, but at the end of the run it is searched for secrets. */
export function testLog(name: string): Log {
  const known = logs.get(name)
  if (known) return known
  const log = logFolder ? createLog(name, 'debug', join(logFolder, `${process.pid}.log`)) : createLog(name, 'silent')
  logs.set(name, log)
  return log
}
