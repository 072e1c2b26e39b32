import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { alwaysEnds, given, huge, outcomeOf } from '../../../../test/kit/parsed.ts'
import { Denied } from '../../probe.ts'
import { runProbe } from '../../runner.ts'
import cortex, { parseCortexXdr } from './cortex-xdr.ts'

// Written after the vendor's guide of cytool.
const table = (...rows: string[]) =>
  `              Name       PID           User                Status               Command\n${rows.join('\n')}\n`
const row = (name: string, status = 'Running', pid = '1092') =>
  `               ${name}      ${pid}           root               ${status}               /opt/traps/bin/${name}`
const content = 'Content Type: 1270\nContent Build: 79108\nContent Version: 1270-79108\nEvent Log: 1\n'
const read = (runtime: string, more: object = {}) => parseCortexXdr({ runtime: given(runtime), ...more }).products[0]

test('the main process runs, which tells nothing of its policy', () => {
  expect(read(table(row('pmd'), row('dypd'), row('clad')), { content: given(content) })).toMatchObject({
    name: 'Cortex XDR',
    kind: 'edr',
    running: true,
    realtime: null,
    degraded: null,
    signaturesVersion: '1270-79108',
  })
})

test('a main process that was stopped protects nothing', () => {
  expect(read(table(row('pmd', 'STOPPED', 'N/A'), row('dypd')))).toMatchObject({ running: false, realtime: false })
})

test('a part that is always there and does not run is told, one that comes and goes is not', () => {
  expect(read(table(row('pmd'), row('dypd', 'Stopped', 'N/A')))).toMatchObject({ running: true, degraded: 'dypd does not run' })
  expect(read(table(row('pmd'), row('lted', 'Stopped', 'N/A')))).toMatchObject({ running: true, degraded: null })
})

test('without the main process in the table nobody knows', () => {
  expect(read(table(row('clad')))).toMatchObject({ running: null, realtime: null })
})

test('a table that is cut off, empty, or answers root only is no good news', () => {
  expect(() => read(table(row('pmd').slice(0, 40)))).toThrow('Cannot read the row')
  expect(() => read(table())).toThrow()
  expect(() => read('cytool must be run as root')).toThrow(Denied)
})

test('it is absent where its tool is', async () => {
  expect(await runProbe(cortex, hostOf(machine()), undefined, 3_600_000)).toMatchObject({ outcome: 'absent' })
})

test('any text gives a fact or an error', () => {
  alwaysEnds(cortex, [table(row('pmd'), row('dypd')), content])
  for (const text of huge) for (const name of Object.keys(cortex.inputs)) outcomeOf(cortex, { [name]: given(text) })
})

const samples = new URL('../../../../../shared/samples/', import.meta.url)
const linux = 'security_linux/glpi-project+glpi-agent/resources/linux/antivirus/cortex-xdr-8.2.1.120305'
const mac = 'security_macos/glpi-project+glpi-agent/resources/macos/antivirus/cortex-xdr-8.2.1.47908'
const wanted = [
  [`${linux}-runtime-query`, 'runtime', { running: true, degraded: null }],
  [`${linux}-info`, 'info', { version: '8.2.1.120305', running: null }],
  [`${mac}-runtime-query`, 'runtime', { running: true, degraded: null }],
  [`${mac}-info`, 'info', { version: '8.2.1.47908', running: null }],
  [`${mac}-info-query`, 'content', { signaturesVersion: '1270-79108', running: null }],
] as const

test.each(wanted.filter(([path]) => existsSync(new URL(path, samples))))('a sample: %s', (path, input, fact) => {
  const text = readFileSync(new URL(path, samples), 'utf8')
  expect(
    Object.entries(cortex.inputs)
      .filter(([, spec]) => spec.recognise?.(text))
      .map(([name]) => name),
  ).toEqual([input])
  expect(parseCortexXdr({ [input]: given(text) }).products[0]).toMatchObject(fact)
})
