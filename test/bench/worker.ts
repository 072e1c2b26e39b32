import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { end, start } from './children.ts'

/** What a worker answers to, by name; arguments and answers travel as JSON. */
export type Calls = { readonly [name: string]: (argument: never) => unknown }

type Asked = { readonly id: number; readonly name: string; readonly argument: unknown }
type Answered = { readonly id: number; readonly value?: unknown; readonly error?: string }

/** A part of the bench in a process of its own: what is measured never shares an event loop with who measures. */
export type Worker<C extends Calls> = {
  readonly pid: number
  call<N extends keyof C & string>(name: N, ...argument: Parameters<C[N]>): Promise<Awaited<ReturnType<C[N]>>>
  stop(): Promise<void>
  /** `kill -9` */
  kill(): Promise<void>
}

/** Starts a worker's file, which calls `serve`. @param flags of Node itself */
export function startWorker<C extends Calls>(file: string, flags: readonly string[] = []): Worker<C> {
  const path = fileURLToPath(new URL(file, import.meta.url))
  const child = start(process.execPath, [...flags, path], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const { pid } = child
  if (pid === undefined) throw new Error(`Cannot start the worker ${file}`)
  const ask = asker(child, file)
  return {
    pid,
    call: (name, ...[argument]) => ask(name, argument) as Promise<never>,
    stop: () => end(child),
    kill: () => end(child, 'SIGKILL'),
  }
}

function asker(child: ChildProcess, file: string): (name: string, argument: unknown) => Promise<unknown> {
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  let last = 0
  child.on('message', ({ id, value, error }: Answered) => {
    const asked = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) asked?.resolve(value)
    else asked?.reject(new Error(`${file}: ${error}`))
  })
  child.once('exit', code => {
    for (const { reject } of waiting.values()) reject(new Error(`${file} ended with ${code} before it answered`))
  })
  return (name, argument) =>
    new Promise((resolve, reject) => {
      const id = ++last
      waiting.set(id, { resolve, reject })
      child.send({ id, name, argument } satisfies Asked)
    })
}

/** Answers calls in a worker, and ends with the process that started it. */
export function serve(calls: { readonly [name: string]: (argument: never) => unknown }): void {
  process.on('message', ({ id, name, argument }: Asked) => {
    const call = calls[name] as ((argument: unknown) => unknown) | undefined
    new Promise(resolve => resolve(call?.(argument))).then(
      value => process.send?.({ id, value } satisfies Answered),
      (error: Error) => process.send?.({ id, error: error.stack ?? error.message } satisfies Answered),
    )
  })
  process.once('disconnect', () => process.exit(0))
  process.once('SIGTERM', () => process.exit(0))
  process.on('SIGINT', () => {})
}
