import { appendFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where the run keeps what was logged and which secrets were made; `test/setup.ts` makes it and searches it at the end. */
const folder = process.env.FETTLE_TEST_LOGS

/** Remembers a secret of this run: at the end no log may hold it. @returns the secret */
export function secretMade(secret: string): string {
  if (folder && secret.length >= SHORTEST) appendFileSync(join(folder, `${process.pid}.secrets`), `${secret}\n`)
  return secret
}

/** Shorter texts stand in logs by chance. */
const SHORTEST = 16
