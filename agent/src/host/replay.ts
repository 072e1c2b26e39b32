import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Host, HostError, NotInstalled, TimedOut } from '../host.ts'
import { type Captured, Denied } from '../probe.ts'
import { orMissing } from './local.ts'
import { callKey, INDEX_FILE, readTape, type Tape, type TapeFailure, type TapeResult } from './tape.ts'

/** A machine that `capture` recorded, with the configuration that its agent had. */
export type Replayed = { readonly host: Host; readonly config: Tape['config'] }

/**
 * Plays a captured machine, its clock included. A call that was not recorded fails: what was not looked at is not known.
 * @throws where the folder holds no capture
 */
export async function replayHost(folder: string): Promise<Replayed> {
  const tape = readTape(await readIndex(folder))
  const answers = new Map<string, TapeResult[]>()
  for (const { call, argument, result } of tape.calls) {
    const key = callKey(call, argument)
    answers.set(key, [...(answers.get(key) ?? []), result])
  }
  const play = async (call: string, argument: unknown): Promise<unknown> => {
    const left = answers.get(callKey(call, argument))
    const result = left && left.length > 1 ? left.shift() : left?.[0]
    if (!result) throw new Error(`the capture has no ${call} of ${JSON.stringify(argument)}`)
    return contentOf(folder, call, result)
  }
  type Options = { readonly missing: unknown } | undefined
  const host = {
    platform: tape.platform,
    hostname: tape.hostname,
    uid: tape.uid,
    now: () => tape.now,
    text: (path: string, options: Options) => orMissing(() => play('text', path), options),
    captured: (path: string, options: Options) => orMissing(() => play('captured', path), options),
    bytes: (path: string, length: number) => play('bytes', [path, length]),
    list: (path: string, options: Options) => orMissing(() => play('list', path), options),
    stat: (path: string, options: Options) => orMissing(() => play('stat', path), options),
    realpath: (path: string, options: Options) => orMissing(() => play('realpath', path), options),
    trusted: (path: string, options: Options) => orMissing(() => play('trusted', path), options),
    statfs: (path: string) => play('statfs', path),
    run: (argv: readonly string[]) => play('run', argv),
    powershell: (script: string) => play('powershell', script),
    inventory: () => play('inventory', 'systeminformation'),
  } as unknown as Host
  return { host, config: tape.config }
}

async function readIndex(folder: string): Promise<string> {
  try {
    return await readFile(join(folder, INDEX_FILE), 'utf8')
  } catch (error) {
    throw new Error(`Cannot replay ${folder}: it has no readable ${INDEX_FILE} (${(error as NodeJS.ErrnoException).code})`)
  }
}

async function contentOf(folder: string, call: string, result: TapeResult): Promise<unknown> {
  if (result.kind === 'error') throw errorOf(result)
  if (result.kind === 'value') return result.value
  if (/[/\\]|^\.\.?$/.test(result.file)) throw new Error(`the capture names the file ${JSON.stringify(result.file)} outside its folder`)
  const content = await readFile(join(folder, result.file))
  if (call === 'bytes') return new Uint8Array(content)
  const text = content.toString('utf8')
  if (result.kind === 'file') return text
  const { stderr, code, name, modifiedAt } = result
  return { text, stderr, code, name, modifiedAt } satisfies Captured
}

function errorOf({ error, detail = '', message }: TapeFailure): Error {
  if (error === 'NotInstalled') return new NotInstalled(detail)
  if (error === 'TimedOut') return new TimedOut(message)
  if (error === 'Denied') return new Denied(message, detail)
  if (error !== 'HostError') return new Error(message)
  return new HostError(detail, /^Cannot read (.*): [A-Z0-9_]+$/s.exec(message)?.[1] ?? message)
}
