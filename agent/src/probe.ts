import { type FactTypes, type SubjectName, SWITCHED_OFF } from '@fettle/catalog'
import type { Setting } from '@fettle/kit'
import type { Host, Platform } from './host.ts'

/** The machine has no such thing: nothing to report, and nothing wrong. */
export class Absent extends Error {
  override name = 'Absent'
}

/** The source is there, and the configuration does not let the agent ask it: neither good news nor a fault. */
export class SwitchedOff extends Absent {
  /** @param setting what would have to be switched on: `updates.winget.network` */
  constructor(setting: string) {
    super(`${SWITCHED_OFF}: ${setting}`)
  }
}

/** A right is missing. The hint tells the administrator how to give it. */
export class Denied extends Error {
  override name = 'Denied'
  readonly hint: string
  constructor(reason: string, hint: string) {
    super(reason)
    this.hint = hint
  }
}

/** The source could not be read right; unlike any other error it tells what to do about it. */
export class Failed extends Error {
  override name = 'Failed'
  readonly hint: string
  constructor(reason: string, hint: string) {
    super(reason)
    this.hint = hint
  }
}

/** One captured input of a probe: a file's text, or what a command printed. */
export type Captured = {
  readonly text: string
  /** Standard error of a command; empty for files. */
  readonly stderr: string
  /** Exit code of a command; null where it is not known (a capture without it) or the input is a file. */
  readonly code: number | null
  /** File name or command line it came from: tells a parser which of several inputs this is. */
  readonly name: string
  /** Modification time of the file, epoch ms, where that is evidence; null for commands. */
  readonly modifiedAt: number | null
}

/** What a parser is fed: by input name, each as often as the source has it (one smartctl output a disk). */
export type Inputs = { readonly [name: string]: readonly Captured[] }

/** What a parser may know besides its inputs. */
export type ParseContext<O = unknown> = {
  /** The machine's clock, epoch ms. */
  readonly now: number
  readonly hostname: string
  /** The source's own part of the agent's configuration; its default under `parse`. */
  readonly options: O
}

/** One named input, for `parse --list` and SOURCES. */
export type InputSpec = {
  /** The command line or file it is: `apt-get -s dist-upgrade`, `/proc/mdstat`. */
  readonly from: string
  /** Whether a text looks like this input: `parse FILE` sorts its files by it. */
  recognise?(text: string): boolean
}

export type Probe<S extends SubjectName = SubjectName, O = unknown> = {
  readonly subject: S
  readonly source: string
  readonly platforms: readonly Platform[]
  /** Duration or cron expression; spread over its interval by the schedule. */
  readonly every: string
  /** Hard deadline of the whole read. */
  readonly timeout: string
  /** Costs CPU or disk: only one such at a time. */
  readonly heavy?: true
  /**
   * The process that it waits for together with every probe that names the same (`powershell`). Those are due at the same moments on a machine,
   * and count as one look: starting the process costs more than most of what it is asked.
   */
  readonly shares?: 'powershell'
  /** The source's own part of the agent's configuration, at the path `subject.source`; what its schema gives is what `read` and `parse` get. */
  readonly setting?: Setting<O>
  /** What it needs that an unprivileged user lacks, and why; shown in the unit file and SOURCES. */
  readonly privilege?: string
  /** Files and directories whose change means: look again now. What does not exist yet is watched for as well. */
  readonly watch?: readonly string[]
  /** What the fact cannot tell. */
  readonly blind?: string
  /** With whom it talks over the network, and which setting allows it; left out: it never does. Loopback is no network. */
  readonly network?: string
  /** CPU seconds, memory or wear of one look where that is worth knowing, with the machine it was measured on or who states it. */
  readonly cost?: string
  /** The first is what a bare file on `parse`'s command line is taken for. */
  readonly inputs: { readonly [name: string]: InputSpec }
  /** The named inputs made into a fact. Pure. @throws Absent, Denied, or any error: then the outcome is `failed` with its message */
  parse(inputs: Inputs, context: ParseContext<O>): FactTypes[S]
  /** Reads the machine, and ends in `parse`. Never logs, times or catches for others. */
  read(host: Host, options: O): Promise<FactTypes[S]>
}

/** A probe is a value; see agent/src/probes/linux.ts for the list. */
export function defineProbe<S extends SubjectName, O = unknown>(probe: Probe<S, O>): Probe {
  return probe as unknown as Probe
}

/** `subject/source` of a probe. */
export function keyOf(probe: Pick<Probe, 'subject' | 'source'>): string {
  return `${probe.subject}/${probe.source}`
}

/** The only capture of an input, or undefined where it was not given. */
export function sole(inputs: Inputs, name: string): Captured | undefined {
  return inputs[name]?.[0]
}

/** The only capture of an input. @throws where it was not given */
export function needed(inputs: Inputs, name: string): Captured {
  const captured = sole(inputs, name)
  if (!captured) throw new Error(`Cannot judge without the input ${name}`)
  return captured
}
