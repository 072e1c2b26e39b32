import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseFirmwareRaid } from './firmware-raid.ts'
import { parseExamine } from './mdadm-text.ts'

/** Written after examine_vds of mdadm's super-ddf.c. */
const ddf = (state: string) => `/dev/sda:
          Magic : de11de11
  Virtual Disks : 1

        state[0] : ${state}
         Name[0] : data
 Raid Devices[0] : 2 (0@0K 1@0K)
   Raid Level[0] : RAID1
`

/** Written after print_imsm_dev of mdadm's super-intel.c. */
const intel = (state: string) => `/dev/sda:
          Magic : Intel Raid ISM Cfg Sig. 1.3.00
    Attributes : All supported

[Volume0]:
     RAID Level : 1
        Members : 2
    Failed disk : none
      Map State : ${state}
`

describe('what one member of a firmware RAID remembers', () => {
  test.each([
    ['a whole DDF mirror', ddf('Optimal, Consistent'), 'unknown'],
    ['a degraded one', ddf('Degraded, Consistent'), 'degraded'],
    ['one with less redundancy than it had', ddf('Partially Optimal, Consistent'), 'degraded'],
    ['a failed one', ddf('Failed, Not Consistent'), 'failed'],
    ['a whole Intel mirror', intel('normal'), 'unknown'],
    ['a degraded one of Intel', intel('degraded'), 'degraded'],
    ['one that is rebuilt', intel('normal <-- degraded'), 'degraded'],
  ])('%s is %s', (_, text, state) => {
    expect(parseExamine(text)[0]).toMatchObject({ level: 'raid1', state, disks: { required: 2 } })
  })

  test('a state that nobody knows, and metadata without a volume, are not judged', () => {
    expect(() => parseExamine(ddf('Resplendent'))).toThrow(/state is "resplendent"/)
    expect(() => parseExamine('/dev/sda:\n          Magic : de11de11\n')).toThrow(/volume/)
  })

  test('a slot that is being replaced has lost nothing, and a missing one is counted', () => {
    const superblock = (letters: string) =>
      `/dev/vda1:\n          Magic : a92b4efc\n     Raid Level : raid1\n   Raid Devices : 2\n    Array State : ${letters} ('A' == active, '.' == missing)\n`
    expect(parseExamine(superblock('AR'))[0]).toMatchObject({ state: 'unknown', disks: { active: 2, missing: 0 } })
    expect(parseExamine(superblock('A.'))[0]).toMatchObject({ state: 'degraded', disks: { active: 1, missing: 1 } })
  })

  test('any text gives volumes or an error', () => {
    fc.assert(
      fc.property(fc.string(), text => {
        try {
          expect(parseFirmwareRaid(text).length).toBeGreaterThan(0)
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
        }
      }),
    )
  })
})
