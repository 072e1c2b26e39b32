import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Captured, Inputs, Probe } from '../../agent/src/probe.ts'
import type { PendingUpdate } from '../../agent/src/probes/updates/waiting.ts'
import { checked } from '../../agent/src/runner.ts'

/** When the captures of these tests are judged. */
export const now = Date.UTC(2026, 10, 22, 12)

/** What tests look into of a fact of updates. */
export type UpdatesTold = {
  readonly pending: readonly PendingUpdate[]
  readonly classified: boolean
  readonly lastCheckAt: number | null
  readonly automatic: { readonly enabled: boolean | null }
  readonly badSources: readonly string[]
  readonly broken: string | null
}

/** The output of a command that ended well. */
export function input(text: string, more: Partial<Captured> = {}): Captured {
  return { text, stderr: '', code: 0, name: 'x', modifiedAt: null, ...more }
}

/** The same in JSON. */
export function json(value: unknown, more: Partial<Captured> = {}): Captured {
  return input(JSON.stringify(value), more)
}

/** One capture of each input through a probe's parser. */
export function judge(probe: Probe, inputs: Readonly<Record<string, Captured>>): UpdatesTold {
  const captured: Inputs = Object.fromEntries(Object.entries(inputs).map(([name, given]) => [name, [given]]))
  return probe.parse(captured, { now, hostname: 'vm', options: probe.setting?.default }) as unknown as UpdatesTold
}

const words = ['bash.x86_64', ' 2-1 ', 'repo\n', 'FEDORA-2026-1 security ', 'bash-2-1.x86_64', '\n', '\0', '{', '}', '[', ']', '"Devices":']
const shapes = [
  '"deployments":[',
  '<update kind="patch" ',
  '</stream>',
  'a 1 -> 2',
  ' | ',
  '--+--+--+--\n',
  'Reboot is required',
  'Name Version Rev\n',
]
const pieces = fc.constantFrom(...words, ...shapes, '\t', '"data":{}', '\u0007', 'é', 'x'.repeat(3000))
const texts = fc.oneof(
  fc.string({ maxLength: 300 }),
  fc.array(pieces, { maxLength: 25 }).map(parts => parts.join('')),
  fc.json(),
)

/** The tests that every parser of package tools passes: any text gives a fact within its limits or an error, and soon. */
export function testHardiness(probe: Probe): void {
  test('any text gives a fact within its limits or an error', () => {
    fc.assert(
      fc.property(texts, fc.constantFrom(...Object.keys(probe.inputs)), fc.constantFrom(null, 0, 1, 2, 100, 102), (text, name, code) => {
        let fact: UpdatesTold
        try {
          fact = judge(probe, { [name]: input(text, { code }) })
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
          expect((error as Error).name).not.toMatch(/TypeError|RangeError/)
          return
        }
        expect(checked(probe, fact)).toMatchObject({ outcome: 'ok' })
      }),
      { numRuns: 150 },
    )
  })

  test('a line of ten megabytes takes no longer than a few seconds', () => {
    const started = performance.now()
    for (const filler of ['a', ' ', 'a.x86_64 ', '<update ', '{"a":', '1 -> ']) {
      const text = filler.repeat(Math.floor(10_000_000 / filler.length))
      for (const [name, spec] of Object.entries(probe.inputs)) {
        spec.recognise?.(text)
        expect(outcomeOf(() => judge(probe, { [name]: input(text, { code: null }) }))).toBe('ended')
      }
    }
    expect(performance.now() - started).toBeLessThan(20_000)
  }, 60_000)
}

function outcomeOf(act: () => unknown): 'ended' {
  try {
    act()
  } catch (error) {
    expect(error).toBeInstanceOf(Error)
  }
  return 'ended'
}
