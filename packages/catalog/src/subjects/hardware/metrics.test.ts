import { expect, test } from 'vitest'
import { viewOf } from '../../testing.ts'
import type { HardwareFact } from './facts.ts'
import { hardwareCpuCores, hardwareInfo, hardwareMemoryModules } from './metrics.ts'

const nothing: HardwareFact = {
  cpu: { vendor: null, model: 'EPYC', sockets: null, cores: null, threads: 2 },
  memory: null,
  emptySlots: null,
  board: { vendor: 'ASUS', model: null, version: null, serial: null },
  bios: { vendor: null, version: null, date: null },
  chassis: { vendor: null, type: null, serial: null, assetTag: null },
  graphics: null,
  network: null,
}

test('what is not told has no series', () => {
  const host = viewOf({ 'hardware/systeminformation': nothing })
  expect([...hardwareInfo.samples(host)]).toEqual([[['EPYC', 'ASUS', ''], 1]])
  expect([...hardwareCpuCores.samples(host), ...hardwareMemoryModules.samples(host)]).toEqual([])
})

test('modules and cores are counted', () => {
  const module = { slot: 'A1', sizeBytes: 1, type: null, speed: null, vendor: null, part: null, serial: null, ecc: null }
  const host = viewOf({ 'hardware/systeminformation': { ...nothing, cpu: { ...nothing.cpu, cores: 8 }, memory: [module, module] } })
  expect([...hardwareCpuCores.samples(host), ...hardwareMemoryModules.samples(host)].map(([, value]) => value)).toEqual([8, 2])
})
