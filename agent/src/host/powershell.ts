import { readFile } from 'node:fs/promises'
import { TimedOut } from '../host.ts'
import type { Captured } from '../probe.ts'

/** Where the probes' scripts are: `subject/source.ps1` under it. */
const SCRIPTS = new URL('../probes/', import.meta.url)
/** Calls made within this time of the first share one process, ms. */
const GATHER_MS = 50
/** Deadline of one process, ms; a probe's own deadline holds besides. */
const PROCESS_TIMEOUT_MS = 110_000
/** Begins the answer of a part: nothing that a cmdlet prints by itself looks like it. */
const MARK = '@fettle-part '

/** Starts PowerShell with `input` as standard input and hands on what it prints, as it comes. Rejects as `Host.run` does. */
export type StartPowerShell = (
  argv: readonly string[],
  input: string,
  timeoutMs: number,
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

/** One part of a script, isolated: what it gives or how it failed is one line of JSON behind its mark. */
function partOf(name: string, script: string): string {
  return `try { $answer = & {
${script}
} } catch { $answer = Failure $_ }
[Console]::Out.WriteLine('${MARK}${name} ' + (ConvertTo-Json -InputObject $answer -Compress -Depth 6))
[Console]::Out.Flush()
`
}

/** The whole script of several parts. */
export function scriptOf(parts: readonly { readonly name: string; readonly script: string }[]): string {
  return PRELUDE + parts.map(({ name, script }) => partOf(name, script)).join('')
}

/** The command line of every PowerShell: no profile, no questions, the bootstrap as base64 of UTF-16. */
export const POWERSHELL_ARGV: readonly string[] = [
  'powershell.exe',
  '-NoLogo',
  '-NoProfile',
  '-NonInteractive',
  '-ExecutionPolicy',
  'Bypass',
  '-EncodedCommand',
  Buffer.from(BOOTSTRAP, 'utf16le').toString('base64'),
]

/** Text of a script that stands beside its probe. @throws where there is none: the agent is not installed whole */
export async function loadScript(name: string): Promise<string> {
  if (!/^[a-z]+\/[a-z0-9-]+$/.test(name)) throw new Error(`Cannot run the script ${JSON.stringify(name)}: wanted SUBJECT/SOURCE`)
  return readFile(new URL(`${name}.ps1`, SCRIPTS), 'utf8')
}

type Waiting = { readonly name: string; answer(captured: Captured): void; fail(error: Error): void }
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

/**
 * One PowerShell for all parts that are asked for together: starting it costs more than most of what it is asked. A part that hangs is ended
 * with its process; those behind it are asked again in another, so that one broken provider does not hide the rest.
 */
export class PowerShell {
  readonly #start: StartPowerShell
  #waiting: Waiting[] = []

  constructor(start: StartPowerShell) {
    this.#start = start
  }

  /** Answer of the script `subject/source`, as JSON text; empty where PowerShell printed nothing for it. @throws NotInstalled, TimedOut, Error */
  async ask(name: string): Promise<Captured> {
    const { promise, resolve, reject } = Promise.withResolvers<Captured>()
    // In line before its script is read: parts run in the order in which they were asked for, whichever file comes first.
    this.#waiting.push({ name, answer: resolve, fail: reject })
    if (this.#waiting.length === 1) setTimeout(() => void this.#runAll(this.#waiting.splice(0)), GATHER_MS)
    return promise
  }

  async #runAll(asked: readonly Waiting[]): Promise<void> {
    let left = await withScripts(asked)
    while (left.length > 0) left = await this.#run(left)
  }

  /** Asks for all; gives back those that another process must be asked for. */
  async #run(parts: readonly Scripted[]): Promise<Scripted[]> {
    const answers = new Answers()
    let error: Error | undefined
    const ended = await this.#start(POWERSHELL_ARGV, scriptOf(parts), PROCESS_TIMEOUT_MS, text => answers.hear(text)).catch(
      (cause: Error) => {
        error = cause
        return undefined
      },
    )
    const unanswered = parts.filter(part => {
      const text = answers.of(part.name)
      if (text !== undefined)
        part.answer({ text, stderr: ended?.stderr ?? '', code: ended?.code ?? null, name: `powershell ${part.name}`, modifiedAt: null })
      return text === undefined
    })
    const [hung, ...behind] = unanswered
    if (!hung) return []
    if (error instanceof TimedOut) {
      hung.fail(new TimedOut(`${hung.name} did not answer PowerShell within ${PROCESS_TIMEOUT_MS} ms`))
      return behind
    }
    for (const part of unanswered) {
      if (error) part.fail(error)
      else
        part.answer({ text: '', stderr: ended?.stderr ?? '', code: ended?.code ?? null, name: `powershell ${part.name}`, modifiedAt: null })
    }
    return []
  }
}

/** Answers as they come, line by line. */
class Answers {
  #rest = ''
  #constrained: string | undefined
  readonly #byName = new Map<string, string>()

  hear(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#take(line.trim())
  }

  of(name: string): string | undefined {
    return this.#byName.get(name) ?? this.#constrained
  }

  #take(line: string): void {
    if (!line.startsWith(MARK)) return
    const said = line.slice(MARK.length)
    const space = said.indexOf(' ')
    if (said.startsWith('{')) this.#constrained = said
    else if (space > 0) this.#byName.set(said.slice(0, space), said.slice(space + 1))
  }
}
