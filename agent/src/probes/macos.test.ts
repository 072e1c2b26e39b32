import { performance } from 'node:perf_hooks'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { defaultConfig } from '../index.ts'
import { type Inputs, keyOf, type Probe } from '../probe.ts'
import { checked } from '../runner.ts'
import { probes } from './index.ts'

/** What must hold for every source of macOS alike; each has its own readings tested beside it. */
const sources = probes.filter(({ platforms, source }) => platforms.length === 1 && platforms[0] === 'darwin' && source !== 'applications')

const context = (probe: Probe) => ({ now: 1_800_000_000_000, hostname: 'mac', options: defaultConfig().options[keyOf(probe)] })
const captured = (text: string) => [{ text, stderr: '', code: null, name: '', modifiedAt: null }]

/** Ends in a fact that fits its schema, or in an error: anything else would be a crash of the agent. */
function ends(probe: Probe, inputs: Inputs): void {
  try {
    expect(checked(probe, probe.parse(inputs, context(probe))).outcome).toBe('ok')
  } catch (error) {
    expect(error).toBeInstanceOf(Error)
    expect((error as Error).name).not.toBe('AssertionError')
  }
}

const plist = (inside: string) => `<?xml version="1.0"?>\n<plist version="1.0">${inside}</plist>`
const key = fc.constantFrom(
  'Containers',
  'Volumes',
  'RecommendedUpdates',
  'Destinations',
  'SnapshotDates',
  'RESULT',
  '_items',
  '_dataType',
  'BatteryData',
  'MaxCapacity',
  'AppleRAIDSets',
  'SMARTStatus',
  'DeviceIdentifier',
  'ProductVersion',
)
const value = fc.constantFrom(
  '<true/>',
  '<string>SPPowerDataType</string>',
  '<integer>-1</integer>',
  '<integer>99999999999999999999</integer>',
  '<date>0001-01-01T00:00:00Z</date>',
  '<data>!</data>',
  '<array/>',
  '<dict/>',
  '<string/>',
)
const dict = fc
  .array(fc.tuple(key, value), { maxLength: 8 })
  .map(pairs => `<dict>${pairs.map(([k, v]) => `<key>${k}</key>${v}`).join('')}</dict>`)

test.each(sources.map(probe => [keyOf(probe), probe] as const))('%s: any text in any input is a fact or an error', (_, probe) => {
  for (const name of Object.keys(probe.inputs)) {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), text => ends(probe, { [name]: captured(text) })),
      { numRuns: 40 },
    )
    fc.assert(
      fc.property(dict, fc.boolean(), (text, listed) => ends(probe, { [name]: captured(plist(listed ? `<array>${text}</array>` : text)) })),
      { numRuns: 40 },
    )
    fc.assert(
      fc.property(fc.json(), text => ends(probe, { [name]: captured(text) })),
      { numRuns: 20 },
    )
  }
})

const huge = [
  ['a line of 10 MB', 'x'.repeat(10_000_000)],
  ['a line of 2 MB of spaces and colons', ' : '.repeat(700_000)],
  ['NUL and control characters', '\u0000\u0001\u001b[31m'.repeat(1000)],
  ['a property list nested deeply', plist(`${'<array>'.repeat(20_000)}${'</array>'.repeat(20_000)}`)],
  ['a property list of thousands of entries', plist(`<dict>${'<key>a</key><string>b</string>'.repeat(5_000)}</dict>`)],
  ['a dictionary that never ends', '{ a = '.repeat(50_000)],
  ['many digits', '1'.repeat(1_000_000)],
] as const

test.each(huge)('every source ends soon on %s', (_, text) => {
  for (const probe of sources) {
    for (const [name, input] of Object.entries(probe.inputs)) {
      const started = performance.now()
      input.recognise?.(text)
      ends(probe, { [name]: captured(text) })
      expect(performance.now() - started, `${keyOf(probe)} ${name}`).toBeLessThan(4_000)
    }
  }
})

test('no source of macOS calls nothing good news', () => {
  for (const probe of sources) {
    for (const name of Object.keys(probe.inputs))
      expect(() => probe.parse({ [name]: captured('') }, context(probe)), `${keyOf(probe)} ${name}`).toThrow()
    expect(() => probe.parse({}, context(probe)), keyOf(probe)).toThrow()
  }
})
