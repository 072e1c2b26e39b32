import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fakeClock } from '../../../agent/src/fakes/clock.ts'
import { openStore } from '../store/open.ts'
import { type Store, StoreUnavailable } from '../store/store.ts'
import { Authority, authorityLimits } from './authority.ts'
import { certificatesOf, type Served } from './served.ts'

const DAY = 24 * 3_600_000
const YEAR = 365 * DAY
const clock = fakeClock()
let folder: string
let store: Store
let told: string[]
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fettle-authority-'))
  store = await openStore('sqlite::memory:', { clock })
  told = []
})
afterEach(async () => {
  await store.close()
  await rm(folder, { recursive: true })
})

type Over = Partial<Parameters<typeof Authority.open>[0]>
const events = {
  authority: (what: string) => void told.push(what),
  failed: (what: string) => void told.push(what),
}
function open(over: Over = {}): Promise<Authority> {
  const names = ['fettle.example.com', '192.0.2.7', '2001:db8::7'] as const
  return Authority.open({ values: store.values, clock, events, server: 'fettle', names, passphrase: null, file: undefined, ...over })
}

/** A clock that stands `ms` after the other. */
const later = (ms: number) => ({ ...clock, now: () => clock.now() + ms })
const rootOf = ({ authorities }: Served) => new X509Certificate(authorities[0] ?? '')
const authorityAt = async (ms: number) => (await open({ clock: later(ms) })).read()

describe('an own authority', () => {
  test('makes certificates that openssl(1) takes for what they are, for the names and addresses that were wished', async () => {
    const served = await (await open()).read()
    await writeFile(join(folder, 'chain.pem'), served.cert)
    await writeFile(join(folder, 'ca.pem'), served.authorities.join(''))
    const openssl = async (...args: string[]) => (await promisify(execFile)('openssl', args, { cwd: folder })).stdout
    const at = ['-attime', String(Math.floor(clock.now() / 1000))]

    const strict = ['verify', ...at, '-x509_strict', '-purpose', 'sslserver', '-CAfile', 'ca.pem']
    expect(await openssl(...strict, '-verify_hostname', 'fettle.example.com', 'chain.pem')).toContain('OK')
    expect(await openssl(...strict, '-verify_ip', '2001:db8::7', 'chain.pem')).toContain('OK')
    await expect(openssl(...strict, '-verify_hostname', 'other.example.com', 'chain.pem')).rejects.toThrow('hostname mismatch')

    const server = await openssl('x509', '-in', 'chain.pem', '-noout', '-text')
    for (const part of ['CA:FALSE', 'Digital Signature', 'TLS Web Server Authentication', 'IP Address:192.0.2.7', 'DNS:fettle.example.com'])
      expect(server).toContain(part)
    const authority = await openssl('x509', '-in', 'ca.pem', '-noout', '-text')
    for (const part of ['CA:TRUE, pathlen:0', 'Certificate Sign, CRL Sign', 'prime256v1']) expect(authority).toContain(part)
    expect([served.expiresAt - clock.now(), (served.authorityExpiresAt ?? 0) - clock.now()]).toEqual([90 * DAY, 10 * YEAR])
  })

  test('is one for all collectors of a store, each with a key of its own for its certificate', async () => {
    const all = await Promise.all(Array.from({ length: 5 }, async () => (await open()).read()))
    expect(new Set(all.map(served => rootOf(served).fingerprint256)).size).toBe(1)
    expect(new Set(all.map(served => served.key)).size).toBe(5)
    expect(told).toEqual(['made'])
  })

  test('signs a new certificate a month before the old one ends, and not sooner', async () => {
    const moved = fakeClock(clock.now())
    const authority = await open({ clock: moved })
    const first = await authority.read()
    await moved.advance(59 * DAY)
    expect((await authority.read()).cert).toBe(first.cert)
    await moved.advance(2 * DAY)
    const second = await authority.read()
    expect(second.cert).not.toBe(first.cert)
    expect([second.expiresAt - moved.now(), second.authorities]).toEqual([90 * DAY, first.authorities])
  })

  test('is followed by a next one, which is told for years before it is used, and the old one for as long as it holds', async () => {
    const first = await authorityAt(0)
    const same = await authorityAt(7 * YEAR - DAY)
    const toldOf = await authorityAt(7 * YEAR + DAY)
    const stillTold = await authorityAt(9 * YEAR - DAY)
    const used = await authorityAt(9 * YEAR + DAY)
    const alone = await authorityAt(10 * YEAR + DAY)

    expect(same.authorities).toEqual(first.authorities)
    expect(toldOf.authorities).toEqual([...first.authorities, expect.any(String)])
    expect(stillTold.authorities).toEqual(toldOf.authorities)
    expect(used.authorities).toEqual([...toldOf.authorities].reverse())
    expect(alone.authorities).toEqual(used.authorities.slice(0, 1))
    for (const { cert, authorities } of [first, stillTold, used, alone]) {
      const [own, last] = certificatesOf(cert)
      expect(own?.verify(new X509Certificate(authorities[0] ?? '').publicKey)).toBe(true)
      expect(last?.toString()).toBe(authorities[0])
    }
    expect(rootOf(used).subject).not.toBe(rootOf(first).subject)
  })

  test('no certificate outlives its authority', async () => {
    const asleep = await authorityAt(0)
    const late = await authorityAt(10 * YEAR - 95 * DAY)
    const [own, root] = certificatesOf(late.cert)
    expect(root?.toString()).toBe(asleep.authorities[0])
    expect(own?.validToDate.getTime()).toBeLessThanOrEqual(root?.validToDate.getTime() ?? 0)
    // One that was made so late is used the sooner, or the present one would end first.
    expect(rootOf(await authorityAt(10 * YEAR - 80 * DAY)).subject).not.toBe(rootOf(asleep).subject)
  })

  test('serves and signs on while its store is away', async () => {
    let away = false
    const guard = <T>(answer: T) => {
      if (away) throw new StoreUnavailable('away')
      return answer
    }
    const { values } = store
    const names = (beginning: string) => guard(values.names(beginning))
    const moved = fakeClock(clock.now())
    const authority = await open({
      clock: moved,
      values: { ...values, names, get: name => values.get(name), putFirst: (...all) => values.putFirst(...all) },
    })
    const before = await authority.read()
    away = true
    await moved.advance(80 * DAY)
    const after = await authority.read()
    expect([after.expiresAt - moved.now(), after.authorities]).toEqual([90 * DAY, before.authorities])
  })
})

describe('an authority that is replaced before its time', () => {
  test('is told with the next one until that is used, and nobody is told to trust it any more then', async () => {
    const authority = await open()
    const before = await authority.read()
    await authority.renew(30 * DAY)
    const told = await authority.read()
    expect([told.cert, told.authorities]).toEqual([before.cert, [before.authorities[0], expect.any(String)]])
    const [, next] = told.authorities

    // Another collector of the store decides the same, by its own clock.
    expect(await authorityAt(30 * DAY - 1)).toMatchObject({ authorities: told.authorities })
    const used = await authorityAt(30 * DAY)
    expect(used.authorities).toEqual([next])
    expect(certificatesOf(used.cert)[1]?.toString()).toBe(next)
    await expect(authority.renew(0)).rejects.toThrow(/the next one is used from 20\d\d-/)
  })

  test('as well while its follower was told already: that one is worth nothing either', async () => {
    await open()
    const late = await open({ clock: later(8 * YEAR) })
    const [first, second] = (await late.read()).authorities
    await late.renew(0)
    const { authorities } = await late.read()
    expect(authorities).toHaveLength(1)
    expect([first, second]).not.toContain(authorities[0])
    expect((await (await open({ clock: later(9 * YEAR + DAY) })).read()).authorities[0]).toBe(authorities[0])
  })
})

describe('a store that was wiped', () => {
  test('gets the authority back from a collector that runs', async () => {
    const authority = await open()
    const before = await authority.read()
    await store.values.take('authority:1')
    expect((await authority.read()).authorities).toEqual(before.authorities)
    expect(await (await open()).read()).toMatchObject({ authorities: before.authorities })
    expect(told).toEqual(['made', 'restored'])
  })

  test('gets it back from the file of a collector that did not run, which only its owner may read', async () => {
    const file = { path: join(folder, 'authority.json'), storeName: 'redis://one' }
    const before = await (await open({ file })).read()
    expect((await stat(file.path)).mode & 0o777).toBe(0o600)
    await store.values.take('authority:1')

    expect((await (await open({ file })).read()).authorities).toEqual(before.authorities)
    await store.values.take('authority:1')
    const elsewhere = await open({ file: { ...file, storeName: 'redis://another' } })
    expect((await elsewhere.read()).authorities).not.toEqual(before.authorities)
  })

  test('and got another one meanwhile wins, and that is told as what it is', async () => {
    const authority = await open()
    const before = await authority.read()
    await store.values.take('authority:1')
    const other = await (await open()).read()
    expect((await authority.read()).authorities).toEqual(other.authorities)
    expect(other.authorities).not.toEqual(before.authorities)
    expect(told.at(-1)).toBe('replaced')
  })

  test('with a damaged file beside it there is a new one, and the damage is told', async () => {
    const file = { path: join(folder, 'authority.json'), storeName: 'redis://one' }
    await writeFile(file.path, '{"store":')
    await (await open({ file })).read()
    expect(told[0]).toMatch(/cannot read .*authority\.json/)
  })
})

describe('with a passphrase', () => {
  const kept = async () => (await store.values.get('authority:1')) ?? ''

  test('the key is kept encrypted, in the store and in the file, and opens with that passphrase alone', async () => {
    const file = { path: join(folder, 'authority.json'), storeName: 'redis://one' }
    const sealed = await (await open({ passphrase: 'correct horse', file })).read()
    for (const text of [await kept(), await readFile(file.path, 'utf8')]) {
      expect(text).toContain('BEGIN ENCRYPTED PRIVATE KEY')
      expect(text).not.toContain('BEGIN PRIVATE KEY')
    }
    expect((await (await open({ passphrase: 'correct horse' })).read()).authorities).toEqual(sealed.authorities)
    await expect(open({ passphrase: 'wrong' })).rejects.toThrow('tls.passphrase is not what it was encrypted with')
    await expect(open()).rejects.toThrow('it is encrypted; set tls.passphrase')
  })

  test('a key that was kept in the clear before is encrypted, and stays the same', async () => {
    const before = await (await open()).read()
    expect(await kept()).toContain('BEGIN PRIVATE KEY')
    expect((await (await open({ passphrase: 'correct horse' })).read()).authorities).toEqual(before.authorities)
    expect(await kept()).not.toContain('BEGIN PRIVATE KEY')
  })
})

test('every time in the life of an authority leaves room for the next', () => {
  const { nextMs, usedMs, toldMs, certificateLifeMs, renewMs, lifeMs } = authorityLimits
  expect(lifeMs).toBeGreaterThan(nextMs)
  expect(nextMs).toBeGreaterThanOrEqual(usedMs + toldMs)
  expect(usedMs).toBeGreaterThan(certificateLifeMs)
  expect(certificateLifeMs).toBeGreaterThan(renewMs)
})
