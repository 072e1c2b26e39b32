import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseStorcli } from './storcli-json.ts'

/** Written after the StorCLI reference manual: `storcli /c0 show`. */
const printed = (volume: string, drive: string) => `CLI Version = 007.1017.0000.0000 May 10, 2019
Operating system = Linux 5.4.0
Controller = 0
Status = Success
Description = None

Virtual Drives = 1

VD LIST :
=======

---------------------------------------------------------------
DG/VD TYPE  State Access Consist Cache Cac sCC       Size Name
---------------------------------------------------------------
0/0   RAID1 ${volume}  RW     Yes     RWBD  -   ON  278.875 GB boot
---------------------------------------------------------------

Physical Drives = 2

PD LIST :
=======

---------------------------------------------------------------------------------
EID:Slt DID State DG       Size Intf Med SED PI SeSz Model               Sp Type
---------------------------------------------------------------------------------
252:0     6 Onln   0 278.875 GB SAS  HDD N   N  512B MAKER MODEL ONE     U  -
252:1     7 ${drive}   0 278.875 GB SAS  HDD N   N  512B MAKER MODEL ONE     U  -
---------------------------------------------------------------------------------
`

test.each([
  ['Optl', 'Onln', 'ok', 'active'],
  ['Dgrd', 'Failed', 'degraded', 'failed'],
  ['OfLn', 'Offln', 'failed', 'failed'],
])('a volume %s with a drive %s is %s', (volume, drive, state, member) => {
  const { volumes, drives } = parseStorcli(printed(volume, drive))
  expect(volumes).toMatchObject([{ name: 'c0/v0 boot', level: 'raid1', state }])
  expect(drives).toMatchObject([
    { slot: 'c0 252:0', state: 'active', model: 'MAKER MODEL ONE', interface: 'sas', media: 'hdd' },
    { slot: 'c0 252:1', state: member },
  ])
})

test('a table that does not end, and one that is shorter than its count, are not read', () => {
  const whole = printed('Optl', 'Failed')
  expect(() => parseStorcli(whole.slice(0, whole.indexOf('252:1')))).toThrow(/does not end/)
  expect(() => parseStorcli(whole.replace(/^252:1.*\n/m, ''))).toThrow(/2 Physical Drives/)
  expect(() => parseStorcli(whole.replace('Status = Success', 'Status = Failure'))).toThrow(/Cannot read/)
})

test('any text after a heading gives a report or an error', () => {
  fc.assert(
    fc.property(fc.string(), text => {
      try {
        parseStorcli(`CLI Version = 1\nController = 0\nStatus = Success\n${text}`)
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
        expect(error).not.toBeInstanceOf(TypeError)
      }
    }),
  )
})
