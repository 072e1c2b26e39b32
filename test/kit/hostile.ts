import { readConfig } from '@fettle/kit'
import fc from 'fast-check'
import { expect } from 'vitest'
import type { Captured, Inputs, Probe } from '../../agent/src/probe.ts'
import { checked } from '../../agent/src/runner.ts'

/** A text as a command printed it. */
export function printed(text: string, more: Partial<Captured> = {}): Captured {
  return { text, stderr: '', code: null, name: 'capture', modifiedAt: null, ...more }
}

/** A source's own settings where nobody says anything. */
const defaultsOf = (probe: Probe): unknown => (probe.setting ? readConfig({ own: probe.setting }, { env: {} }).values.own : undefined)

/** What a probe makes of inputs, checked by the schema of its subject. @throws as its parser does, or where the schema refuses */
export function factOf<T = unknown>(
  probe: Probe,
  inputs: Readonly<Record<string, string>>,
  now = 1_800_000_000_000,
  options: unknown = defaultsOf(probe),
): T {
  const given: Inputs = Object.fromEntries(Object.entries(inputs).map(([name, text]) => [name, [printed(text)]]))
  const told = checked(probe, probe.parse(given, { now, hostname: 'machine', options }))
  if (told.outcome !== 'ok') throw new Error(`the schema refuses it: ${told.reason}`)
  return told.data as T
}

/** Any text in the place of an input, and good ones cut short or spoilt: a fact that the schema takes, or an error, and soon. */
export function survives(probe: Probe, input: string, good: readonly string[]): void {
  const parses = (text: string) => {
    try {
      const told = checked(
        probe,
        probe.parse({ [input]: [printed(text)] }, { now: 1_800_000_000_000, hostname: 'machine', options: defaultsOf(probe) }),
      )
      expect(told.reason ?? '').toBe('')
    } catch (error) {
      expect(error).toBeInstanceOf(Error)
      if (!(error instanceof Error) || error.name === 'AssertionError') throw error
    }
  }
  const spoilt = fc.tuple(fc.constantFrom('', ...good), fc.nat(5000), fc.nat(5000), fc.string({ unit: 'binary', maxLength: 30 }))
  fc.assert(
    fc.property(spoilt, ([text, from, to, middle]) =>
      parses(text.slice(0, from % (text.length + 1)) + middle + text.slice(to % (text.length + 1))),
    ),
    { numRuns: 150 },
  )
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 400 }), parses), { numRuns: 60 })
  const [first = ''] = good
  for (const text of [
    '',
    '\0\0\0',
    `${first}\0`,
    'x'.repeat(2_000_000),
    ' '.repeat(500_000),
    '\n'.repeat(500_000),
    `${first}\r\n`.repeat(2000),
    '[]',
    '{}',
    'null',
    '[null]',
    '{"error":{"hr":"0x80004005","msg":"Unspecified error"}}',
  ]) {
    const started = performance.now()
    parses(text)
    expect(performance.now() - started).toBeLessThan(5000)
  }
}
