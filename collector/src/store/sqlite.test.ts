import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { systemClock } from '@fettle/kit'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { enrolled, fact, newHostId, report } from './contract.ts'
import { openStore } from './open.ts'
import { GroupCommit } from './sqlite/database.ts'
import { SqliteStore } from './sqlite.ts'
import { FIRST_SEEN_DAYS, StoreUnavailable } from './store.ts'

const DAY = 24 * 3600 * 1000
let folder: string
let file: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fettle-sqlite-'))
  file = join(folder, 'fleet.db')
})
afterEach(() => rmSync(folder, { recursive: true }))

it('a second collector on the same file is refused in words, until the first has ended', async () => {
  const first = SqliteStore.open(file, { clock: systemClock })

  expect(() => SqliteStore.open(file, { clock: systemClock })).toThrow(/another collector has it open/)
  await first.close()

  await SqliteStore.open(file, { clock: systemClock }).close()
})

it('the file stays readable for others while a collector has it open', async () => {
  const store = SqliteStore.open(file, { clock: systemClock })
  await enrolled(store)

  const other = new DatabaseSync(file, { readOnly: true })

  expect(other.prepare('SELECT count(*) AS hosts FROM hosts').get()?.hosts).toBe(1)
  other.close()
  await store.close()
})

it('a file of a newer collector is not touched', async () => {
  await SqliteStore.open(file, { clock: systemClock }).close()
  const other = new DatabaseSync(file)
  other.exec('PRAGMA user_version = 99')
  other.close()

  expect(() => SqliteStore.open(file, { clock: systemClock })).toThrow(/schema 99 is newer/)
})

it.each(['sqlite:/no/such/folder/fleet.db', 'mysql://h/x', ''])('%j cannot be opened, and the error says what was wanted', async url => {
  await expect(openStore(url, { clock: systemClock })).rejects.toThrow(/Cannot open .*(folder must exist|wanted sqlite:FILE)/)
})

it('what is acknowledged is committed to the file, not held in the process', async () => {
  const store = SqliteStore.open(file, { clock: systemClock })
  const { hostId } = await enrolled(store)
  await store.apply([report(hostId, 1, fact('a/b', 'x', 1))])

  // What another connection sees while the first is open is what a kill -9 would leave.
  const other = new DatabaseSync(file, { readOnly: true })
  expect(other.prepare('SELECT seq FROM hosts').get()?.seq).toBe(1)
  expect(other.prepare('PRAGMA journal_mode').get()?.journal_mode).toBe('wal')
  other.close()
  await store.close()
})

it('a full disk makes the whole group unavailable, and the next group works once there is room', async () => {
  const database = new DatabaseSync(file)
  database.exec('CREATE TABLE t (x TEXT) STRICT; PRAGMA max_page_count = 4')
  const group = new GroupCommit(database)
  const insert = (text: string) => group.add(() => database.prepare('INSERT INTO t VALUES (?)').run(text))

  const both = await Promise.allSettled([insert('small'), insert('x'.repeat(100_000))])
  database.exec('PRAGMA max_page_count = 1000')
  await insert('later')

  expect(both.map(result => result.status === 'rejected' && result.reason instanceof StoreUnavailable)).toEqual([true, true])
  expect(database.prepare('SELECT x FROM t').all()).toEqual([{ x: 'later' }])
  group.close()
  database.close()
})

it('a write that throws is undone alone, the others of its group stay', async () => {
  const database = new DatabaseSync(':memory:')
  database.exec('CREATE TABLE t (x INTEGER) STRICT')
  const group = new GroupCommit(database)
  const insert = (x: unknown) => group.add(() => database.exec(`INSERT INTO t VALUES (0); INSERT INTO t VALUES ('${x}')`))

  const all = await Promise.allSettled([insert(1), insert('no number'), insert(2)])

  expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(database.prepare('SELECT sum(x) AS sum, count(*) AS rows FROM t').get()).toEqual({ sum: 3, rows: 4 })
  database.close()
})

it(`an update that no host confirmed for ${FIRST_SEEN_DAYS} days is forgotten, a confirmed one is not`, async () => {
  let now = 1000 * DAY
  const store = SqliteStore.open(':memory:', { clock: { now: () => now } })
  const [kept, forgotten] = [newHostId(), newHostId()]
  await store.firstSeen(
    new Map([
      [kept, 5],
      [forgotten, 5],
    ]),
  )

  now += (FIRST_SEEN_DAYS - 1) * DAY
  await store.firstSeen(new Map([[kept, 9]]))
  now += 2 * DAY

  expect(
    await store.firstSeen(
      new Map([
        [kept, 9],
        [forgotten, 9],
      ]),
    ),
  ).toEqual(
    new Map([
      [kept, 5],
      [forgotten, 9],
    ]),
  )
  await store.close()
})
