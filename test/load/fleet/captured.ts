import { readdirSync, readFileSync } from 'node:fs'
import type { HeldFact } from '@fettle/catalog'
import type { Member } from './member.ts'

type Golden = { readonly now: number; readonly facts: readonly (HeldFact & { readonly data?: unknown })[] }

const folder = new URL('../../fixtures/hosts/', import.meta.url)
let machines: Golden[] | undefined

/** Names of what is a time in facts: those move with the capture, sizes do not. */
const TIME = /(At|Date|since|published|^at)$/
/** No fact is about what was before, epoch ms. */
const EARLIEST = Date.UTC(2001, 0)

/** What a machine of test/fixtures/hosts says, its times moved so that it was captured now. */
export function capturedFacts({ seed }: Member, now: number): readonly HeldFact[] {
  machines ??= readdirSync(folder, { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(entry => JSON.parse(readFileSync(new URL(`${entry.name}/golden.json`, folder), 'utf8')) as Golden)
  const machine = machines[seed % machines.length]
  if (!machine) throw new Error('Cannot make a captured machine: test/fixtures/hosts is empty')
  return machine.facts.map(fact => moved(fact, now - machine.now) as HeldFact)
}

function moved(value: unknown, by: number, name = ''): unknown {
  if (typeof value === 'number') return TIME.test(name) && value > EARLIEST ? value + by : value
  if (Array.isArray(value)) return value.map(item => moved(item, by))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, moved(item, by, key)]))
}
