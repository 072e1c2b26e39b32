import type { HeldFact } from '@fettle/catalog'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { testLog } from '../../test/kit/log.ts'
import { fakeClock } from './fakes/clock.ts'
import { fakeDisk } from './fakes/state.ts'
import { Outbox, outboxLimits } from './outbox.ts'

function fact(key: string, value: unknown, at = 1_000_000, over: Partial<HeldFact> = {}): HeldFact {
  return { key, at, everyMs: 60_000, tookMs: 3, outcome: 'ok', data: { value }, ...over }
}

async function machine(fresh = true) {
  const clock = fakeClock()
  const disk = fakeDisk()
  const open = (isFresh = false) => Outbox.open({ state: disk, clock, log: testLog('agent'), fresh: isFresh })
  return { clock, disk, open, outbox: await open(fresh) }
}

/** Everything that would be sent, in order. */
function waiting(outbox: Outbox) {
  const all = []
  for (let next = outbox.after(0); next; next = outbox.after(next.seq)) all.push(next)
  return all
}

const saidBy = (report: { data?: unknown }) => (report.data as { value: unknown }).value

async function observed(outbox: Outbox, ...facts: HeldFact[]) {
  const held = facts.map(each => outbox.observe(each))
  await outbox.flush()
  await Promise.all(held)
}

describe('the outbox', () => {
  test('sends the newest of each key, and before it what it replaced, as superseded', async () => {
    const { outbox } = await machine()
    await observed(outbox, fact('raid/md', 1), fact('raid/md', 2), fact('usage/proc', 7), fact('raid/md', 3))
    expect(waiting(outbox).map(report => [report.key, saidBy(report), report.superseded ?? false])).toEqual([
      ['raid/md', 1, true],
      ['raid/md', 2, true],
      ['usage/proc', 7, false],
      ['raid/md', 3, false],
    ])
  })

  test('an unchanged look is no report: it only freshens the next beat', async () => {
    const { outbox, disk } = await machine()
    await observed(outbox, fact('raid/md', 1, 1000))
    outbox.ack(outbox.lastSeq)
    const writes = disk.writes.count
    await observed(outbox, fact('raid/md', 1, 61_000, { tookMs: 99 }))
    expect(waiting(outbox)).toEqual([])
    expect(outbox.beat(outbox.lastSeq)?.fresh).toEqual({ 'raid/md': 61_000 })
    expect(disk.writes.count).toBe(writes)
  })

  test.each([
    ['another hint', { hint: 'do that' }],
    ['another interval', { everyMs: 120_000 }],
    ['another outcome', { outcome: 'failed', data: undefined }],
  ] as const)('%s is a change', async (_, over) => {
    const { outbox } = await machine()
    await observed(outbox, fact('raid/md', 1))
    outbox.ack(outbox.lastSeq)
    await observed(outbox, fact('raid/md', 1, 61_000, over))
    expect(waiting(outbox)).toHaveLength(1)
  })

  test('a beat tells a look until it is acknowledged, and all again on a new connection', async () => {
    const { outbox } = await machine()
    await observed(outbox, fact('raid/md', 1, 1000), fact('raid/md', 1, 61_000))
    outbox.ack(outbox.lastSeq)
    const beat = outbox.beat(outbox.lastSeq)
    expect(outbox.beat(outbox.lastSeq)?.fresh).toEqual({ 'raid/md': 61_000 })
    outbox.beatAcked(beat?.fresh ?? {})
    expect(outbox.beat(outbox.lastSeq)?.fresh).toEqual({})
    outbox.welcome(outbox.lastSeq, [])
    expect(outbox.beat(outbox.lastSeq)?.fresh).toEqual({ 'raid/md': 61_000 })
  })

  test('a look by a clock that was set back is told as well, or the fact would grow stale until the old time comes again', async () => {
    const { outbox } = await machine()
    await observed(outbox, fact('raid/md', 1, 5_000_000))
    outbox.ack(outbox.lastSeq)
    await observed(outbox, fact('raid/md', 1, 1_400_000))
    expect(outbox.beat(outbox.lastSeq)?.fresh).toEqual({ 'raid/md': 1_400_000 })
  })

  test('no beat overtakes a report, since its seq would acknowledge the report unseen', async () => {
    const { outbox } = await machine()
    await observed(outbox, fact('raid/md', 1))
    expect(outbox.beat(0)).toBeUndefined()
    expect(outbox.beat(outbox.lastSeq)).toBeDefined()
  })

  test('what the collector wants is sent again above every seq before', async () => {
    const { outbox } = await machine()
    await observed(outbox, fact('raid/md', 1), fact('usage/proc', 2))
    const before = outbox.lastSeq
    outbox.ack(before)
    outbox.welcome(0, ['raid/md', 'no/such'])
    await outbox.flush()
    expect(waiting(outbox).map(report => report.key)).toEqual(['raid/md'])
    expect(waiting(outbox)[0]?.seq).toBeGreaterThan(before)
    expect(waiting(outbox)[0]?.superseded).toBeUndefined()
  })

  test('a collector that holds more than was ever given out shows that memory was lost: what waits moves above it', async () => {
    const { outbox } = await machine()
    await observed(outbox, fact('raid/md', 1), fact('raid/md', 2))
    outbox.welcome(500, [])
    await outbox.flush()
    expect(waiting(outbox).map(report => [report.seq, saidBy(report)])).toEqual([
      [501, 1],
      [502, 2],
    ])
  })

  test('the journal is bounded: the oldest goes first and is counted, through a restart too', async () => {
    const { outbox, open } = await machine()
    for (let value = 0; value < outboxLimits.journalEntries + 11; value++) void outbox.observe(fact('raid/md', value))
    await outbox.flush()
    expect(outbox.dropped).toBe(10)
    expect(waiting(outbox).map(saidBy)[0]).toBe(10)
    expect(waiting(outbox)[0]?.dropped).toBe(10)
    await outbox.close()
    const again = await open()
    expect([again.dropped, saidBy(waiting(again)[0] ?? {})]).toEqual([10, 10])
  })

  test('the journal is bounded in size as well', async () => {
    const { outbox } = await machine()
    for (let value = 0; value < 10; value++) void outbox.observe(fact('raid/md', `${value}${'x'.repeat(900_000)}`))
    await outbox.flush()
    expect(outbox.dropped).toBe(5)
  })

  test('a fact that fits no frame is told as failed, not sent and not silent', async () => {
    const { outbox } = await machine()
    await observed(outbox, fact('raid/md', 'x'.repeat(outboxLimits.factChars)))
    expect(waiting(outbox)[0]).toMatchObject({ outcome: 'failed', reason: expect.stringContaining('too large') })
  })

  test.each(['ENOSPC', 'EROFS'])('on a disk that says %s it goes on in memory, tells the fault, and heals', async code => {
    const { outbox, disk, clock, open } = await machine()
    await observed(outbox, fact('raid/md', 1))
    outbox.ack(outbox.lastSeq)
    disk.failWith(code)
    await observed(outbox, fact('raid/md', 2))
    expect(outbox.fault).toContain(code)
    expect(waiting(outbox).map(saidBy)).toEqual([2])
    disk.failWith(undefined)
    await clock.advance(outboxLimits.retryMs)
    expect(outbox.fault).toBeNull()
    expect(waiting(await open()).map(saidBy)).toEqual([2])
  })

  test('seqs given out while the disk was full are not given out again after a crash', async () => {
    const { outbox, disk, open } = await machine()
    await observed(outbox, fact('raid/md', 1))
    disk.failWith('ENOSPC')
    for (let value = 0; value < outboxLimits.seqBlock + 50; value++) void outbox.observe(fact('raid/md', value + 10))
    await outbox.flush()
    const shown = waiting(outbox).map(report => report.seq)
    disk.failWith(undefined)
    const again = await open()
    again.welcome(Math.max(...shown), [])
    await observed(again, fact('usage/proc', 1))
    expect(waiting(again).every(report => report.seq > Math.max(...shown))).toBe(true)
  })

  test('a torn end is dropped, the rest holds', async () => {
    const { outbox, disk, open } = await machine()
    await observed(outbox, fact('raid/md', 1))
    await observed(outbox, fact('raid/md', 2))
    disk.tear('outbox', 5)
    expect(waiting(await open()).map(saidBy)).toEqual([1])
  })

  test('a rotten line in the middle takes nothing else with it', async () => {
    const { outbox, disk, open } = await machine()
    await observed(outbox, fact('raid/md', 1))
    await observed(outbox, fact('usage/proc', 2))
    const file = disk.files.get('outbox') ?? Buffer.alloc(0)
    file[file.indexOf('raid/md')] = 0
    expect(waiting(await open()).map(saidBy)).toEqual([2])
  })

  test('the file stays small however long it runs', async () => {
    const { outbox, disk } = await machine()
    for (let value = 0; value < 3000; value++) {
      await observed(outbox, fact('raid/md', `${value}${'x'.repeat(500)}`))
      outbox.ack(outbox.lastSeq)
    }
    expect(disk.files.get('outbox')?.length).toBeLessThan(outboxLimits.rewriteOverChars * 2)
  })
})

type Step =
  | { readonly do: 'observe'; readonly key: number; readonly value: number }
  | { readonly do: 'ack'; readonly share: number }
  | { readonly do: 'beat' | 'flush' | 'kill' | 'close' | 'full' | 'free' }
  | { readonly do: 'torn'; readonly bytes: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('observe' as const), key: fc.nat(2), value: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('ack' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('beat' as const, 'flush' as const, 'kill' as const, 'close' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('torn' as const), bytes: fc.integer({ min: 1, max: 60 }) }) },
)

describe('whatever happens in between', () => {
  test('nothing that was held and not acknowledged is lost, and no seq is shown twice', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async steps => {
        const { disk, open, outbox: first } = await machine()
        let outbox = first
        let clockAt = 0
        /** Values of each key in their order, held on the disk and not acknowledged. */
        let held: { readonly key: string; readonly value: number; seq: number }[] = []
        const newest = new Map<string, number>()
        const shown = new Map<number, string>()
        let acked = 0
        const show = () => {
          for (const report of waiting(outbox)) {
            const said = `${report.key}=${saidBy(report)}`
            expect(shown.get(report.seq) ?? said).toBe(said)
            shown.set(report.seq, said)
          }
        }
        for (const each of steps) {
          if (each.do === 'observe') {
            const key = `raid/s${each.key}`
            const changes = newest.get(key) !== each.value
            await observed(outbox, fact(key, each.value, ++clockAt))
            if (changes) held.push({ key, value: each.value, seq: outbox.lastSeq })
            newest.set(key, each.value)
            show()
          } else if (each.do === 'ack') {
            const reports = waiting(outbox)
            const upTo = reports[Math.floor(each.share * (reports.length - 1))]
            if (!upTo) continue
            outbox.ack(upTo.seq)
            acked = upTo.seq
            held = held.filter(one => one.seq > acked)
          } else if (each.do === 'beat') {
            const beat = outbox.beat(outbox.lastSeq)
            if (beat) expect(shown.has(beat.seq)).toBe(false)
            if (beat) shown.set(beat.seq, 'beat')
          } else if (each.do === 'flush') await outbox.flush()
          else {
            if (each.do === 'close') await outbox.close()
            if (each.do === 'torn') await tornAppend(disk, each.bytes)
            outbox = await open()
            outbox.welcome(acked, [])
            expect(outbox.lastSeq).toBeGreaterThanOrEqual(Math.max(0, ...shown.keys()))
          }
          const left = waiting(outbox).map(report => `${report.key}=${saidBy(report)}`)
          expect(left).toEqual(held.map(one => `${one.key}=${one.value}`))
        }
      }),
      { numRuns: 300 },
    )
  })
})

/** A write that the power cut ended: its beginning is there, what was held before is whole. */
async function tornAppend(disk: ReturnType<typeof fakeDisk>, bytes: number): Promise<void> {
  const line = '0123abcd {"entry":[999999,"raid/s0",5,60000,"00000000000000000000000000000000"],"body":{"outcome":"ok"}}\n'
  await disk.append('outbox', line.slice(0, bytes))
}

test('a look long before its turn is not told: the collector calls a fact stale only after three intervals', async () => {
  const { outbox } = await machine()
  await observed(outbox, fact('raid/md', 1, 1000))
  outbox.ack(outbox.lastSeq)
  await observed(outbox, fact('raid/md', 1, 20_000))
  expect(outbox.beat(outbox.lastSeq)?.fresh).toEqual({})
  await observed(outbox, fact('raid/md', 1, 56_000))
  expect(outbox.beat(outbox.lastSeq)?.fresh).toEqual({ 'raid/md': 56_000 })
})
