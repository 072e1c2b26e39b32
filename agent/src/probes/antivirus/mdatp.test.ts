import { describe, expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { alwaysEnds, around, given, huge, outcomeOf } from '../../../../test/kit/parsed.ts'
import { Absent } from '../../probe.ts'
import { runProbe } from '../../runner.ts'
import mdatp, { parseMdatp } from './mdatp.ts'

const NOW = Date.UTC(2026, 5, 15)
const DAY = 86_400_000

// Written from Microsoft's documentation of the values of `mdatp health`.
const health = (more: object = {}) => ({
  appVersion: '101.25032.0008',
  definitionsStatus: { $type: 'upToDate' },
  definitionsUpdated: String(NOW - DAY),
  definitionsVersion: '1.431.1.0',
  engineLoadStatus: 'Engine load succeeded',
  engineVersion: '1.1.25030.1',
  healthIssues: [],
  healthy: true,
  licensed: true,
  passiveModeEnabled: { displayValue: false, isManaged: false, value: false },
  productExpiration: String(NOW + 90 * DAY),
  realTimeProtectionAvailable: true,
  realTimeProtectionEnabled: { displayValue: true, isManaged: false, value: true },
  tamperProtection: { displayValue: 'block', isManaged: false, value: 'block' },
  ...more,
})
const text = `healthy                                     : true
health_issues                               : []
licensed                                    : true
engine_version                              : "1.1.19300.3"
engine_load_status                          : "Engine load succeeded"
app_version                                 : "101.73.77"
product_expiration                          : Sep 20, 2099 at 10:02:36 AM
passive_mode_enabled                        : false [managed]
real_time_protection_enabled                : true [managed]
real_time_protection_available              : true
tamper_protection                           : "block"
definitions_updated                         : Jun 12, 2026 at 10:02:36 AM
definitions_version                         : "1.375.1"
definitions_status                          : "up_to_date"
`
const read = (input: object | string) =>
  parseMdatp({ health: given(typeof input === 'string' ? input : JSON.stringify(input)) }, around(NOW, undefined)).products[0]

test('a product that watches, with the day of its definitions', () => {
  expect(read(health())).toMatchObject({
    version: '101.25032.0008',
    running: true,
    realtime: true,
    passive: false,
    signaturesAt: NOW - DAY,
    signaturesCurrent: true,
    signaturesVersion: '1.431.1.0',
    tamperProtection: true,
    degraded: null,
  })
})

describe('wrong green 12: healthy, and yet not protected', () => {
  test('the value counts, not what is displayed', () => {
    const setting = { displayValue: true, isManaged: true, value: false }
    expect(read(health({ realTimeProtectionEnabled: setting }))).toMatchObject({ realtime: false })
  })

  test('a setting without its value is not known', () => {
    expect(read(health({ realTimeProtectionEnabled: { displayValue: true } }))).toMatchObject({ realtime: null })
  })

  test('passive mode watches nothing', () => {
    expect(read(health({ passiveModeEnabled: { displayValue: false, value: true } }))).toMatchObject({ passive: true, realtime: false })
  })

  test('protection that is on and not available watches nothing', () => {
    expect(read(health({ realTimeProtectionAvailable: false }))).toMatchObject({ realtime: false })
  })

  test('an engine that is not loaded does not run', () => {
    expect(read(health({ engineLoadStatus: 'Engine not loaded' }))).toMatchObject({ running: false, realtime: false })
  })
})

const worse = [
  ['not onboarded', { licensed: false }, /not licensed/],
  ['expired', { productExpiration: String(NOW - DAY) }, /expired/],
  ['issues', { healthIssues: ['missing supported kernel'] }, /kernel/],
  ['definitions', { definitionsStatus: { $type: 'unavailable' } }, /definitions/],
  ['unhealthy', { healthy: false }, /not healthy/],
] as const

test.each(worse)('degraded: %s', (_, more, reason) => {
  expect(read(health(more))?.degraded).toMatch(reason)
})

test('never updated is no date', () => {
  expect(read(health({ definitionsUpdated: '0', definitionsStatus: 'out_of_date' }))).toMatchObject({
    signaturesAt: null,
    signaturesCurrent: false,
  })
})

test('older versions are flat, with other names', () => {
  const flat = {
    healthy: true,
    licensed: true,
    appVersion: '100.90.70',
    engineVersion: '1.1',
    realTimeProtectionEnabled: true,
    passiveModeEnabled: false,
    definitionsUpdated: NOW - DAY,
    definitionsStatus: 'up_to_date',
  }
  const snake = Object.fromEntries(
    Object.entries(flat).map(([key, value]) => [key.replaceAll(/[A-Z]/g, letter => `_${letter.toLowerCase()}`), value]),
  )
  for (const one of [flat, snake])
    expect(read(one)).toMatchObject({ running: true, realtime: true, signaturesAt: NOW - DAY, signaturesCurrent: true })
})

test('the text of the terminal says the same', () => {
  expect(read(text)).toMatchObject({ version: '101.73.77', running: true, realtime: true, passive: false, tamperProtection: true })
  expect(read(text.replace('enabled                : true', 'enabled                : false'))).toMatchObject({ realtime: false })
})

test('half an answer is none: what is missing might be the bad news', () => {
  const json = JSON.stringify(health())
  for (let length = 0; length < json.length; length += 7) expect(() => read(json.slice(0, length))).toThrow()
  for (let length = 0; length < text.length - 40; length += 11) expect(() => read(text.slice(0, length))).toThrow()
})

test('what says nothing of it is refused', () => {
  for (const other of ['', '1', '{}', '[]', 'null', 'Could not connect to the daemon', '{"healthy":true}'])
    expect(() => read(other)).toThrow()
})

test('a service that is down makes a stale answer worthless', () => {
  const unit = given('Id=mdatp.service\nLoadState=loaded\nActiveState=failed\n')
  const [product] = parseMdatp({ health: given(JSON.stringify(health())), unit }, around(NOW, undefined)).products
  expect(product).toMatchObject({ running: false, realtime: false })
})

test('a machine without it is absent; one with it is asked once', async () => {
  await expect(mdatp.read(hostOf(machine()), undefined)).rejects.toThrow(Absent)
  const host = hostOf(machine({ now: NOW, commands: { 'mdatp health --output json': { text: JSON.stringify(health()) } } }))
  expect(await runProbe(mdatp, host, undefined, 0)).toMatchObject({ outcome: 'ok' })
})

test('any text is a fact or an error', () => {
  alwaysEnds(mdatp, [JSON.stringify(health(), null, 1), text])
  for (const one of huge) expect(outcomeOf(mdatp, { health: given(one) })).toBeInstanceOf(Error)
})
