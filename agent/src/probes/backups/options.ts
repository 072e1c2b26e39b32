import { isAbsolute } from 'node:path'
import { parseDuration } from '@fettle/kit'
import * as v from 'valibot'
import { destinationOf } from './job.ts'

/** The pieces that the settings of all backup sources are made of. */

/** Where the service manager keeps the credentials of the agent's unit (`LoadCredential=`); systemd.exec(5). */
const CREDENTIALS = '/run/credentials/fettle-agent.service'

/** The job's name: it becomes a label and a folder name. */
export const jobName = v.pipe(
  v.string('wanted a name'),
  v.regex(/^[\p{L}\p{N}][\p{L}\p{N} ._:@-]{0,63}$/u, 'wanted a name of at most 64 letters, digits, spaces and ._:@-'),
)

/** Absolute path on this machine. */
export const filePath = v.pipe(
  v.string('wanted an absolute path'),
  v.check(path => isAbsolute(path) && path.length <= 1024 && !path.includes('\0'), 'wanted an absolute path'),
)

/** How often the job should succeed; given as 6h or 1d, read as ms. */
export const interval = v.pipe(
  v.string('wanted a duration like 6h or 1d'),
  v.check(isDuration, 'wanted a duration like 6h or 1d'),
  v.transform(parseDuration),
)

function isDuration(text: string): boolean {
  try {
    return parseDuration(text) > 0
  } catch {
    return false
  }
}

/** Text without control characters. */
export const plainText = v.pipe(v.string(), v.regex(/^[^\u0000-\u001f\u007f]{1,1024}$/, 'wanted one line of text'))

/** What proves a verification: its log, or a marker written when it went well. */
export const verification = v.strictObject({ log: v.optional(filePath), marker: v.optional(filePath) })

/** A repository's address. It may hold credentials, so printing it gives the address without them. */
export class Address {
  readonly #full: string
  constructor(full: string) {
    this.#full = full
  }
  /** A recorded machine has its options from JSON: the address without its credentials, as text. */
  static of(address: Address | string): Address {
    return typeof address === 'string' ? new Address(address) : address
  }
  /** With credentials; only for the tool's environment. */
  reveal(): string {
    return this.#full
  }
  get shown(): string {
    return destinationOf(this.#full)
  }
  toJSON(): string {
    return this.shown
  }
}

export const address = v.pipe(
  plainText,
  v.transform(text => new Address(text)),
)

/** An address of a tool that takes no password in it. */
export const bareAddress = v.pipe(
  plainText,
  v.check(text => destinationOf(text) === text.trim() && !text.startsWith('-'), 'wanted an address without a password'),
)

/** Path of a credential of the agent's unit. */
export function credentialPath(name: string): string {
  return `${CREDENTIALS}/${name}`
}

/** Name of a file in the credentials directory. */
export const credentialName = v.pipe(v.string(), v.regex(/^[\w.-]{1,255}$/, 'wanted the name of a credential'))

/** A key that must not be there, since its value is a secret; see `masked`. */
export const refusedSecret = v.optional(
  v.never('a secret does not belong in this file: give passwordFile, passwordCommand or credential, or environmentFile'),
)

/** Secrets written where none belong are hidden before anything can print them. */
export function masked(given: unknown): unknown {
  if (!Array.isArray(given)) return given
  return given.map((job: unknown) => {
    if (typeof job !== 'object' || job === null) return job
    return Object.fromEntries(Object.entries(job).map(([key, value]) => [key, refused.has(key) ? '(hidden)' : value]))
  })
}
const refused = new Set(['password', 'passphrase'])

/** A list of jobs with different names. */
export function jobs<const S extends v.GenericSchema<unknown, { readonly name: string }>>(job: S, most = 64) {
  return v.pipe(
    v.unknown(),
    v.transform(masked),
    v.array(job, 'wanted a list of jobs'),
    v.maxLength(most, `wanted at most ${most} jobs`),
    v.check(list => new Set(list.map(entry => entry.name)).size === list.length, 'wanted a different name for each job'),
  )
}
