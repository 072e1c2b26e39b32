import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:tls'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fakeClock } from '../../../agent/src/fakes/clock.ts'
import { type TestAuthority, testAuthority } from '../../../test/kit/certificates.ts'
import type { Served } from './served.ts'
import { Tls } from './tls.ts'

let authority: TestAuthority
let server: Server
beforeEach(async () => {
  authority = await testAuthority()
})
afterEach(async () => {
  server.close()
  await once(server, 'close')
})

async function served(authorities = [authority.certificate]): Promise<Served> {
  const { key, certificate } = await authority.sign()
  return { key, cert: certificate, expiresAt: Date.now() + 1e9, authorities, authorityExpiresAt: null }
}

/** TLS of a server that listens, its source what the test puts there. */
async function world() {
  const clock = fakeClock(Date.now())
  const said: string[] = []
  let source: Served | Error = await served()
  const tls = await Tls.open({
    clock,
    minVersion: '1.3',
    source: {
      everyMs: 10_000,
      async read() {
        if (source instanceof Error) throw source
        return source
      },
    },
    events: { certificate: () => void said.push('served'), certificateFailed: error => void said.push((error as Error).message) },
  })
  server = createServer(tls.options).listen(0, '127.0.0.1')
  await once(server, 'listening')
  tls.serve(server, () => void said.push('told'))
  const put = (next: Served | Error) => {
    source = next
  }
  return { clock, said, tls, put, shown: () => shown((server.address() as AddressInfo).port) }
}

function shown(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      resolve(`${socket.getPeerX509Certificate()}${authority.certificate}`)
      socket.destroy()
    })
    socket.on('error', reject)
  })
}

test('what is new is served at the next look, and told to agents only where they are to trust another', async () => {
  const { clock, said, put, shown } = await world()
  const second = await served()
  put(second)
  await clock.advance(9_000)
  expect(said).toEqual(['served'])
  await clock.advance(1_000)
  expect(said).toEqual(['served', 'served'])
  expect(await shown()).toBe(second.cert)

  const other = (await testAuthority('Next')).certificate
  put({ ...second, authorities: [authority.certificate, other] })
  await clock.advance(10_000)
  expect(said).toEqual(['served', 'served', 'served', 'told'])
})

test('the same trouble is told once, and its end', async () => {
  const { clock, said, put, shown, tls } = await world()
  const before = await shown()
  put(new Error('no such file'))
  await clock.advance(60_000)
  expect(said).toEqual(['served', 'no such file'])
  expect(await shown()).toBe(before)
  const ended = { ...(await served()), expiresAt: clock.now() - 1 }
  put(ended)
  await tls.look()
  expect(said.at(-1)).toMatch(/the certificate ended at 20/)
  expect(await shown()).toBe(before)

  const after = await served()
  put(after)
  await tls.look()
  expect(said.slice(3)).toEqual(['served'])
  expect(await shown()).toBe(after.cert)
})

test('after a stop nothing is looked at any more', async () => {
  const { clock, said, put, tls } = await world()
  await tls.stop()
  put(await served())
  await clock.advance(60_000)
  expect(said).toEqual(['served'])
})

test('another authority is only made where it is an own one', async () => {
  const { tls } = await world()
  await expect(tls.renew(0)).rejects.toThrow('has none of its own; set tls.own')
})
