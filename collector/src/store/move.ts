import { join } from 'node:path'
import type { Clock } from '@fettle/kit'
import type { CollectorConfig } from '../config.ts'
import { openStoreForReading } from './open.ts'
import type { DumpRecord, Store } from './store.ts'

/** Name of the value that marks a store whose fleet is elsewhere; its text is where. */
const MOVED = 'moved-to'

/** The store that a configuration names. */
export function storeUrl({ values }: CollectorConfig): string {
  return values.store ?? `sqlite:${join(values.data, 'fleet.db')}`
}

/** Copies everything into another, empty store. Nobody may write to the old one meanwhile. @returns how many hosts */
export async function copyStore(order: {
  readonly from: string
  readonly into: Store
  readonly clock: Pick<Clock, 'now'>
  progress(hosts: number): void
}): Promise<number> {
  const source = await openStoreForReading(order.from, { clock: order.clock })
  let hosts = 0
  try {
    await order.into.fill(counted(source.dump(), () => order.progress(++hosts)))
    return hosts
  } finally {
    await source.close()
  }
}

async function* counted(records: AsyncIterable<DumpRecord>, host: () => void): AsyncGenerator<DumpRecord> {
  for await (const record of records) {
    if (record.kind === 'host') host()
    yield record
  }
}

/** Marks a store whose fleet is elsewhere now: no collector goes on with it, or the two would part. */
export async function markMoved(store: Store, to: string): Promise<void> {
  await store.values.put(MOVED, to, null)
}

/** Takes the mark away: the fleet of this store is to be used again, as it was when it was moved. @returns where it had been moved to */
export async function unmarkMoved(store: Store): Promise<string | undefined> {
  return await store.values.take(MOVED)
}

/** @throws where the fleet of this store was moved elsewhere */
export async function assertNotMoved(store: Store): Promise<void> {
  const to = await store.values.get(MOVED).catch(() => undefined)
  if (to === undefined) return
  throw new Error(
    `Cannot use this store: its fleet was moved to ${to}; set \`store\` to that. To go back to what it was then: fettle-collector store move --back`,
  )
}
