import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { cli } from '../agent/src/index.ts'

/** Fake machines on disk, each with one golden output; fixtures/hosts/README.md tells where they come from. */
const folder = new URL('fixtures/hosts/', import.meta.url)
const machines = readdirSync(folder, { withFileTypes: true }).flatMap(entry => (entry.isDirectory() ? [entry.name] : []))

/** What `fettle-agent check --replay` prints of a machine, and its exit code. */
async function check(machine: string): Promise<{ readonly printed: string; readonly code: number }> {
  let printed = ''
  const stdout = { write: (text: string) => (printed += text) }
  const code = await cli({ argv: ['check', '--replay', new URL(machine, folder).pathname, '--json'], env: {}, stdout, stderr: stdout })
  return { printed, code }
}

/** Without what differs from run to run: how long the looks took. */
function steady(printed: string): string {
  return printed.replace(/"tookMs": \d+/g, '"tookMs": 0')
}

describe('captured machines', () => {
  test.each(machines)('%s is judged as its golden output says', async machine => {
    const { printed } = await check(machine)

    const golden = new URL(`${machine}/golden.json`, folder)
    if (process.env.UPDATE_GOLDEN) writeFileSync(golden, steady(printed))
    expect(JSON.parse(steady(printed)), 'meant to change? UPDATE_GOLDEN=1 writes it anew').toEqual(JSON.parse(readFileSync(golden, 'utf8')))
  })

  test.each(machines)('%s is judged alike wherever and whenever it is replayed', async machine => {
    expect(steady((await check(machine)).printed)).toBe(steady((await check(machine)).printed))
  })

  test('are judged with the exit codes of monitoring plug-ins', async () => {
    expect((await check('failing-disk')).code).toBe(2)
  })

  test('name no secret, and no serial number that is not made up', () => {
    for (const machine of machines) {
      const files = readdirSync(new URL(`${machine}/`, folder)).map(name => readFileSync(new URL(`${machine}/${name}`, folder), 'utf8'))
      for (const [, serial] of files.join('\n').matchAll(/"?serial(?:_number)?\\?"?: \\?"([^"\\]+)/g)) {
        expect(serial, machine).toMatch(/^EXAMPLE-/)
      }
    }
  })
})
