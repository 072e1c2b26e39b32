import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'
import { serve } from './worker.ts'

/** The least that a WebSocket server can be: it sends back what it gets. */
const calls = {
  async start() {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false })
    server.on('connection', socket => socket.on('message', (data: Buffer) => socket.send(data, { binary: false })))
    await once(server, 'listening')
    return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` }
  },
  usage() {
    globalThis.gc?.()
    const { user, system } = process.cpuUsage()
    return { cpuSeconds: (user + system) / 1e6, resident: process.memoryUsage.rss() }
  },
}
export type EchoCalls = typeof calls

serve(calls)
