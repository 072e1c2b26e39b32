import type { FactTypes } from '@fettle/catalog'
import { describe, expect, test } from 'vitest'
import { factOf, printed, survives } from '../../../../test/kit/hostile.ts'
import disks from './windows.ts'

type Fact = FactTypes['disks']
const disk = {
  DeviceId: '0',
  Model: 'Some SSD',
  SerialNumber: ' S1 ',
  UniqueId: 'eui.0011',
  BusType: '17',
  MediaType: '4',
  HealthStatus: '0',
  OperationalStatus: [2],
  Size: '512110190592',
}
const counter = {
  DeviceId: '0',
  Wear: '7',
  Temperature: '41',
  PowerOnHours: '1200',
  ReadErrorsUncorrected: '0',
  WriteErrorsUncorrected: '',
}
const answer = (own: object = {}, more: object = {}) =>
  JSON.stringify({ disks: [{ ...disk, ...own }], counters: [counter], predictions: [], ...more })
const read = (own: object = {}, more: object = {}) => factOf<Fact>(disks, { answer: answer(own, more) }).disks[0]

// Numbers of MSFT_PhysicalDisk and MSFT_StorageReliabilityCounter, by their documentation.
test('a healthy NVMe disk is told with its counters', () => {
  expect(read()).toMatchObject({
    interface: 'nvme',
    media: 'ssd',
    serial: 'S1',
    standing: 'read',
    passed: true,
    temperatureCelsius: 41,
    powerOnHours: 1200,
    enduranceUsedRatio: 0.07,
    mediaErrors: 0,
  })
})

test.each([
  [
    '"healthy" behind a RAID controller says nothing of the disk',
    { BusType: '8' },
    { counters: [] },
    { passed: null, standing: 'unsupported' },
  ],
  ['"healthy" over USB says nothing', { BusType: '7' }, { counters: [] }, { passed: null }],
  ['a warning is no pass', { HealthStatus: '1' }, {}, { passed: false }],
  ['an unhealthy disk has failed', { HealthStatus: '2' }, {}, { passed: false }],
  ['an unknown health is unknown', { HealthStatus: '5' }, {}, { passed: null }],
  [
    'a predicted failure counts against "healthy"',
    {},
    { predictions: [{ DeviceId: '0', PredictFailure: 'True', Reason: '5' }] },
    { passed: false, failingNow: ['predicted failure, reason 5'] },
  ],
  ['operational status 5 is a predicted failure', { OperationalStatus: [5] }, {}, { passed: false }],
  ['lost communication is no answer', { OperationalStatus: [13] }, {}, { passed: null, standing: 'unreadable', readAt: null }],
  [
    'blank counters are not zero',
    {},
    { counters: [{ DeviceId: '0', Wear: '', Temperature: '0', PowerOnHours: '0' }] },
    { enduranceUsedRatio: null, temperatureCelsius: null, powerOnHours: null, mediaErrors: null },
  ],
])('%s', (_, own, more, wanted) => {
  expect(read(own, more)).toMatchObject(wanted)
})

test('counters that may not be read say which right is missing', () => {
  const counters = { error: { hr: '0x80131500', msg: 'Access denied', id: 'HRESULT 0x80041003,x' } }
  expect(read({}, { counters })?.hint).toContain('LocalSystem')
})

describe('the System log', () => {
  // After captured records of the disk class driver (51, 153) and the documentation of the others.
  const event = (id: number, first: string, hour = '10', provider = 'disk') =>
    `<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='${provider}'/><EventID Qualifiers='32772'>${id}</EventID><Level>3</Level><TimeCreated SystemTime='2026-11-20T${hour}:00:00.0000000Z'/></System><EventData><Data>${first}</Data><Data>0x41809a</Data><Binary>0F01</Binary></EventData></Event>\r\n`
  const zero = '\\Device\\Harddisk0\\DR0'
  const logged = (events: string) => factOf<Fact>(disks, { answer: answer(), events }).events

  test.each([
    ['nothing', '', []],
    ['a bad block', event(7, zero, '10', 'Disk'), [{ kind: 'bad-block', device: 'PhysicalDrive0', count: 1 }]],
    [
      'repeated commands, counted by disk',
      event(153, zero) + event(153, zero, '08') + event(153, '\\Device\\Harddisk1\\DR1'),
      [
        { kind: 'retried', device: 'PhysicalDrive0', count: 2, lastAt: Date.UTC(2026, 10, 20, 10) },
        { kind: 'retried', device: 'PhysicalDrive1', count: 1 },
      ],
    ],
    ['the gravest first', event(153, zero) + event(52, zero), [{ kind: 'predicted' }, { kind: 'retried' }]],
    ['a removal, by the number of the disk', event(157, '2'), [{ kind: 'removed', device: 'PhysicalDrive2' }]],
    ["a reset by a vendor's driver", event(129, '\\Device\\RaidPort1', '10', 'iaStorAC'), [{ kind: 'reset', device: 'RaidPort1' }]],
    [
      'another 129, and records of others',
      event(129, 'time.windows.com', '10', 'Microsoft-Windows-Time-Service') + event(7, zero, '10', 'Other'),
      [],
    ],
  ])('%s', (_, events, wanted) => {
    expect(logged(events)).toMatchObject(wanted)
    expect(logged(events)).toHaveLength(wanted.length)
  })

  test.each([
    ['that may not be read', { code: 5 }],
    ['that is cut off', { text: event(153, zero) + event(7, zero).slice(0, -20) }],
  ])('a log %s is not an empty one', (_, said) => {
    const inputs = { answer: [printed(answer())], events: [printed('', said)] }
    expect(disks.parse(inputs, { now: 1, hostname: 'x', options: undefined })).toMatchObject({ events: null })
  })

  test('alone it tells of errors, and never that there are none', () => {
    expect(factOf<Fact>(disks, { events: event(51, zero) })).toMatchObject({ disks: [], events: [{ kind: 'paging' }] })
    expect(() => factOf(disks, { events: '' })).toThrow('Cannot read any disk')
  })

  test('any text gives a fact or an error', () => survives(disks, 'events', [event(153, zero)]))
})

test('any text gives a fact or an error', () => {
  survives(disks, 'answer', [answer()])
  survives(disks, 'disks', [
    'FriendlyName : A\nBusType : SATA\nHealthStatus : Healthy\n',
    'BusType=17\nHealthStatus=0\n',
    'FriendlyName HealthStatus Usage\n------------ ------------ -----\nA            Healthy      Auto\n',
  ])
  survives(disks, 'counters', ['DeviceId : 1\nPowerOnHours : 1\n'])
})
