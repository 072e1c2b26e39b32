import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { cases } from './cases.ts'
import { World } from './world.ts'

/* The quick half of `npm run chaos`: faults that take seconds and need no rights. Most of the time is waiting, so they run side by side. */

vi.setConfig({ testTimeout: 120_000, maxConcurrency: 6 })

describe.concurrent('nothing that was acknowledged is lost when', () => {
  test.each(cases.filter(({ quick }) => quick))('$fault', async ({ run }) => {
    const world = new World()
    try {
      await run(world)
    } finally {
      await world.end()
    }
  })
})

describe('RELIABILITY.md', () => {
  const text = readFileSync(join(import.meta.dirname, '../../RELIABILITY.md'), 'utf8')

  test('has a row for each fault that is tried, with its promise, and no other', () => {
    const [, table = ''] = /<!-- chaos:begin -->([\s\S]*)<!-- chaos:end -->/.exec(text) ?? []
    const rows = table.split('\n').filter(line => line.startsWith('| ') && line.includes('`'))
    const told = rows.map(row =>
      row
        .split('|')
        .slice(1)
        .map(cell => cell.trim()),
    )
    expect(told.map(([fault, promise, , name]) => [fault, promise, name?.split(' ')[0]])).toEqual(
      cases.map(({ fault, promise, name }) => [fault, promise, `\`${name}\``]),
    )
  })
})
