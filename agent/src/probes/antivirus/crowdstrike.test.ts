import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { alwaysEnds, given, huge, outcomeOf } from '../../../../test/kit/parsed.ts'
import { Absent, Denied } from '../../probe.ts'
import crowdstrike, { parseCrowdstrike } from './crowdstrike.ts'

// Written from the help of falconctl and published examples of what it prints.
const told =
  'cid="0123456789abcdef0123456789abcdef", aid="fedcba9876543210fedcba9876543210", version = 7.14.16703.0\nrfm-state=false, rfm-reason=None, code=0x0.\n'
const active = given('Id=falcon-sensor.service\nLoadState=loaded\nActiveState=active\n')
const stopped = given('Id=falcon-sensor.service\nLoadState=loaded\nActiveState=inactive\n')
const read = (text: string, unit = active) => parseCrowdstrike({ falconctl: given(text), unit }).products[0]

test('a sensor that runs in full', () => {
  expect(read(told)).toMatchObject({ version: '7.14.16703.0', kind: 'edr', running: true, realtime: true, degraded: null })
})

test('wrong green 13: active, and in reduced functionality mode', () => {
  const product = read(told.replace('rfm-state=false', 'rfm-state=true').replace('None', 'Unspecified'))
  expect(product).toMatchObject({ running: true, realtime: false, degraded: expect.stringContaining('reduced functionality') })
})

test('without its mode an active service is not known to work', () => {
  expect(read('aid="fedcba9876543210fedcba9876543210"\n')).toMatchObject({ running: null, realtime: null })
  expect(read(told.slice(0, told.indexOf('false') + 3))).toMatchObject({ running: null, realtime: null })
})

test('a stopped service protects nothing, whatever its mode was', () => {
  expect(read(told, stopped)).toMatchObject({ running: false, realtime: false })
})

test('a sensor without an agent id is not registered', () => {
  expect(read('aid is not set, version = 7.14.16703.0\nrfm-state=false.\n')).toMatchObject({
    realtime: null,
    degraded: expect.stringContaining('not registered'),
  })
})

test('no customer, no right, no sensor', async () => {
  expect(() => read('CID is not set. Use falconctl to set the CID\nERROR: failed to process the option --cid\n')).toThrow(/no customer/)
  expect(() => read('ERROR: falconctl must be run as root')).toThrow(Denied)
  expect(() => read('')).toThrow()
  await expect(crowdstrike.read(hostOf(machine()), undefined)).rejects.toThrow(Absent)
})

test('macOS tells it by a property list', () => {
  const plist = (rfm: boolean, loaded: boolean) =>
    `<?xml version="1.0"?><plist version="1.0"><dict><key>agent_info</key><dict><key>agentID</key><string>fedcba9876543210</string><key>version</key><string>7.1</string><key>sensorOperational</key><${loaded}/></dict><key>rfm</key><${rfm}/></dict></plist>`
  const stats = (rfm: boolean, loaded: boolean) => parseCrowdstrike({ stats: given(plist(rfm, loaded)) }).products[0]
  expect(stats(false, true)).toMatchObject({ version: '7.1', running: true, realtime: true })
  expect(stats(true, true)).toMatchObject({ realtime: false, degraded: expect.stringContaining('reduced') })
  expect(stats(false, false)).toMatchObject({ running: false, realtime: false })
})

test('any text is a fact or an error', () => {
  alwaysEnds(crowdstrike, [told, 'Id=falcon-sensor.service\nLoadState=loaded\nActiveState=active\n'])
  for (const one of huge) expect(outcomeOf(crowdstrike, { falconctl: given(one) })).toBeInstanceOf(Error)
})

const samples = new URL('../../../../../shared/samples/', import.meta.url)
const folder = 'macadmins+osquery-extension/tables/crowdstrike_falcon/crowdstrike_falcon_test.go'
const captures = [
  ['falconctl', `security_linux/${folder}.falconctl-linux-loaded.txt`, '7.29.18202.0'],
  ['stats', `security_macos/${folder}.falconctl-darwin.plist`, '7.26.19707.0'],
].filter(([, path = '']) => existsSync(new URL(path, samples)))

test.each(captures)('a sample of %s: %s', (input = '', path = '', version = '') => {
  const captured = given(readFileSync(new URL(path, samples), 'utf8'))
  expect(crowdstrike.inputs[input]?.recognise?.(captured[0]?.text ?? '')).toBe(true)
  expect(parseCrowdstrike({ [input]: captured }).products[0]).toMatchObject({
    version,
    realtime: false,
    degraded: expect.stringContaining('reduced'),
  })
})
