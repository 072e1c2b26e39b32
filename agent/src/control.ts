import { createConnection, createServer, type Socket } from 'node:net'
import type { Log } from '@fettle/kit'
import type { StateDir } from './host/state.ts'

/** Every limit of the control socket. */
const controlLimits = { requestBytes: 16 * 1024, idleMs: 10_000, answerBytes: 64 * 1024 } as const

/** What another process of the same user may ask of the running agent: a word and its arguments, one line of JSON. */
export type Request = { readonly ask: 'refresh' | 'reconnect' | 'status'; readonly keys?: readonly string[]; readonly wait?: boolean }

/** The agent's answer. */
export type Answer = { readonly ok: boolean; readonly message: string; readonly keys?: readonly string[] }

/** No agent listens. */
export class NoAgent extends Error {
  override name = 'NoAgent'
  constructor() {
    super('no agent runs on this machine with this state folder')
  }
}

/**
 * Listens on the agent's socket, which only its own user may open. Answers each connection once.
 * @throws where another agent already listens, or the socket cannot be made
 */
export async function listen(state: StateDir, log: Log, answer: (request: Request) => Promise<Answer>): Promise<() => Promise<void>> {
  if (await isAlive(state.socketPath)) throw new Error(`Cannot start: another agent already uses ${state.path}`)
  await state.clearSocket()
  const open = new Set<Socket>()
  const server = createServer(socket => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    serve(socket, answer)
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(state.socketPath, resolve))
  server.on('error', error => log.error({ err: error }, 'the control socket failed'))
  server.unref()
  await state.protectSocket()
  return () =>
    new Promise(resolve => {
      server.close(() => resolve())
      for (const socket of open) socket.destroy()
    })
}

function serve(socket: Socket, answer: (request: Request) => Promise<Answer>): void {
  let text = ''
  socket.setEncoding('utf8')
  socket.setTimeout(controlLimits.idleMs, () => socket.destroy())
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk: string) => {
    text += chunk
    if (text.length > controlLimits.requestBytes) socket.destroy()
    const end = text.indexOf('\n')
    if (end === -1) return
    socket.removeAllListeners('data')
    socket.setTimeout(0)
    reply(text.slice(0, end), answer).then(told => socket.end(`${JSON.stringify(told)}\n`))
  })
}

/** Whether an agent runs on this state. */
export function agentRuns(state: Pick<StateDir, 'socketPath'>): Promise<boolean> {
  return isAlive(state.socketPath)
}

async function reply(line: string, answer: (request: Request) => Promise<Answer>): Promise<Answer> {
  try {
    return await answer(readRequest(line))
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) }
  }
}

function readRequest(line: string): Request {
  const { ask, keys = [], wait = true } = JSON.parse(line) as Partial<Request>
  if (ask !== 'refresh' && ask !== 'reconnect' && ask !== 'status') throw new Error('Cannot answer: wanted refresh, reconnect or status')
  if (!Array.isArray(keys) || !keys.every(key => typeof key === 'string')) throw new Error('Cannot answer: wanted a list of keys')
  return { ask, keys, wait: wait === true }
}

function isAlive(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = createConnection(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** Asks the running agent. @throws NoAgent, or Error where it does not answer within the time */
export function ask(state: Pick<StateDir, 'socketPath'>, request: Request, timeoutMs: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(state.socketPath)
    let text = ''
    socket.setEncoding('utf8')
    const timer = setTimeout(() => socket.destroy(new Error(`the agent did not answer within ${timeoutMs / 1000} s`)), timeoutMs)
    socket.once('connect', () => socket.write(`${JSON.stringify(request)}\n`))
    socket.on('data', (chunk: string) => {
      text = (text + chunk).slice(0, controlLimits.answerBytes)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer)
      reject(error.code === 'ENOENT' || error.code === 'ECONNREFUSED' ? new NoAgent() : error)
    })
    socket.once('close', () => {
      clearTimeout(timer)
      try {
        resolve(JSON.parse(text) as Answer)
      } catch {
        reject(new Error('the agent ended without an answer'))
      }
    })
  })
}
