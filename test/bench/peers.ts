import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { start } from './children.ts'

/** A program to compare with, running, and asked as its own collector would ask it. */
export type Peer = { readonly name: string; readonly child: ChildProcess; ask(): Promise<void> }

const NODE_EXPORTER = '/usr/bin/prometheus-node-exporter'
const ZABBIX_AGENT2 = '/usr/sbin/zabbix_agent2'

/** What the template "Linux by Zabbix agent" asks about each minute. */
const ZABBIX_KEYS = [
  'agent.ping',
  'system.cpu.util',
  'system.cpu.load[all,avg1]',
  'vm.memory.size[pavailable]',
  'vfs.fs.get',
  'vfs.dev.discovery',
  'net.if.discovery',
  'system.uptime',
  'proc.num',
  'system.sw.packages.get',
] as const

/** Node of the same version that does nothing. */
export function idleNode(): Peer {
  return { name: 'idle Node', child: start(process.execPath, ['-e', 'setInterval(() => {}, 1000)']), ask: async () => {} }
}

/** Those of node_exporter and zabbix-agent2 that are installed, as Debian ships them. */
export async function installedPeers(): Promise<Peer[]> {
  const peers: Peer[] = []
  if (existsSync(NODE_EXPORTER)) peers.push(await nodeExporter())
  if (existsSync(ZABBIX_AGENT2)) peers.push(await zabbixAgent())
  return peers
}

async function nodeExporter(): Promise<Peer> {
  const port = await freePort()
  const child = start(NODE_EXPORTER, [`--web.listen-address=127.0.0.1:${port}`])
  const ask = async () => {
    await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  }
  return { name: 'node_exporter', child, ask }
}

async function zabbixAgent(): Promise<Peer> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'zabbix-'))
  const file = join(folder, 'agent.conf')
  const own = [`PidFile=${folder}/pid`, `ControlSocket=${folder}/control`, 'LogType=console', 'Hostname=bench', 'DebugLevel=1']
  const address = ['Server=127.0.0.1', 'ListenIP=127.0.0.1', `ListenPort=${port}`]
  writeFileSync(file, [...own, ...address, ''].join('\n'))
  const child = start(ZABBIX_AGENT2, ['-c', file, '-f'])
  const ask = async () => {
    for (const key of ZABBIX_KEYS) await askZabbix(port, key)
  }
  return { name: 'zabbix-agent2', child, ask }
}

/** One passive check: `ZBXD`, protocol version 1, length, key; Zabbix manual, "Header". */
function askZabbix(port: number, key: string): Promise<void> {
  const header = Buffer.alloc(13)
  header.write('ZBXD\x01', 'latin1')
  header.writeUInt32LE(Buffer.byteLength(key), 5)
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(Buffer.concat([header, Buffer.from(key)])))
    socket.resume()
    socket.once('close', () => resolve())
    socket.once('error', reject)
  })
}

/** A port that nobody listens on, below 32768: Zabbix takes no other. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    if (await isFree(port)) return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer().once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
