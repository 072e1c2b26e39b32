import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import system from './windows.ts'

type Fact = FactTypes['system']

// Made after the documentation of the classes; no machine of ours printed it.
const good = {
  os: {
    Caption: 'Microsoft Windows 11 Pro',
    Version: '10.0.22631',
    BuildNumber: '22631',
    ProductType: '1',
    LastBootUpTime: '2026-10-30T07:00:00.0000000Z',
  },
  version: { CurrentBuildNumber: '22631', UBR: '4317', DisplayVersion: '23H2', EditionID: 'Professional', InstallationType: 'Client' },
  computer: {
    Manufacturer: 'Dell Inc.',
    Model: 'Latitude 7440',
    TotalPhysicalMemory: '17179869184',
    HypervisorPresent: 'True',
    PCSystemType: '2',
  },
  bios: { SerialNumber: 'To Be Filled By O.E.M.', SMBIOSBIOSVersion: '1.2.3' },
  processor: { Name: 'Some  CPU', Logical: 8, Architecture: '9' },
  chassis: { types: [10] },
  battery: { count: 1 },
  identity: { guid: '0f0e0d0c-0b0a-4908-8706-050403020100' },
}
const read = (more: object = {}) => factOf<Fact>(system, { answer: JSON.stringify({ ...good, ...more }) })

test('a laptop is told with build and revision; a placeholder is no serial number; a hypervisor below Windows makes no virtual machine', () => {
  expect(read()).toMatchObject({
    os: { id: 'windows', name: 'Microsoft Windows 11 Pro', version: '23H2', build: '22631.4317', edition: 'Professional' },
    bootedAt: Date.UTC(2026, 9, 30, 7),
    virtualization: { kind: 'none' },
    hardware: { vendor: 'Dell Inc.', serial: null, chassis: 'notebook' },
    cpu: { model: 'Some CPU', logical: 8 },
    memoryBytes: 17179869184,
    role: 'laptop',
  })
})

test.each([
  ['a server is a server', { os: { ...good.os, ProductType: '3' } }, { os: { id: 'windows-server' }, role: 'server' }],
  [
    'a virtual machine is told by its model',
    { computer: { Manufacturer: 'VMware, Inc.', Model: 'VMware20,1', HypervisorPresent: 'True' } },
    { virtualization: { kind: 'vm', name: 'vmware' } },
  ],
])('%s', (_, more, wanted) => {
  expect(read(more)).toMatchObject(wanted)
})

test('the machine id itself is never told', () => {
  expect(read().machineIdHash).toMatch(/^[0-9a-f]{64}$/)
})

test('systeminfo is read in any language by its numbers', () => {
  const text =
    '\r\nHostname: X\r\nBetriebssystemname:            Microsoft Windows 10 Pro\r\nBetriebssystemversion:         10.0.19045 Nicht zutreffend Build 19045\r\n'
  expect(factOf<Fact>(system, { systeminfo: text })).toMatchObject({
    os: { name: 'Microsoft Windows 10 Pro', build: '19045' },
    kernel: { version: '10.0.19045' },
  })
})

// In the shape of the Spanish edition of Windows 10; the thousands of the memory are parted by a dot, as its settings want.
test('systeminfo tells host, machine and memory by their order, and not by their labels', () => {
  const rows = [
    ['Nombre de host', 'CAJA-3'],
    ['Nombre del sistema operativo', 'Microsoft Windows 10 Pro'],
    ['Versión del sistema operativo', '10.0.19045 N/D Compilación 19045'],
    ['Fabricante del sistema operativo', 'Microsoft Corporation'],
    ['Hora de arranque del sistema', '03/02/2026, 9:01:02'],
    ['Fabricante del sistema', 'VMware, Inc.'],
    ['Modelo el sistema', 'VMware20,1'],
    ['Tipo de sistema', 'x64-based PC'],
    ['Cantidad total de memoria física', '8.192 MB'],
    ['Memoria física disponible', '3.021 MB'],
  ]
  const text = `\r\n${rows.map(([label, value]) => `${label}:  ${value}\r\n`).join('')}`
  expect(factOf<Fact>(system, { systeminfo: text })).toMatchObject({
    hostname: 'CAJA-3',
    kernel: { arch: 'x64' },
    hardware: { vendor: 'VMware, Inc.', model: 'VMware20,1' },
    virtualization: { kind: 'vm', name: 'vmware' },
    memoryBytes: 8 * 2 ** 30,
    bootedAt: null,
  })
  expect(factOf<Fact>(system, { systeminfo: text.split('Tipo')[0] ?? '' })).toMatchObject({ hardware: { vendor: null }, memoryBytes: null })
})

test('the registry of Windows 11 still says Windows 10', () => {
  const registry =
    'HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\r\n    ProductName    REG_SZ    Windows 10 Pro\r\n    CurrentBuildNumber    REG_SZ    22631\r\n    UBR    REG_DWORD    0x10dd\r\n'
  expect(factOf<Fact>(system, { registry }).os).toMatchObject({ name: 'Windows 11 Pro', build: '22631.4317' })
})

test('any text gives a fact or an error', () => {
  survives(system, 'answer', [JSON.stringify(good)])
  survives(system, 'systeminfo', ['A: B\nOS Name:   Windows\nOS Version:   10.0.19045 N/A Build 19045\n'])
})
