import { expect, test } from 'vitest'
import { Absent } from '../../probe.ts'
import { parseAppleRaid } from './apple-raid.ts'

const given = (text: string) => [{ text, stderr: '', code: null, name: '', modifiedAt: null }]
/** Written from diskutil(8) and public descriptions of its property list: no Mac with a set was at hand. */
const list = (status: string, ...members: readonly string[]) => {
  const member = (state: string, at: number) =>
    `<dict><key>BSDName</key><string>disk${at}s2</string><key>MemberStatus</key><string>${state}</string></dict>`
  return given(
    `<plist version="1.0"><dict><key>AppleRAIDSets</key><array><dict><key>Name</key><string>Vault</string><key>Level</key><string>Mirror</string><key>Status</key><string>${status}</string><key>Members</key><array>${members.map(member).join('')}</array></dict></array></dict></plist>`,
  )
}

test.each([
  ['Online', ['Online', 'Online'], 'ok'],
  ['Online', ['Online', 'Failed'], 'degraded'],
  ['Degraded', ['Online', 'Missing/Damaged'], 'degraded'],
  ['Degraded', ['Online', '12% (Rebuilding)'], 'degraded'],
  ['Offline', ['Online', 'Missing'], 'failed'],
  ['In Ordnung', ['Online', 'Online'], 'unknown'],
] as const)('a set that is %s with members %j is %s', (status, members, state) => {
  expect(parseAppleRaid({ list: list(status, ...members) }).arrays).toMatchObject([{ name: 'Vault', level: 'mirror', state }])
})

test('no set is absent, and no list an error', () => {
  expect(() => parseAppleRaid({ list: given('No AppleRAID sets found\n') })).toThrow(Absent)
  expect(() => parseAppleRaid({ list: given('<plist version="1.0"><dict><key>AppleRAIDSets</key><array/></dict></plist>') })).toThrow(
    Absent,
  )
  expect(() => parseAppleRaid({ list: given('<plist version="1.0"><dict/></plist>') })).toThrow(/AppleRAIDSets/)
})
