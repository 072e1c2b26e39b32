import type { FactTypes } from '@fettle/catalog'
import { describe, expect, test } from 'vitest'
import { factOf, printed, survives } from '../../../../test/kit/hostile.ts'
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

// After the manifest of the provider Microsoft-Windows-Ntfs and captured records of it.
const event = (id: number, data: Readonly<Record<string, string>>, hour = '10', provider = 'Microsoft-Windows-Ntfs') =>
  `<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='${provider}'/><EventID>${id}</EventID><Level>2</Level><TimeCreated SystemTime='2026-11-20T${hour}:00:00.0000000Z'/></System><EventData>${Object.entries(
    data,
  )
    .map(([name, value]) => `<Data Name='${name}'>${value}</Data>`)
    .join('')}</EventData></Event>\r\n`
const verdict = (state: string, hour = '10', drive = 'C:') =>
  event(98, { DriveName: drive, DeviceName: '\\Device\\HarddiskVolume3', CorruptionActionState: state }, hour)
const corrupt = (drive = 'C:', hour = '10') => event(55, { DriveName: drive, DeviceName: '\\Device\\HarddiskVolume3' }, hour)
const logged = (events: string) => factOf<Fact>(volumes, { answer: answer(), events }).events

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

describe('the log of NTFS', () => {
  test.each([
    ['nothing', '', []],
    ['a healthy volume', verdict('0'), []],
    [
      'a broken structure',
      corrupt() + corrupt('C:', '09'),
      [{ kind: 'corrupt', mountpoint: 'C:\\', count: 2, lastAt: Date.UTC(2026, 10, 20, 10) }],
    ],
    ['a check that is needed', verdict('2'), [{ kind: 'repair', mountpoint: 'C:\\', count: 1 }]],
    ['damage that is healthy since', verdict('0', '11') + corrupt(), []],
    ['damage after it was called healthy', corrupt('C:', '12') + verdict('0', '11'), [{ kind: 'corrupt' }]],
    ['a volume by its device', corrupt('\\\\?\\Volume{1}'), [{ kind: 'corrupt', mountpoint: 'C:\\' }]],
    ['a snapshot or a stick that is gone', corrupt('\\\\?\\Volume{2}') + corrupt('E:'), []],
    ['the transactions alone', event(137, { DriveName: 'C:' }), [{ kind: 'transactions' }]],
    ['other records', event(55, { DriveName: 'C:' }, '10', 'Microsoft-Windows-Kernel-Processor-Power'), []],
  ])('%s', (_, events, wanted) => {
    expect(logged(events)).toMatchObject(wanted)
    expect(logged(events)).toHaveLength(wanted.length)
  })

  test.each([
    ['that may not be read', { code: 5 }],
    ['that is cut off', { text: corrupt().slice(0, -20) }],
    ['that is no XML', { text: 'Ereignis' }],
    ['whose verdict cannot be read', { text: event(98, { DriveName: 'C:' }) }],
  ])('a log %s is not an empty one', (_, said) => {
    const inputs = { answer: [printed(answer())], events: [printed('', said)] }
    expect(volumes.parse(inputs, { now: 1, hostname: 'x', options: undefined })).toMatchObject({ events: null })
  })

  test('alone it tells of damage, and never that there is none', () => {
    expect(factOf<Fact>(volumes, { events: corrupt() }).events).toMatchObject([{ kind: 'corrupt', mountpoint: 'C:' }])
    expect(() => factOf(volumes, { events: verdict('0') })).toThrow('name no damage')
  })
})

describe('whether it can be written to', () => {
  const access = (own: object) =>
    factOf<Fact>(volumes, {
      answer: JSON.stringify({ volumes: [volume], systemDrive: 'C:', access: [{ paths: ['C:\\', '\\\\?\\Volume{1}\\'], ...own }] }),
    }).filesystems[0]

  test.each([
    ['neither disk nor partition forbids it', { partition: 'False', disk: 'False' }, false],
    ['the disk forbids it', { partition: 'False', disk: 'True' }, true],
    ['the partition forbids it', { partition: 'True', disk: '' }, true],
    ['of the disk nothing is known', { partition: 'False', disk: '' }, null],
    ['of another volume', { partition: 'False', disk: 'False', paths: ['D:\\'] }, null],
  ])('%s', (_, own, wanted) => {
    expect(access(own)).toMatchObject({ readonly: wanted, readonlyWanted: false })
  })

  test('a part that failed leaves it unknown, and of data volumes nobody knows what is wanted', () => {
    expect(read()).toMatchObject({ readonly: null, readonlyWanted: null })
  })
})

test.each([
  ['NTFS', 'False', { dirty: false }],
  ['NTFS', 'True', { dirty: true }],
  ['NTFS', '', { dirty: null }],
])('the mark of damage of %s: %s', (FileSystem, DirtyBitSet, wanted) => {
  expect(read({ FileSystem, DirtyBitSet })).toMatchObject(wanted)
})

test('a file system without such a mark does not tell it', () => {
  expect(read({ FileSystem: 'exFAT', DirtyBitSet: '' })).not.toHaveProperty('dirty')
})

test('a volume that is not mounted is left out', () => {
  expect(() => read({ Name: '\\\\?\\Volume{1}\\', DriveLetter: '' })).toThrow(expect.objectContaining({ name: 'Absent' }))
})

test('any text gives a fact or an error', () => {
  survives(volumes, 'answer', [answer()])
  survives(volumes, 'events', [corrupt() + verdict('0')])
  survives(volumes, 'volumes', [
    'Name=C:\\\nFreeSpace=1\nCapacity=2\nDriveType=3\n',
    'DriveLetter SizeRemaining Size\n----------- ------------- ----\nC           23.61 GB      465.42 GB\n',
  ])
})
