import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { alwaysEnds, given, huge, outcomeOf } from '../../../../test/kit/parsed.ts'
import { Absent } from '../../probe.ts'
import trendMicro, { parseTrendMicro } from './trend-micro.ts'

// Written from the vendor's "Command-line basics".
const status = 'AgentStatus.agentState: green\nAgentStatus.agentVersion: 20.0.1.1234\n'
const antimalware = 'Component.AM.mode: on-access\nComponent.AM.driverOffline: false\nComponent.AM.version.pattern.VSAPI: 19.123.00\n'
const read = (more: object = {}) => parseTrendMicro({ status: given(status), antimalware: given(antimalware), ...more }).products[0]

const cases = [
  ['all is well', {}, { version: '20.0.1.1234', running: true, realtime: true, signaturesVersion: '19.123.00', degraded: null }],
  ['yellow', { status: given(status.replace('green', 'yellow')) }, { running: true, degraded: 'the agent says yellow' }],
  ['red', { status: given(status.replace('green', 'red')) }, { running: false, realtime: false }],
  ['on demand only', { antimalware: given(antimalware.replace('on-access', 'on-demand')) }, { realtime: false }],
  ['driver gone', { antimalware: given(antimalware.replace('false', 'true')) }, { realtime: false, degraded: 'its driver is offline' }],
  ['module not told', { antimalware: [] }, { running: true, realtime: null }],
] as const

test.each(cases)('%s', (_, more, wanted) => {
  expect(read(more)).toMatchObject(wanted)
})

test('silence is no answer; a machine without it is absent', async () => {
  expect(() => read({ status: given(''), antimalware: [] })).toThrow()
  expect(() => read({ status: given('HTTP Status: 500'), antimalware: [] })).toThrow()
  await expect(trendMicro.read(hostOf(machine()), undefined)).rejects.toThrow(Absent)
})

test('any text is a fact or an error', () => {
  alwaysEnds(trendMicro, [status, antimalware])
  for (const one of huge) expect(outcomeOf(trendMicro, { status: given(one) })).toBeInstanceOf(Error)
})
