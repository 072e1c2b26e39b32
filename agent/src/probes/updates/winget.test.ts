import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { factOf, printed, survives } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { SwitchedOff } from '../../probe.ts'
import winget from './winget.ts'

type Fact = FactTypes['updates']

// After winget's documentation of `--details` and of its table.
const details = '(1/2) Some App [Some.App]\nVersion: 1.0\nPublisher: Some\nOrigin Source: winget\nAvailable Upgrades:\n  winget [1.1]\n'
const table = [
  'Name      Id        Version  Verfügbar  Quelle',
  '-----------------------------------------------',
  'Some App  Some.App  1.0      1.1        winget',
  '2 Aktualisierungen verfügbar.',
  '',
].join('\r\n')

test.each([
  ['blocks', 'details', details],
  ['a table in any language', 'table', table],
])('%s are read, and what is announced and not listed is counted', (_, input, text) => {
  const fact = factOf<Fact>(winget, { [input]: text })
  expect([fact.pending.map(({ name, installed, candidate }) => [name, installed, candidate]), fact.more]).toEqual([
    [['Some.App', '1.0', '1.1']],
    1,
  ])
})

test('nothing to upgrade is told by the exit code alone: an empty output is none', () => {
  const parse = (code: number | null) =>
    winget.parse({ details: [printed('', { code })] }, { now: 1, hostname: 'x', options: { network: true } }) as Fact
  expect(parse(0x8a15002b).pending).toEqual([])
  expect(parse(-1978335189).pending).toEqual([])
  expect(() => parse(0)).toThrow('Cannot read')
})

test('without leave to use the network nothing is asked', async () => {
  const m = machine()
  await expect(winget.read(hostOf(m), { network: false })).rejects.toThrow(SwitchedOff)
  expect(m.ran).toEqual([])
})

test('any text gives a fact or an error', () => {
  survives(winget, 'details', [details])
  survives(winget, 'table', [table])
})
