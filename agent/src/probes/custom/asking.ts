import { isAbsolute } from 'node:path'
import { MOST_ENTRIES } from '@fettle/catalog'
import { parseDuration } from '@fettle/kit'
import * as v from 'valibot'
import { type Host, HostError, NotInstalled, TimedOut } from '../../host.ts'
import { type Captured, Denied } from '../../probe.ts'
import { refused } from './entry.ts'

/** The bounds of what an administrator lets the agent run. */
export const bounds = {
  /** Longest time that one drop-in or plug-in may be given, ms. */
  longestMs: 60_000,
  /** None is started any more when those before it took this long, ms: the probe's own deadline is later. */
  budgetMs: 200_000,
  /** Largest output, bytes. */
  outputBytes: 64 * 1024,
  /** So many run at the same time. */
  parallel: 2,
} as const
/** The deadline of the probes that run them: budget, the last ones to run, and some air. */
export const ASKING_TIMEOUT = '5m'

/** Absolute path on this machine. */
export const absolutePath = v.pipe(
  v.string('wanted an absolute path'),
  v.check(path => isAbsolute(path) && path.length <= 1024 && !path.includes('\0'), 'wanted an absolute path'),
)

/** A duration like `10s`, read as ms. @param most ms */
export const duration = (most: number, wanted: string) =>
  v.pipe(
    v.string(wanted),
    v.check(text => {
      const ms = durationOf(text)
      return ms !== undefined && ms > 0 && ms <= most
    }, wanted),
    v.transform(parseDuration),
  )

export const timeoutSetting = v.optional(duration(bounds.longestMs, 'wanted a duration of at most 60s'), '10s')
/** How old may be what tells of when it is. */
export const maxAgeSetting = v.optional(duration(366 * 86_400_000, 'wanted a duration like 6h or 1d'), '1d')
/** Name of a user of this machine. */
export const userSetting = v.optional(v.pipe(v.string(), v.regex(/^[a-z_][a-z0-9_.-]{0,31}\$?$/i, 'wanted the name of a user')))

/** A duration in ms; undefined for a text that is none. */
export function durationOf(text: string): number | undefined {
  try {
    return parseDuration(text)
  } catch {
    return undefined
  }
}

/** What is to be asked, and how. `ask` throws where there is no answer. */
export type Question = { readonly name: string; ask(): Promise<Captured> }

/**
 * Asks all, a few at a time, until the budget is used up. What cannot be asked is told as such, so that nothing is dropped and nothing stops the
 * others.
 */
export async function askAll(
  host: Host,
  questions: readonly Question[],
): Promise<{ readonly output: Captured[]; readonly refused: Captured[] }> {
  const end = host.now() + bounds.budgetMs
  const queue = questions.slice(0, MOST_ENTRIES)
  const output: Captured[] = []
  const refusals = questions.slice(MOST_ENTRIES).map(({ name }) => refused(name, `it was not asked: ${MOST_ENTRIES} are the most`, null))
  const work = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const { name } = next
      if (host.now() > end)
        refusals.push(refused(name, 'it was not asked: those before it took too long', 'Make them faster, or their timeouts shorter.'))
      else
        await next.ask().then(
          captured => output.push({ ...captured, name }),
          error => refusals.push(refusalOf(name, error)),
        )
    }
  }
  await Promise.all(Array.from({ length: bounds.parallel }, work))
  return { output, refused: refusals }
}

/** Runs a command under the bounds; what goes wrong is told without its arguments, which may hold a secret. */
export async function runBounded(
  host: Host,
  argv: readonly string[],
  options: { readonly timeoutMs: number; readonly user?: string | undefined },
) {
  const { timeoutMs, user } = options
  try {
    return await host.run(argv, { timeoutMs, maxBytes: bounds.outputBytes, ...(user === undefined ? {} : { user }) })
  } catch (error) {
    if (error instanceof TimedOut) throw new TimedOut(`it did not end within ${timeoutMs / 1000} s`)
    if (error instanceof NotInstalled) throw new Denied(`${argv[0]} may not be executed`, `chmod 755 ${argv[0]}`)
    if (error instanceof Denied || !(error instanceof Error)) throw error
    throw new Error(error.message.replaceAll(argv.join(' '), 'it'))
  }
}

/** Why one thing could not be asked or read, as an input. */
export function refusalOf(name: string, error: unknown): Captured {
  if (error instanceof Denied) return refused(name, error.message, error.hint)
  if (error instanceof HostError && error.code === 'ENOENT') return refused(name, `${error.path} is not there`, null)
  return refused(name, error instanceof Error ? error.message : String(error), null)
}
