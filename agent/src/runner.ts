import { type HeldFact, schemaOf } from '@fettle/catalog'
import { parseDuration } from '@fettle/kit'
import { limits } from '@fettle/protocol'
import * as v from 'valibot'
import { type Host, HostError, NotInstalled, TimedOut } from './host.ts'
import { Absent, Denied, Failed, keyOf, type Probe } from './probe.ts'

/** What a look at a source gave. Never throws: how it went is part of the answer. */
export async function runProbe(probe: Probe, host: Host, options: unknown, everyMs: number): Promise<HeldFact> {
  const started = performance.now()
  const at = host.now()
  const deadline = new Deadline(parseDuration(probe.timeout), new TimedOut(`no answer within ${probe.timeout}`))
  const told = await deadline
    .hold(() => probe.read(standingInLine(host, deadline), options))
    .then(
      data => checked(probe, data),
      error => outcomeOf(error, host.platform),
    )
  return { key: keyOf(probe), at, everyMs, tookMs: Math.round(performance.now() - started), ...told }
}

type Told = Pick<HeldFact, 'outcome' | 'reason' | 'hint' | 'data'>

/** A parser's result, or what it threw, as an outcome; used by `parse` too. */
export function checked(probe: Pick<Probe, 'subject' | 'source'>, data: unknown): Told {
  const schema = schemaOf(probe.subject)
  if (!schema) throw new Error(`Cannot check a fact of the unknown subject ${probe.subject}`)
  const result = v.safeParse(schema, data)
  if (result.success) return { outcome: 'ok', data: result.output }
  const [issue] = result.issues
  return {
    outcome: 'failed',
    reason: bounded(`the fact of ${keyOf(probe)} is not as its schema wants it, at ${v.getDotPath(issue)}: ${issue.message}`),
  }
}

/** How an error of a probe is told. */
export function outcomeOf(error: unknown, platform: string): Told {
  if (error instanceof Absent) return { outcome: 'absent', reason: bounded(error.message) }
  if (error instanceof NotInstalled) return { outcome: 'absent', reason: bounded(error.message) }
  if (error instanceof Denied) return { outcome: 'denied', reason: bounded(error.message), hint: bounded(error.hint) }
  if (error instanceof TimedOut)
    return { outcome: 'timeout', reason: bounded(error.message), hint: 'See whether the device or service behind it hangs.' }
  if (error instanceof Failed) return { outcome: 'failed', reason: bounded(error.message), hint: bounded(error.hint) }
  if (error instanceof HostError && (error.code === 'EACCES' || error.code === 'EPERM')) {
    const hint =
      platform === 'win32'
        ? 'Run the agent as a service (LocalSystem).'
        : 'Run the agent as root, or with the capabilities of its systemd unit.'
    return { outcome: 'denied', reason: bounded(`${error.path} may not be read (${error.code})`), hint }
  }
  return { outcome: 'failed', reason: bounded(error instanceof Error ? error.message : String(error)) }
}

/** A script of PowerShell has its deadline from its own start on: what it waits for those before it in the same process is not the probe's fault. */
function standingInLine(host: Host, deadline: Deadline): Host {
  const powershell: Host['powershell'] = (script, options) =>
    deadline.pausedFor(() => host.powershell(script, { timeoutMs: deadline.ms, ...options }))
  return { ...host, powershell }
}

/** How long a look may take. */
class Deadline {
  readonly ms: number
  readonly #error: Error
  readonly #late = Promise.withResolvers<never>()
  #left: number
  #since = 0
  #pauses = 0
  #over = false
  #timer: NodeJS.Timeout | undefined

  constructor(ms: number, error: Error) {
    this.ms = ms
    this.#left = ms
    this.#error = error
  }

  /** What `read` gives. @throws the error where it is late */
  async hold<T>(read: () => Promise<T>): Promise<T> {
    this.#run()
    try {
      return await Promise.race([read(), this.#late.promise])
    } finally {
      this.#stop()
      this.#over = true
    }
  }

  /** The deadline stands still meanwhile. */
  async pausedFor<T>(wait: () => Promise<T>): Promise<T> {
    if (this.#pauses++ === 0) this.#stop()
    try {
      return await wait()
    } finally {
      if (--this.#pauses === 0) this.#run()
    }
  }

  #run(): void {
    if (this.#over) return
    this.#since = performance.now()
    this.#timer = setTimeout(() => this.#late.reject(this.#error), Math.max(0, this.#left))
  }

  #stop(): void {
    clearTimeout(this.#timer)
    this.#left -= performance.now() - this.#since
  }
}

/** One line, no control characters, no longer than a frame allows. */
function bounded(text: string): string {
  return text
    .replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
    .trim()
    .slice(0, limits.reasonLength)
}
