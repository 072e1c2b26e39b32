import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startProxy, type TcpProxy } from './proxy.ts'

/* What breaks networks must itself be right, or a fault that never happened would be proved harmless. */

let echo: Server
let proxy: TcpProxy
let client: Socket
let heard = ''

async function call(): Promise<Socket> {
  const socket = connect(proxy.port, '127.0.0.1')
  socket.on('error', () => {})
  socket.on('data', bytes => {
    heard += bytes
  })
  await once(socket, 'connect')
  return socket
}

beforeEach(async () => {
  heard = ''
  echo = createServer(socket => socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1')
  await once(echo, 'listening')
  proxy = await startProxy(() => (echo.address() as { port: number }).port)
  client = await call()
})
afterEach(async () => {
  client.destroy()
  await proxy.stop()
  echo.close()
})

test('what comes in pieces, late and slowly is what was sent', async () => {
  proxy.set({ pieceBytes: 3, delayMs: 20, bytesPerSecond: 10_000 })
  const started = performance.now()
  client.write('x'.repeat(500))
  while (heard.length < 500) await once(client, 'data')
  expect(heard).toBe('x'.repeat(500))
  expect(performance.now() - started).toBeGreaterThan(50)
})

test('what is held arrives when the way is free again', async () => {
  proxy.set({ pass: 'hold' })
  client.write('one')
  await delay(50)
  expect(heard).toBe('')
  proxy.set({ pass: 'all' })
  await once(client, 'data')
  expect(heard).toBe('one')
})

test('what is forgotten never arrives, and the socket stays open; a new connection is as new', async () => {
  proxy.forget()
  client.write('lost')
  const other = await call()
  other.write('new')
  await once(other, 'data')
  await delay(50)
  expect([heard, client.closed]).toEqual(['new', false])
  other.destroy()
})

test('a reset is a reset, and an idle connection is closed in order', async () => {
  const reset = once(client, 'error')
  proxy.reset()
  expect((await reset)[0]).toMatchObject({ code: 'ECONNRESET' })

  proxy.set({ idleMs: 50 })
  const idle = await call()
  await once(idle, 'end')
})
