import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import volumes from './windows.ts'

type Fact = FactTypes['filesystems']
const volume = {
  Name: 'C:\\',
  DriveLetter: 'C:',
  DeviceID: '\\\\?\\Volume{1}\\',
  FileSystem: 'NTFS',
  Capacity: '1000000000',
  FreeSpace: '123456789',
  DriveType: '3',
  DirtyBitSet: 'False',
}
const answer = (own: object = {}) => JSON.stringify({ volumes: [{ ...volume, ...own }] })
const read = (own: object = {}) => factOf<Fact>(volumes, { answer: answer(own) }).filesystems[0]

test('space is told in steps, and never more than there is', () => {
  expect(read()).toMatchObject({
    mountpoint: 'C:\\',
    fstype: 'NTFS',
    sizeBytes: 1_000_000_000,
    availBytes: 120_000_000,
    standing: 'answers',
    reason: null,
  })
})

test.each([
  ['a folder that a volume is mounted in', { Name: 'C:\\data\\', DriveLetter: '' }, { mountpoint: 'C:\\data\\' }],
  ['a damaged volume', { DirtyBitSet: 'True' }, { reason: 'marked as damaged: chkdsk runs at the next start' }],
  ['a volume that tells no size', { Capacity: '', FreeSpace: '' }, { sizeBytes: null, availBytes: null, standing: 'failed' }],
])('%s', (_, own, wanted) => {
  expect(read(own)).toMatchObject(wanted)
})

test('a volume that is not mounted is left out', () => {
  expect(() => read({ Name: '\\\\?\\Volume{1}\\', DriveLetter: '' })).toThrow(expect.objectContaining({ name: 'Absent' }))
})

test('any text gives a fact or an error', () => {
  survives(volumes, 'answer', [answer()])
  survives(volumes, 'volumes', [
    'Name=C:\\\nFreeSpace=1\nCapacity=2\nDriveType=3\n',
    'DriveLetter SizeRemaining Size\n----------- ------------- ----\nC           23.61 GB      465.42 GB\n',
  ])
})
