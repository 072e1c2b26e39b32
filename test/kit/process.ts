import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { lineLogged } from './secrets.ts'

const root = join(import.meta.dirname, '../..')

/** A process of the test's own, run by this Node, ended by its pid. */
export type TestProcess = {
  readonly child: ChildProcess
  /** Lines of both outputs so far. */
  readonly lines: readonly string[]
  /** The next line that matches, or one that came already. */
  line(matches: RegExp): Promise<string>
  write(text: string): void
  /** `kill -9` by default; resolves when it has ended. */
  kill(signal?: NodeJS.Signals): Promise<void>
}

/** Runs a script of the repository. @param script path below the repository's root @param inside a command that runs it: `ip netns exec NAME` */
export function runScript(
  script: string,
  args: readonly string[],
  env: Record<string, string> = {},
  inside: readonly string[] = [],
): TestProcess {
  const [program = process.execPath, ...rest] = [...inside, process.execPath, join(root, script), ...args]
  const child = spawn(program, rest, {
    cwd: root,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  const waiting: { matches: RegExp; resolve(line: string): void }[] = []
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', line => {
      lines.push(line)
      if (stream === child.stderr) lineLogged(line)
      for (const one of waiting.filter(({ matches }) => matches.test(line))) {
        waiting.splice(waiting.indexOf(one), 1)
        one.resolve(line)
      }
    })
  }
  child.stdin.on('error', () => {})
  return {
    child,
    lines,
    line: matches => {
      const found = lines.find(line => matches.test(line))
      return found === undefined ? new Promise(resolve => waiting.push({ matches, resolve })) : Promise.resolve(found)
    },
    write: text => void child.stdin.write(text),
    async kill(signal = 'SIGKILL') {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill(signal)
      await ended
    },
  }
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address ? address.port : 0
}
