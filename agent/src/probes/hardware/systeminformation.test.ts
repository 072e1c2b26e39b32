import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { localHost } from '../../host/local.ts'
import { runProbe } from '../../runner.ts'
import hardware from './systeminformation.ts'

type Fact = FactTypes['hardware']
// Written from the documentation of systeminformation; what it says where it knows nothing was seen on a virtual machine of Debian 12.
const module = {
  size: 8 * 2 ** 30,
  bank: 'BANK 0',
  type: 'DDR4',
  ecc: false,
  clockSpeed: 3200,
  manufacturer: 'Micron',
  partNum: '4ATF1G64HZ',
  serialNum: '2D3F',
}
const told = {
  cpu: { manufacturer: 'AMD', brand: 'EPYC 7302P', physicalCores: 16, cores: 32, processors: 1 },
  memory: [module, { ...module, bank: 'BANK 1' }, { size: 0, bank: 'BANK 2', type: 'Empty', ecc: null, clockSpeed: 0 }],
  board: { manufacturer: 'Supermicro', model: 'H11SSL-i', version: '2.00', serial: 'To Be Filled By O.E.M.' },
  bios: { vendor: 'American Megatrends Inc.', version: '2.4', releaseDate: '2021-12-27' },
  chassis: { manufacturer: 'Supermicro', type: 'Main Server Chassis', serial: '-', assetTag: 'Default string' },
  network: [{ iface: 'eno1', ifaceName: 'eno1', mac: '3C:EC:EF:00:00:01', type: 'wired' }],
  graphics: [{ vendor: 'ASPEED Technology, Inc.', model: 'ASPEED Graphics Family' }],
}
const read = (more: object = {}) => factOf<Fact>(hardware, { inventory: JSON.stringify({ ...told, ...more }) })

test('parts are told, and placeholders of the firmware are not', () => {
  expect(read()).toEqual({
    cpu: { vendor: 'AMD', model: 'EPYC 7302P', sockets: 1, cores: 16, threads: 32 },
    memory: [
      {
        slot: 'BANK 0',
        sizeBytes: 8 * 2 ** 30,
        type: 'DDR4',
        speed: 3200,
        vendor: 'Micron',
        part: '4ATF1G64HZ',
        serial: '2D3F',
        ecc: false,
      },
      {
        slot: 'BANK 1',
        sizeBytes: 8 * 2 ** 30,
        type: 'DDR4',
        speed: 3200,
        vendor: 'Micron',
        part: '4ATF1G64HZ',
        serial: '2D3F',
        ecc: false,
      },
    ],
    emptySlots: 1,
    board: { vendor: 'Supermicro', model: 'H11SSL-i', version: '2.00', serial: null },
    bios: { vendor: 'American Megatrends Inc.', version: '2.4', date: Date.UTC(2021, 11, 27) },
    chassis: { vendor: 'Supermicro', type: 'Main Server Chassis', serial: null, assetTag: null },
    graphics: [{ vendor: 'ASPEED Technology, Inc.', model: 'ASPEED Graphics Family', driver: null }],
    network: [{ name: 'eno1', model: null, address: '3c:ec:ef:00:00:01', kind: 'wired' }],
  })
})

test('what the library makes up where it may not ask is unknown', () => {
  const madeUp = { size: 25276510208, bank: '', type: '', ecc: null, clockSpeed: 0, formFactor: '', partNum: '', serialNum: '' }
  expect(read({ memory: [madeUp] })).toMatchObject({ memory: null, emptySlots: null })
  expect(read({ memory: { error: 'dmidecode' }, network: { error: 'x' }, graphics: null })).toMatchObject({
    memory: null,
    network: null,
    graphics: null,
  })
  expect(read({ cpu: { brand: 'EPYC', physicalCores: 4, cores: 2, processors: 0 } }).cpu).toMatchObject({ sockets: null, cores: null })
})

test('nothing at all is no machine', () => {
  expect(() => read({ cpu: { error: 'x' } })).toThrow('without a processor')
  expect(() => factOf(hardware, { inventory: '' })).toThrow()
})

test('Windows is asked for its graphics besides, and tells no more where it cannot', async () => {
  const inventory = { text: JSON.stringify({ ...told, graphics: null }) }
  const graphics = { text: '{"graphics":[{"Name":"NVIDIA RTX A2000","AdapterCompatibility":"NVIDIA","DriverVersion":"31.0.15.3742"}]}' }
  const look = async (commands: object) => {
    const host = { ...hostOf(machine({ commands: { inventory, ...commands } })), platform: 'win32' as const }
    return (await hardware.read(host, undefined)) as Fact
  }
  expect((await look({ 'powershell hardware/systeminformation': graphics })).graphics).toEqual([
    { vendor: 'NVIDIA', model: 'NVIDIA RTX A2000', driver: '31.0.15.3742' },
  ])
  expect((await look({})).graphics).toBeNull()
  expect((await look({ 'powershell hardware/systeminformation': { text: '' } })).graphics).toBeNull()
})

test('this machine is read for real', async () => {
  const fact = await runProbe(hardware, localHost(), undefined, 0)
  expect(fact).toMatchObject({ outcome: 'ok', data: { cpu: { threads: expect.any(Number) } } })
}, 60_000)

test('any text gives a fact or an error', () => survives(hardware, 'inventory', [JSON.stringify(told)]))
