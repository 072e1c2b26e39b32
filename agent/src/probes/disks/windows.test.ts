import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
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

test('any text gives a fact or an error', () => {
  survives(disks, 'answer', [answer()])
  survives(disks, 'disks', [
    'FriendlyName : A\nBusType : SATA\nHealthStatus : Healthy\n',
    'BusType=17\nHealthStatus=0\n',
    'FriendlyName HealthStatus Usage\n------------ ------------ -----\nA            Healthy      Auto\n',
  ])
  survives(disks, 'counters', ['DeviceId : 1\nPowerOnHours : 1\n'])
})
