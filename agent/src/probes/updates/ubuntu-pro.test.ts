import { describe, expect, test } from 'vitest'
import { json, judge, testHardiness } from '../../../../test/kit/package-captures.ts'
import ubuntuPro from './ubuntu-pro.ts'

// Written from the page of ubuntu-pro-client on security-status.
describe('ubuntu-pro', () => {
  const status = (infra: number, packages: object[], attached = false) =>
    json({
      _schema_version: '0.1',
      summary: { ua: { attached }, num_standard_security_updates: 0, num_esm_infra_updates: infra, num_esm_apps_updates: 0 },
      packages,
    })
  const zlib = { package: 'zlib1g', version: '1:1.2-2+esm1', service_name: 'esm-infra', origin: 'esm.ubuntu.com' }

  test.each([
    ['pending_attach', 'subscription'],
    ['pending_enable', 'subscription'],
    ['upgrade_unavailable', 'subscription'],
    ['upgrade_available', null],
  ])('%s is withheld: %s', (state, withheld) => {
    expect(judge(ubuntuPro, { security: status(1, [{ ...zlib, status: state }]) }).pending).toMatchObject([
      { name: 'zlib1g', class: 'security', withheld },
    ])
  })

  test('counts without their packages are refused, and so is the contract alone', () => {
    expect(() => judge(ubuntuPro, { security: status(3, []) })).toThrow(/promises 3/)
    expect(() => judge(ubuntuPro, { security: json({ summary: {}, packages: [] }) })).toThrow(/counts/)
    expect(() => judge(ubuntuPro, { status: json({ attached: true, services: [] }) })).toThrow()
    const ended = json({ attached: true, expires: '2026-01-01T00:00:00+00:00', services: [] })
    expect(judge(ubuntuPro, { security: status(0, [], true), status: ended }).badSources).toHaveLength(1)
  })

  testHardiness(ubuntuPro)
})
