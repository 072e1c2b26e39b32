import fc from 'fast-check'
import { expect } from 'vitest'
import { defaultConfig } from '../../agent/src/index.ts'
import type { Captured, Inputs, ParseContext, Probe } from '../../agent/src/probe.ts'
import { checked } from '../../agent/src/runner.ts'

/** One capture as an input; a file of unknown name and exit code unless told otherwise. */
export function given(text: string, more: Partial<Captured> = {}): readonly Captured[] {
  return [{ text, stderr: '', code: null, name: '', modifiedAt: null, ...more }]
}

/** What a parser may know besides its inputs. */
export function around<O>(now: number, options: O): ParseContext<O> {
  return { now, hostname: 'machine', options }
}

/** What a probe makes of inputs, checked against its schema: an outcome, or the error that was thrown. */
export function outcomeOf(probe: Probe, inputs: Inputs, now = 1_800_000_000_000): unknown {
  try {
    return checked(probe, probe.parse(inputs, around(now, defaultConfig().options[`${probe.subject}/${probe.source}`])))
  } catch (error) {
    return error
  }
}

/** Text that comes near what a tool prints: its own words, cut and shuffled, among anything else. */
function near(examples: readonly string[]): fc.Arbitrary<string> {
  const lines = [...new Set(examples.flatMap(example => example.split('\n')))]
  const line = fc.oneof(fc.constantFrom(...lines, '', '\u0000\u001b[31m'), fc.string({ unit: 'binary', maxLength: 60 }))
  const whole = fc.constantFrom(...examples)
  return fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(line, { maxLength: 20 }).map(parts => parts.join('\n')),
    fc.tuple(whole, fc.nat(5000)).map(([text, length]) => text.slice(0, length % (text.length + 1))),
    fc.tuple(whole, fc.nat(5000), fc.string()).map(([text, at, more]) => text.slice(0, at) + more + text.slice(at)),
  )
}

/** Whatever the inputs hold, a probe gives a fact that fits its schema, or throws an error. */
export function alwaysEnds(probe: Probe, examples: readonly string[]): void {
  const names = Object.keys(probe.inputs)
  const text = near(examples)
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names), text, { minKeys: 1, maxKeys: names.length }), texts => {
      const inputs = Object.fromEntries(Object.entries(texts).map(([name, content]) => [name, given(content)]))
      const outcome = outcomeOf(probe, inputs)
      if (!(outcome instanceof Error)) expect(outcome).toMatchObject({ outcome: 'ok' })
    }),
    { numRuns: 150 },
  )
}

/** Texts of a hostile size: a line of 10 MB, and thousands of lines. */
export const huge: readonly string[] = ['x'.repeat(10_000_000), 'a: b\n'.repeat(200_000), ' '.repeat(2_000_000), '"\\'.repeat(500_000)]
