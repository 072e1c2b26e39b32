import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { alwaysEnds, given, huge, outcomeOf } from '../../../../test/kit/parsed.ts'
import { Absent } from '../../probe.ts'
import wazuh, { parseWazuh } from './wazuh.ts'

// Written from the documentation of `wazuh-control` and of the agent's state file.
const status =
  'wazuh-modulesd is running...\nwazuh-logcollector is running...\nwazuh-syscheckd is running...\nwazuh-agentd is running...\nwazuh-execd is running...\n'
const info = 'WAZUH_VERSION="v4.9.2"\nWAZUH_REVISION="40921"\nWAZUH_TYPE="agent"\n'
const state = "status='connected'\nlast_keepalive='2026-06-15 10:00:00'\n"
const read = (more: object = {}) => parseWazuh({ status: given(status), info: given(info), state: given(state), ...more }).products[0]

const cases = [
  ['all run', {}, { version: '4.9.2', kind: 'edr', running: true, realtime: null, degraded: null }],
  [
    'one does not',
    { status: given(status.replace('syscheckd is', 'syscheckd not')) },
    { running: true, degraded: 'syscheckd not running' },
  ],
  ['none runs', { status: given(status.replaceAll(' is ', ' not ')) }, { running: false }],
  ['cut off', { state: given(state.replace('connected', 'disconnected')) }, { degraded: 'its manager: disconnected' }],
  ['older names', { status: given(status.replaceAll('wazuh-', 'ossec-')) }, { running: true }],
  ['half', { status: given(status.slice(0, 40)) }, { running: null }],
] as const

test.each(cases)('%s', (_, more, wanted) => {
  expect(read(more)).toMatchObject(wanted)
})

test('silence is no answer; a machine without it is absent', async () => {
  expect(() => read({ status: given('') })).toThrow()
  await expect(wazuh.read(hostOf(machine()), undefined)).rejects.toThrow(Absent)
})

test('any text is a fact or an error', () => {
  alwaysEnds(wazuh, [status, info, state])
  for (const one of huge) expect(outcomeOf(wazuh, { status: given(one) })).toBeInstanceOf(Error)
})
