import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import type { PemFiles } from './pem-files.ts'
import { freePort } from './process.ts'
import { startServer } from './server.ts'

/** A proxy for CONNECT on loopback. */
export type ForwardProxy = { readonly port: number; stop(): Promise<void> }

/** A real tinyproxy(8) that lets its users connect to the ports that are named. */
export async function startTinyproxy(wish: {
  readonly user: string
  readonly password: string
  readonly ports: readonly number[]
}): Promise<ForwardProxy> {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-tinyproxy-'))
  const port = await freePort()
  const lines = [`Port ${port}`, 'Listen 127.0.0.1', 'LogLevel Info', `BasicAuth ${wish.user} ${wish.password}`]
  await writeFile(join(folder, 'tinyproxy.conf'), [...lines, ...wish.ports.map(one => `ConnectPort ${one}`), ''].join('\n'))
  const { server } = await startServer(
    ['tinyproxy', '-d', '-c', join(folder, 'tinyproxy.conf')],
    /Accepting connections|Starting main loop/,
  )
  return {
    port,
    async stop() {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A proxy that knows where names lead that no DNS does, speaks TLS where it has a certificate, and tells what it was asked for. */
export type NamingProxy = ForwardProxy & {
  readonly asked: readonly { readonly to: string; readonly credentials: string | undefined }[]
  readonly connections: () => number
}

/** @param leads the port on loopback that a `host:port` leads to; undefined: 502. `silent` takes connections and answers nothing */
export async function startNamingProxy(leads: (to: string) => number | undefined | 'silent', pair?: PemFiles): Promise<NamingProxy> {
  const asked: { to: string; credentials: string | undefined }[] = []
  const open = new Set<Duplex>()
  const server = pair ? createSecureServer({ cert: await readFile(pair.cert), key: await readFile(pair.key) }) : createServer()
  server.on('connect', (request: IncomingMessage, client: Socket, head: Buffer) => {
    const to = request.url ?? ''
    asked.push({ to, credentials: request.headers['proxy-authorization'] })
    const port = leads(to)
    client.on('error', () => {})
    // Takes in what comes and notices the end: only what it answers is missing.
    if (port === 'silent') return void client.resume().once('end', () => client.end())
    if (port === undefined) return void client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
    const upstream = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      upstream.write(head)
      upstream.pipe(client).pipe(upstream)
    })
    upstream.on('error', () => client.destroy())
    client.on('close', () => upstream.destroy())
  })
  server.on('connection', (socket: Duplex) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    connections: () => open.size,
    async stop() {
      for (const socket of open) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
