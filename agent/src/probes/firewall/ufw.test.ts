import { existsSync, readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { localHost } from '../../host/local.ts'
import { type Captured, Denied } from '../../probe.ts'
import { checked, runProbe } from '../../runner.ts'
import ufw, { parseUfw } from './ufw.ts'

const samples = new URL('../../../../../shared/samples/security_linux/', import.meta.url)
const read = (name: string) => readFileSync(new URL(`./fixtures/${name}`, import.meta.url), 'utf8')
const captured = (text: string, more: Partial<Captured> = {}): readonly Captured[] => [
  { text, stderr: '', code: null, name: '', modifiedAt: null, ...more },
]

const states = [
  ['ufw-active.txt', true, 'drop'],
  ['ufw-inactive.txt', false, null],
  ['ufw-open.txt', false, 'accept'],
] as const

test.each(states)('%s: enabled %s, inbound %s', (name, enabled, inbound) => {
  const fact = parseUfw({ status: captured(read(name)) })

  expect(checked(ufw, fact).outcome).toBe('ok')
  expect(fact.profiles).toMatchObject([{ name: 'ufw', enabled, inbound }])
})

test.each([
  ['22/tcp                     ALLOW IN    Anywhere', true, 'drop'],
  ['Anywhere                   ALLOW IN    192.0.2.7', true, 'drop'],
  ['Anywhere on lo             ALLOW IN    Anywhere', true, 'drop'],
  ['Anywhere                   ALLOW OUT   Anywhere', true, 'drop'],
  ['Anywhere                   ALLOW IN    Anywhere                   # all', false, 'accept'],
  ['[ 7] Anywhere              ALLOW IN    Anywhere', false, 'accept'],
  ['Anywhere (v6)              ALLOW IN    Anywhere (v6)', false, 'accept'],
  ['Anywhere on eth0           ALLOW IN    Anywhere', null, null],
  ['1:65535/tcp                ALLOW IN    Anywhere', null, null],
  ['Anywhere                   DENY IN     Anywhere\nAnywhere                   ALLOW IN    Anywhere', true, 'drop'],
])('the rule %s: enabled %s, inbound %s', (rule, enabled, inbound) => {
  const text = `Status: active\nDefault: deny (incoming), allow (outgoing), disabled (routed)\n\nTo      Action      From\n--      ------      ----\n${rule}\n`
  expect(parseUfw({ status: captured(text) }).profiles[0]).toMatchObject({ enabled, inbound })
})

test('switched on in the configuration but not loaded is off, and says so', () => {
  const fact = parseUfw({ status: captured('Status: inactive\n'), conf: captured('ENABLED=yes\nLOGLEVEL=low\n') })

  expect(fact.profiles).toMatchObject([{ enabled: false, detail: expect.stringContaining('not loaded') }])
})

test('the configuration alone is enough for off, never for on', () => {
  expect(parseUfw({ conf: captured('ENABLED=no\n') }).profiles).toMatchObject([{ enabled: false }])
  expect(() => parseUfw({ conf: captured('ENABLED=yes\n') })).toThrow()
  expect(() => parseUfw({ conf: captured('# nothing\n') })).toThrow()
})

test('others than root get a missing right; silence is a failure', () => {
  const stderr = 'ERROR: You need to be root to run this script\n'

  expect(() => parseUfw({ status: captured('', { stderr, code: 1 }) })).toThrow(Denied)
  expect(() => parseUfw({ status: captured(stderr) })).toThrow(Denied)
  expect(() => parseUfw({ status: captured('', { code: 0 }) })).toThrow()
  expect(() => parseUfw({ status: captured('Status: Aktiv\n') })).toThrow()
})

test('any text is a fact or a thrown error', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (status, conf) => {
      try {
        expect(checked(ufw, parseUfw({ status: captured(status), conf: captured(conf) })).outcome).toBe('ok')
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
      }
    }),
  )
})

test('this machine answers', async () => {
  const fact = await runProbe(ufw, localHost(), undefined, 0)

  expect(['ok', 'absent', 'denied']).toContain(fact.outcome)
})

const captures = existsSync(samples)
  ? readdirSync(samples, { recursive: true, encoding: 'utf8' }).filter(name => /ufw/.test(name) && !/appinfo|\.json$/.test(name))
  : []

test.each(captures)('a sample: %s', name => {
  const text = readFileSync(new URL(name, samples), 'utf8')
  const active = /^Status: active/m.test(text)
  const inbound = /^Default: deny/m.test(text) ? 'drop' : null

  expect(parseUfw({ status: captured(text) }).profiles).toMatchObject([{ enabled: active, inbound }])
})
