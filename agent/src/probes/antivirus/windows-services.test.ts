import type { FactTypes } from '@fettle/catalog'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { factOf, printed, survives } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import type { Host } from '../../host.ts'
import type { Probe } from '../../probe.ts'
import bitdefender from './bitdefender.ts'
import crowdstrike from './crowdstrike.ts'
import eset from './eset.ts'
import kaspersky from './kaspersky.ts'
import mdatp from './mdatp.ts'
import sophos from './sophos.ts'
import trendMicro from './trend-micro.ts'
import wazuh from './wazuh.ts'
import { serviceStates } from './windows-services.ts'

// After the documentation of `sc query`; no machine of ours printed it.
const service = (name: string, state = '4  RUNNING', label = 'STATE') =>
  `
SERVICE_NAME: ${name}
        TYPE               : 10  WIN32_OWN_PROCESS
        ${label}              : ${state}
                                (STOPPABLE, NOT_PAUSABLE, ACCEPTS_SHUTDOWN)
        WIN32_EXIT_CODE    : 0  (0x0)
        SERVICE_EXIT_CODE  : 0  (0x0)
        CHECKPOINT         : 0x0
        WAIT_HINT          : 0x0
`.replaceAll('\n', '\r\n')
const client = service('wscsvc')
const key = (path: string, ...values: string[]) => `\r\nHKEY_LOCAL_MACHINE\\${path}\r\n${values.map(value => `    ${value}\r\n`).join('')}`
const read = (probe: Probe, services: string, more: Readonly<Record<string, string>> = {}) =>
  factOf<FactTypes['antivirus']>(probe, { services, ...more }).products[0]
const absent = expect.objectContaining({ name: 'Absent' })

const products: readonly (readonly [Probe, string, 'antivirus' | 'edr'])[] = [
  [bitdefender, 'EPSecurityService', 'antivirus'],
  [crowdstrike, 'CSFalconService', 'edr'],
  [eset, 'ekrn', 'antivirus'],
  [kaspersky, 'AVP.KES.21.15', 'antivirus'],
  [mdatp, 'Sense', 'edr'],
  [sophos, 'Sophos Endpoint Defense Service', 'antivirus'],
  [trendMicro, 'ds_agent', 'antivirus'],
  [wazuh, 'WazuhSvc', 'edr'],
]

describe.each(products.map(([probe, name, kind]) => ({ source: probe.source, probe, name, kind })))('$source', ({ probe, name, kind }) => {
  test('its service runs, and that alone proves no protection', () => {
    const product = read(probe, service(name))
    expect([product?.kind, product?.running, product?.realtime === true]).toEqual([kind, true, false])
  })

  test('its service is stopped: nothing watches', () => {
    expect(read(probe, client + service(name, '1  STOPPED'))).toMatchObject({ running: false, realtime: false })
    expect(read(probe, client + service(name, '1  STOPPED'))?.passive).not.toBe(true)
  })

  test('a service that starts or stops is neither', () => {
    expect(read(probe, service(name, '2  START_PENDING'))).toMatchObject({ running: null })
  })

  test('a machine without its service has none of it', () => {
    expect(() => read(probe, client)).toThrow(absent)
  })

  test('any text gives a fact or an error', () => survives(probe, 'services', [client + service(name)]))
})

test('on a client the product tells Security Center more than its service does', () => {
  expect(() => read(sophos, client + service('SAVService'))).toThrow('security-center')
  expect(read(crowdstrike, client + service('CSFalconService'))).toMatchObject({ running: true })
})

test('ESET tells the day of its engine in the registry, on clients too', () => {
  const registry = key(
    'SOFTWARE\\ESET\\ESET Security\\CurrentVersion\\Info',
    'ProductName    REG_SZ    ESET Endpoint Antivirus',
    'ScannerVersion    REG_SZ    28216P (20231107)',
  )
  expect(read(eset, client + service('ekrn'), { registry })).toMatchObject({
    name: 'ESET Endpoint Antivirus',
    signaturesAt: Date.UTC(2023, 10, 7),
  })
})

test('the sensor of Defender for Endpoint counts only on a machine that is onboarded, and never as the protection', () => {
  const status = (value: string) =>
    key('SOFTWARE\\Microsoft\\Windows Advanced Threat Protection\\Status', `OnboardingState    REG_DWORD    ${value}`)
  expect(() => read(mdatp, service('Sense'), { registry: status('0x0') })).toThrow(absent)
  expect(() => read(mdatp, service('Sense'), { registry: '' })).toThrow(absent)
  expect(read(mdatp, service('Sense'), { registry: status('0x1') })).toMatchObject({ running: true, realtime: false, passive: true })
})

test('a Wazuh that its manager does not hear is degraded', () => {
  expect(read(wazuh, service('WazuhSvc'), { state: "status='pending'\n" })).toMatchObject({
    degraded: 'its manager: pending',
    passive: true,
  })
})

test('labels of another language change nothing', () => {
  expect(serviceStates([printed(service('ekrn', '1  STOPPED', 'STATUS').replace('SERVICE_NAME', 'DIENSTNAME'))])).toEqual(
    new Map([['ekrn', false]]),
  )
})

test('services are asked by the names that the registry has of them', async () => {
  const names = ['AVP.KES.21.15', 'Tcpip', 'wscsvc', 'AVP.KES.21.15\\Parameters']
  const listing = names.map(name => `HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\${name}`).join('\r\n')
  const m = machine({
    commands: {
      'reg.exe query HKLM\\SYSTEM\\CurrentControlSet\\Services /reg:64': { text: listing },
      'sc.exe query avp.kes.21.15': { text: service('AVP.KES.21.15', '1  STOPPED') },
      'sc.exe query wscsvc': { text: client },
    },
  })
  const host: Host = { ...hostOf(m), platform: 'win32' }
  await expect(kaspersky.read(host, undefined)).resolves.toMatchObject({ products: [{ running: false }] })
  expect(m.ran).toHaveLength(3)
})

test('any text is a list of services, soon', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 2000 }), text => {
      expect(serviceStates([printed(text)]).size).toBeGreaterThanOrEqual(0)
    }),
  )
})
