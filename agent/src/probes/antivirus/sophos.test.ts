import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { alwaysEnds, given, huge, outcomeOf } from '../../../../test/kit/parsed.ts'
import { Absent } from '../../probe.ts'
import sophos, { parseSophos } from './sophos.ts'

// Written from the vendor's documentation and savdstatus(1).
const version = 'PRODUCT_NAME = Sophos Linux Base\nPRODUCT_VERSION = 1.2.3.4\n'
const unit = 'Id=sophos-spl.service\nLoadState=loaded\nActiveState=active\n'
const onaccess = '{"enabled":"true","excludeRemoteFiles":"false"}'
const read = (inputs: object) => parseSophos(inputs as never).products[0]

test('service running is not on-access scanning', () => {
  expect(read({ version: given(version), unit: given(unit) })).toMatchObject({ version: '1.2.3.4', running: true, realtime: null })
  expect(read({ version: given(version), unit: given(unit), onaccess: given(onaccess) })).toMatchObject({ realtime: true })
  expect(read({ unit: given(unit), onaccess: given(onaccess.replace('true', 'false')) })).toMatchObject({ running: true, realtime: false })
  expect(read({ unit: given(unit.replace('=active', '=failed')), onaccess: given(onaccess) })).toMatchObject({
    running: false,
    realtime: false,
  })
  expect(read({ version: given(version), onaccess: given(onaccess) })).toMatchObject({ running: null, realtime: null })
})

const older = [
  ['Sophos Anti-Virus is active (on-access scanning is running)', true, true],
  ['Sophos Anti-Virus daemon is active but on-access scanning is not running', true, false],
  ['Sophos Anti-Virus is inactive', false, false],
] as const

test.each(older)('%s', (text, running, realtime) => {
  expect(read({ savdstatus: given(text) })).toMatchObject({ name: 'Sophos Anti-Virus', running, realtime })
})

test('silence is no answer; a machine without it is absent', async () => {
  for (const text of ['', 'Sophos Anti-Virus is']) expect(() => read({ savdstatus: given(text) })).toThrow()
  await expect(sophos.read(hostOf(machine()), undefined)).rejects.toThrow(Absent)
})

test('any text is a fact or an error', () => {
  alwaysEnds(sophos, [version, unit, onaccess, older[0][0]])
  for (const one of huge) expect(outcomeOf(sophos, { savdstatus: given(one) })).toBeInstanceOf(Error)
})
