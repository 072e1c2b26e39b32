import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)
/** A Redis starts within this, ms. */
const START_MS = 15_000
const POLL_MS = 20

/** A real Redis of the test's own: loopback, a free port, a private folder. */
export type RedisServer = {
  readonly url: string
  readonly port: number
  /** Of the process that runs now. */
  readonly pid: number
  /** Ends it in order, and its folder with it. */
  stop(): Promise<void>
  /** `kill -9`; its folder stays. */
  kill(): Promise<void>
  /** Starts it again on the same port and folder, after `kill` or in its place. */
  restart(): Promise<void>
  /** SIGSTOP: it accepts connections and never answers. */
  pause(): void
  /** SIGCONT */
  resume(): void
  /** Runs redis-cli with these arguments against it. @returns what it printed */
  cli(...args: string[]): Promise<string>
}

export type RedisCluster = {
  readonly url: string
  readonly nodes: readonly RedisServer[]
  stop(): Promise<void>
  /** FLUSHALL on every node. */
  flush(): Promise<void>
}

/**
 * Starts a Redis that keeps each write on the disk. @param options further settings, as on redis-server's command line: `['--maxmemory', '10mb']`.
 * @throws when redis-server is not installed or does not come up
 */
export async function startRedis(options: readonly string[] = []): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-redis-'))
  const settings = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', '', ...options]
  let port = 0
  let child: ChildProcess
  for (let tries = 0; ; tries++) {
    port = await freePort()
    try {
      child = await start(port, folder, settings)
      break
    } catch (error) {
      // Another process took the port in between.
      if (tries >= 4) throw error
    }
  }
  const cli = async (...args: string[]) => (await run('redis-cli', ['-p', String(port), ...args])).stdout
  const kill = async () => {
    await end(child, 'SIGKILL')
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    get pid() {
      return child.pid ?? -1
    },
    async stop() {
      await kill()
      await rm(folder, { recursive: true, force: true })
    },
    kill,
    async restart() {
      await kill()
      child = await start(port, folder, settings)
    },
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    cli,
  }
}

/** Starts three masters that share the slots of one Redis Cluster, without replicas. */
export async function startRedisCluster(): Promise<RedisCluster> {
  const settings = async () => ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000', '--cluster-port', String(await freePort())]
  const nodes = await Promise.all([0, 1, 2].map(async () => await startRedis(await settings())))
  const stop = async () => {
    await Promise.all(nodes.map(node => node.stop()))
  }
  try {
    await joinNodes(nodes)
  } catch (error) {
    await stop()
    throw error
  }
  const addresses = nodes.map(node => `127.0.0.1:${node.port}`)
  const flush = async () => {
    await Promise.all(nodes.map(node => node.cli('FLUSHALL')))
  }
  return { url: `redis+cluster://${addresses.join(',')}`, nodes, stop, flush }
}

/** Two Redis, one the replica of the other, and a Sentinel that makes the replica the master when the master is gone. */
export type RedisWithSentinel = {
  readonly url: string
  readonly master: RedisServer
  readonly replica: RedisServer
  stop(): Promise<void>
}

/** Starts a master called `main`, its replica and one Sentinel, which acts after half a second. */
export async function startRedisWithSentinel(): Promise<RedisWithSentinel> {
  const [master, replica] = await Promise.all([startRedis(), startRedis()])
  await replica.cli('REPLICAOF', '127.0.0.1', String(master.port))
  await until(
    async () => (await replica.cli('INFO', 'replication')).includes('master_link_status:up'),
    'the replica did not reach its master',
  )
  const folder = await mkdtemp(join(tmpdir(), 'fettle-sentinel-'))
  const file = join(folder, 'sentinel.conf')
  const watch = [`monitor main 127.0.0.1 ${master.port} 1`, 'down-after-milliseconds main 500', 'failover-timeout main 3000']
  await writeFile(file, watch.map(line => `sentinel ${line}\n`).join(''))
  const port = await freePort()
  const child = await start(port, folder, ['--sentinel'], file)
  const stop = async () => {
    await end(child, 'SIGKILL')
    await Promise.all([master.stop(), replica.stop(), rm(folder, { recursive: true, force: true })])
  }
  const sees = async () =>
    (await run('redis-cli', ['-p', String(port), 'SENTINEL', 'REPLICAS', 'main'])).stdout.includes(String(replica.port))
  await until(sees, 'the Sentinel did not find the replica')
  return { url: `redis+sentinel://127.0.0.1:${port}/main`, master, replica, stop }
}

const SLOTS = ['0 5460', '5461 10922', '10923 16383']

async function joinNodes(nodes: readonly RedisServer[]): Promise<void> {
  for (const [i, node] of nodes.entries()) {
    await node.cli('CLUSTER', 'ADDSLOTSRANGE', ...(SLOTS[i] ?? '').split(' '))
    // An epoch of its own for each, or the nodes have to settle whose slots are whose.
    await node.cli('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1))
  }
  const [first, ...others] = nodes
  for (const node of others) {
    const bus = (await node.cli('CONFIG', 'GET', 'cluster-port')).trim().split('\n').at(-1) ?? ''
    await first?.cli('CLUSTER', 'MEET', '127.0.0.1', String(node.port), bus)
  }
  const joined = async (node: RedisServer) => {
    const info = await node.cli('CLUSTER', 'INFO')
    return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${nodes.length}`)
  }
  await until(async () => (await Promise.all(nodes.map(joined))).every(Boolean), 'the nodes of the Redis Cluster did not find each other')
}

/** Resolves when the condition holds: what a child process does gives no event. @throws with `what` after 15 s */
async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  for (const deadline = performance.now() + START_MS; performance.now() < deadline; await delay(POLL_MS)) {
    if (await condition()) return
  }
  throw new Error(`Cannot go on: ${what} within ${START_MS} ms`)
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

async function start(port: number, folder: string, settings: readonly string[], file?: string): Promise<ChildProcess> {
  const fixed = [...(file === undefined ? [] : [file]), '--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--daemonize', 'no']
  const child = spawn('redis-server', [...fixed, ...settings], { stdio: ['ignore', 'pipe', 'pipe'] })
  const orphan = () => child.kill('SIGKILL')
  process.once('exit', orphan)
  child.once('exit', () => process.off('exit', orphan))
  let said = ''
  await new Promise<void>((resolve, reject) => {
    const failed = (why: string) => reject(new Error(`Cannot start redis-server: ${why}; ${said.slice(-1000)}`))
    const timer = setTimeout(() => failed(`not ready within ${START_MS} ms`), START_MS)
    const settle = (then: () => void) => {
      clearTimeout(timer)
      then()
    }
    child.once('error', error => settle(() => failed(`${error.message}; install it with: apt-get install redis-server`)))
    child.once('exit', code => settle(() => failed(`it ended with ${code}`)))
    child.stderr.on('data', chunk => {
      said += chunk
    })
    child.stdout.on('data', chunk => {
      said = (said + chunk).slice(-4000)
      if (/Ready to accept connections|Sentinel ID is/.test(said)) settle(resolve)
    })
  })
  child.stdout.removeAllListeners('data').resume()
  return child
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise(resolve => child.once('exit', resolve))
  child.kill(signal)
  await ended
}
