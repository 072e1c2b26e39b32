import { type ChildProcess, spawn } from 'node:child_process'

const START_MS = 30_000
/** Enough of what it printed to see why it did not start. */
const TAIL = 4_000

/** A server program that a test started, and that ends with the test. */
export type Server = {
  readonly pid: number
  /** What it printed last. */
  readonly said: string
  /** SIGTERM, and SIGKILL where that does not help; resolves when it has ended. */
  stop(): Promise<void>
}

/** Starts a program and waits until it prints a line that matches. @returns the match as well; @throws where it ends before, or takes too long */
export async function startServer(
  argv: readonly string[],
  ready: RegExp,
  env: NodeJS.ProcessEnv = process.env,
): Promise<{ readonly server: Server; readonly match: RegExpExecArray }> {
  const [program = '', ...args] = argv
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env })
  const orphan = () => child.kill('SIGKILL')
  process.once('exit', orphan)
  child.once('exit', () => process.off('exit', orphan))
  let said = ''
  const match = await new Promise<RegExpExecArray>((resolve, reject) => {
    const failed = (why: string) => reject(new Error(`Cannot start ${program}: ${why}; it said: ${said}`))
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      failed(`not ready within ${START_MS / 1000} s`)
    }, START_MS)
    child.once('error', error => failed(error.message))
    child.once('exit', code => failed(`it ended with ${code}`))
    const hear = (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-TAIL)
      const found = ready.exec(said)
      if (!found) return
      clearTimeout(timer)
      resolve(found)
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
  })
  return {
    match,
    server: {
      pid: child.pid ?? -1,
      get said() {
        return said
      },
      stop: () => end(child),
    },
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await ended
  clearTimeout(timer)
}
