import { readFile } from 'node:fs/promises'
import type { Clock } from '@fettle/kit'
import { type PowerShellOptions, type RunOptions, TimedOut } from '../host.ts'
import type { Captured } from '../probe.ts'

/** Where the probes' scripts are, `subject/source.ps1` under it: beside the sources, or beside the bundle that the sources were made into. */
const SCRIPTS = new URL(import.meta.url.endsWith('/host/powershell.ts') ? '../probes/' : './probes/', import.meta.url)
/** Begins the answer of a part: nothing that a cmdlet prints by itself looks like it. */
const MARK = '@fettle-part '

/** Every limit of asking PowerShell, ms. */
export const powershellLimits = {
  /** Calls made within this time of the first share one process. */
  gatherMs: 50,
  /** What a process may take until its first script runs: endpoint protection looks at it first. */
  startMs: 30_000,
  /** What a process may take to end once every script has answered. */
  endMs: 10_000,
  /** Deadline of a script that names none. */
  scriptMs: 60_000,
} as const

/** Starts PowerShell and hands on what it prints, as it comes. Rejects as `Host.run` does, and with the signal's reason once that is aborted. */
export type StartPowerShell = (
  argv: readonly string[],
  options: Pick<RunOptions, 'input' | 'timeoutMs'> & { readonly signal: AbortSignal },
  heard: (text: string) => void,
) => Promise<Captured>

/**
 * Read before anything else: reads the script from standard input (a command line is too short for it) and tells a constrained session, in
 * which nothing of it would work, apart from a broken one. See about_Language_Modes.
 */
export const BOOTSTRAP = `$mode = [string]$ExecutionContext.SessionState.LanguageMode
if ($mode -ne 'FullLanguage') { '${MARK}' + '{"languageMode":"' + $mode + '"}'; exit 0 }
$script = $input | Out-String
& ([ScriptBlock]::Create($script))
`

/** What every part may rely on: errors stop, no progress, JSON in UTF-8, numbers and dates the same in every country. */
const PRELUDE = `$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$WarningPreference = 'SilentlyContinue'
[Console]::OutputEncoding = [Text.UTF8Encoding]::new($false)
[Threading.Thread]::CurrentThread.CurrentCulture = [Globalization.CultureInfo]::InvariantCulture
function Utc($time) { if ($null -eq $time) { $null } else { ([datetime]$time).ToUniversalTime().ToString('o') } }
function Failure($record) {
  $inner = $record.Exception
  while ($null -ne $inner.InnerException) { $inner = $inner.InnerException }
  @{ error = @{ hr = ('0x{0:X8}' -f $inner.HResult); msg = [string]$inner.Message; id = [string]$record.FullyQualifiedErrorId; type = $inner.GetType().FullName } }
}
function Attempt([scriptblock]$block) { try { & $block } catch { Failure $_ } }
`

/** One part of a script, isolated: what it gives or how it failed, be it in becoming JSON, is one line behind its mark. */
function partOf(name: string, script: string): string {
  return `try { $answer = & {
${script}
}
$json = ConvertTo-Json -InputObject $answer -Compress -Depth 6 } catch { $json = ConvertTo-Json -InputObject (Failure $_) -Compress -Depth 6 }
[Console]::Out.WriteLine('${MARK}${name} ' + $json)
[Console]::Out.Flush()
`
}

/** The whole script of several parts. */
export function scriptOf(parts: readonly { readonly name: string; readonly script: string }[]): string {
  return PRELUDE + parts.map(({ name, script }) => partOf(name, script)).join('')
}

/** The command line of every PowerShell: no profile, no questions, text in and out (else errors come as CLIXML), the bootstrap as base64 of UTF-16. */
export const POWERSHELL_ARGV: readonly string[] = [
  'powershell.exe',
  '-NoLogo',
  '-NoProfile',
  '-NonInteractive',
  '-ExecutionPolicy',
  'Bypass',
  '-InputFormat',
  'Text',
  '-OutputFormat',
  'Text',
  '-EncodedCommand',
  Buffer.from(BOOTSTRAP, 'utf16le').toString('base64'),
]

/** Text of a script that stands beside its probe. @throws where there is none: the agent is not installed whole */
export async function loadScript(name: string): Promise<string> {
  if (!/^[a-z]+\/[a-z0-9-]+$/.test(name)) throw new Error(`Cannot run the script ${JSON.stringify(name)}: wanted SUBJECT/SOURCE`)
  return readFile(new URL(`${name}.ps1`, SCRIPTS), 'utf8')
}

type Waiting = { readonly name: string; readonly timeoutMs: number; answer(captured: Captured): void; fail(error: Error): void }
type Scripted = Waiting & { readonly script: string }

/** The parts with their scripts, in their order; one whose script cannot be read has failed, and is left out. */
async function withScripts(asked: readonly Waiting[]): Promise<Scripted[]> {
  const loaded = await Promise.all(
    asked.map(part =>
      loadScript(part.name).then(
        script => ({ ...part, script }),
        (error: Error) => part.fail(error),
      ),
    ),
  )
  return loaded.flatMap(part => part ?? [])
}

/** A timer that keeps the process alive: whoever asks waits for the answer. */
const keepingAlive: Clock['after'] = (ms, callback) => {
  const timer = setTimeout(callback, ms)
  return () => clearTimeout(timer)
}

/**
 * One PowerShell for all parts that are asked for together: starting it costs more than most of what it is asked. While one runs, what is asked
 * waits for the next. Each part has a deadline of its own, which begins when the part before it has answered. One that misses it is ended with
 * its process; those behind it are asked again in another, so that one broken provider does not hide the rest.
 */
export class PowerShell {
  readonly #start: StartPowerShell
  readonly #after: Clock['after']
  #waiting: Waiting[] = []
  #gathering = false
  #running: Promise<void> = Promise.resolve()

  constructor(start: StartPowerShell, after: Clock['after'] = keepingAlive) {
    this.#start = start
    this.#after = after
  }

  /** Answer of the script `subject/source`, as JSON text; empty where PowerShell printed nothing for it. @throws NotInstalled, TimedOut, Error */
  async ask(name: string, { timeoutMs = powershellLimits.scriptMs, alone }: PowerShellOptions = {}): Promise<Captured> {
    const { promise, resolve, reject } = Promise.withResolvers<Captured>()
    const part: Waiting = { name, timeoutMs, answer: resolve, fail: reject }
    if (alone) void this.#runAll([part])
    else {
      // In line before its script is read: parts run in the order in which they were asked for, whichever file comes first.
      this.#waiting.push(part)
      this.#gather()
    }
    return promise
  }

  #gather(): void {
    if (this.#gathering) return
    this.#gathering = true
    this.#after(powershellLimits.gatherMs, async () => {
      await this.#running
      this.#gathering = false
      this.#running = this.#runAll(this.#waiting.splice(0))
    })
  }

  async #runAll(asked: readonly Waiting[]): Promise<void> {
    let left = await withScripts(asked)
    while (left.length > 0) left = await this.#run(left)
  }

  /** Asks for all; gives back those that another process must be asked for. Never rejects. */
  async #run(parts: readonly Scripted[]): Promise<Scripted[]> {
    const asking = new Asking(parts, this.#after)
    let error: Error | undefined
    let ended: Captured | undefined
    try {
      ended = await this.#start(POWERSHELL_ARGV, asking.options, text => asking.hear(text))
    } catch (cause) {
      error = cause instanceof Error ? cause : new Error(String(cause))
    }
    asking.end()
    const [first, ...behind] = asking.unanswered
    if (!first) return []
    // A process that got somewhere, or was ended for its first part, can be blamed on that part; any other would fail again for each of them.
    const retried = asking.answered || error instanceof TimedOut
    for (const part of retried ? [first] : asking.unanswered) {
      if (error) part.fail(error)
      else part.answer(capturedOf(part, '', ended))
    }
    return retried ? behind : []
  }
}

function capturedOf(part: Waiting, text: string, ended?: Captured): Captured {
  return { text, stderr: ended?.stderr ?? '', code: ended?.code ?? null, name: `powershell ${part.name}`, modifiedAt: null }
}

/** One process that is asked for several parts: hands each its answer as it comes, and ends the process where the next is late. */
class Asking {
  readonly options: Parameters<StartPowerShell>[1]
  readonly #after: Clock['after']
  readonly #abort = new AbortController()
  readonly #left: Scripted[]
  #cancel: () => void = () => {}
  #rest = ''
  answered = false

  constructor(parts: readonly Scripted[], after: Clock['after']) {
    const { startMs, endMs } = powershellLimits
    this.#after = after
    this.#left = [...parts]
    const timeoutMs = startMs + endMs + parts.reduce((sum, part) => sum + part.timeoutMs, 0)
    this.options = { input: scriptOf(parts), timeoutMs, signal: this.#abort.signal }
    this.#watch(startMs)
  }

  get unanswered(): readonly Scripted[] {
    return this.#left
  }

  end(): void {
    this.#cancel()
  }

  hear(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#take(line.trim())
  }

  /** The deadline of the part that runs now. */
  #watch(besides: number): void {
    this.#cancel()
    const [part] = this.#left
    const ms = part ? part.timeoutMs + besides : powershellLimits.endMs
    const words = part ? `${part.name} did not answer PowerShell within ${part.timeoutMs} ms` : 'PowerShell did not end'
    this.#cancel = this.#after(ms, () => this.#abort.abort(new TimedOut(words)))
  }

  #take(line: string): void {
    if (!line.startsWith(MARK)) return
    const said = line.slice(MARK.length)
    const space = said.indexOf(' ')
    // A constrained session says so once, for all.
    const done = said.startsWith('{') ? this.#left.splice(0) : this.#answeredBy(said.slice(0, space))
    for (const part of done) part.answer(capturedOf(part, said.startsWith('{') ? said : said.slice(space + 1)))
    if (done.length === 0) return
    this.answered = true
    this.#watch(0)
  }

  #answeredBy(name: string): Scripted[] {
    const at = this.#left.findIndex(part => part.name === name)
    return at === -1 ? [] : this.#left.splice(at, 1)
  }
}
