import { type Host, HostError, NotInstalled, type PowerShellOptions, type RunOptions, TimedOut } from '../host.ts'
import { type Captured, Denied } from '../probe.ts'
import { orMissing } from './local.ts'
import { HOST_PSEUDONYM, Pseudonyms, redact } from './redact.ts'
import type { StateDir } from './state.ts'
import { INDEX_FILE, type Tape, type TapeFailure, type TapeResult } from './tape.ts'

type Recorded = { readonly call: string; readonly argument: unknown; readonly result: TapeResult; readonly content?: string | Uint8Array }

/** A machine whose every answer is written down, so that it can be played again. */
export class Recording {
  readonly host: Host
  readonly #calls: Recorded[] = []

  /** The clock stands still at `now`, as it will when this is played again. */
  constructor(base: Host, now: number) {
    const record = <T>(call: string, argument: unknown, act: () => Promise<T>) => this.#record(call, argument, act)
    type Options = { readonly missing: unknown } | undefined
    this.host = {
      platform: base.platform,
      hostname: base.hostname,
      uid: base.uid,
      now: () => now,
      text: (path: string, options: Options) => orMissing(() => record('text', path, () => base.text(path)), options),
      captured: (path: string, options: Options) => orMissing(() => record('captured', path, () => base.captured(path)), options),
      bytes: (path: string, length: number) => record('bytes', [path, length], () => base.bytes(path, length)),
      list: (path: string, options: Options) => orMissing(() => record('list', path, () => base.list(path)), options),
      stat: (path: string, options: Options) => orMissing(() => record('stat', path, () => base.stat(path)), options),
      realpath: (path: string, options: Options) => orMissing(() => record('realpath', path, () => base.realpath(path)), options),
      trusted: (path: string, options: Options) => orMissing(() => record('trusted', path, () => base.trusted(path)), options),
      statfs: (path: string, options: { readonly timeoutMs?: number; readonly local?: true }) =>
        record('statfs', path, () => base.statfs(path, options)),
      run: (argv: readonly string[], options?: RunOptions) => record('run', argv, () => base.run(argv, options)),
      powershell: (script: string, options?: PowerShellOptions) => record('powershell', script, () => base.powershell(script, options)),
      inventory: (options?: Pick<RunOptions, 'timeoutMs'>) => record('inventory', 'systeminformation', () => base.inventory(options)),
    } as unknown as Host
  }

  async #record<T>(call: string, argument: unknown, act: () => Promise<T>): Promise<T> {
    try {
      const value = await act()
      this.#calls.push({ call, argument, ...resultOf(value) })
      return value
    } catch (error) {
      this.#calls.push({ call, argument, result: failureOf(error) })
      throw error
    }
  }

  /** Writes what was recorded, without what looks like a secret; with `identity: 'hidden'` also without names and serial numbers. */
  async save(folder: StateDir, config: Tape['config'], agentVersion: string, identity: 'kept' | 'hidden'): Promise<number> {
    const names = new Pseudonyms(this.host.hostname)
    for (const { argument, content } of this.#calls) if (typeof content === 'string') names.learn(content, String(argument))
    const clean = (text: string) => (identity === 'hidden' ? names.apply(redact(text)) : redact(text))
    const calls: Tape['calls'] = []
    for (const [index, { call, argument, result, content }] of this.#calls.entries()) {
      const file = `${String(index + 1).padStart(4, '0')}-${fileName(argument)}`
      if (content !== undefined) await folder.write(clean(file), typeof content === 'string' ? clean(content) : content)
      calls.push({ call, argument, result: 'file' in result ? { ...result, file } : result })
    }
    const { uid, platform } = this.host
    const hostname = identity === 'hidden' ? HOST_PSEUDONYM : this.host.hostname
    const tape: Tape = { version: 1, now: this.host.now(), hostname, uid, platform, agentVersion, config, calls }
    await folder.write(INDEX_FILE, `${cleanStrings(tape, clean)}\n`)
    return calls.length
  }
}

function resultOf(value: unknown): Pick<Recorded, 'result' | 'content'> {
  if (typeof value === 'string') return { result: { kind: 'file', file: '' }, content: value }
  if (value instanceof Uint8Array) return { result: { kind: 'file', file: '' }, content: value }
  if (isCaptured(value)) {
    const { text, stderr, code, name, modifiedAt } = value
    return { result: { kind: 'captured', file: '', stderr, code, name, modifiedAt }, content: text }
  }
  return { result: { kind: 'value', value } }
}

function isCaptured(value: unknown): value is Captured {
  return typeof value === 'object' && value !== null && 'text' in value && 'stderr' in value
}

function failureOf(error: unknown): TapeFailure {
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof HostError) return { kind: 'error', error: 'HostError', detail: error.code, message }
  if (error instanceof NotInstalled) return { kind: 'error', error: 'NotInstalled', detail: error.command, message }
  if (error instanceof TimedOut) return { kind: 'error', error: 'TimedOut', message }
  if (error instanceof Denied) return { kind: 'error', error: 'Denied', detail: error.hint, message }
  return { kind: 'error', error: 'Error', message }
}

/** Something of the call, for people who look into the folder. */
function fileName(argument: unknown): string {
  const words = Array.isArray(argument) ? argument.join(' ') : String(argument)
  return `${
    words
      .replace(/[^A-Za-z0-9.]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 60) || 'call'
  }.txt`
}

/** Every string of the index by itself: a replacement across quotes would break the JSON. */
function cleanStrings(tape: Tape, clean: (text: string) => string): string {
  return JSON.stringify(tape, (_key, value) => (typeof value === 'string' ? clean(value) : value), 1)
}
