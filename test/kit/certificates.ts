import { createPrivateKey, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type TlsOptions } from 'node:tls'
import { type KeyPair, makeAuthority, makeCertificate, type Validity } from '../../collector/src/tls/certificates.ts'

const DAY = 24 * 3_600_000

/** An authority of the test's own, and what it signs. */
export type TestAuthority = {
  /** PEM */
  readonly certificate: string
  /** A chain and its key for names; valid around now unless said otherwise. */
  sign(names?: readonly [string, ...string[]], validity?: Validity): Promise<KeyPair>
}

/** Makes an authority that holds for a year. */
export async function testAuthority(name = 'Authority of a test'): Promise<TestAuthority> {
  const around = { from: Date.now() - DAY, until: Date.now() + 365 * DAY }
  const { key, certificate } = await makeAuthority(name, around)
  const signer = { key: createPrivateKey(key), certificate: new X509Certificate(certificate) }
  return {
    certificate,
    async sign(names = ['127.0.0.1', 'localhost'], validity = around) {
      const pair = await makeCertificate(signer, names, validity)
      return { key: pair.key, certificate: pair.certificate + certificate }
    },
  }
}

/** A TLS listener that writes down what it hears and answers nothing. */
export type Listener = {
  readonly url: string /** What came inside TLS. */
  heard(): string /** Handshakes that were begun. */
  calls(): number
  stop(): Promise<void>
}

/** Listens on a free loopback port. */
export async function startListener(options: TlsOptions): Promise<Listener> {
  let heard = ''
  let calls = 0
  const server = createServer(options, socket => {
    socket.on('data', bytes => {
      heard += bytes.toString('latin1')
    })
    socket.on('error', () => {})
  })
  server.on('tlsClientError', () => {})
  server.on('connection', () => calls++)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `wss://127.0.0.1:${port}`,
    heard: () => heard,
    calls: () => calls,
    async stop() {
      server.close()
      await once(server, 'close')
    },
  }
}
