import { describe, expect, it } from 'vitest'
import { enrolled, eventually, fact, newHost, newHostId, newToken, report } from './contract.ts'
import { ACTIVE, type DumpRecord, type FeedEntry, type Standing, type Store, VALUE_LENGTH } from './store.ts'

const pending: Standing = { state: 'pending', since: 7000, why: 'waits for "approval"' }

/** What every store must do about who may talk, who administers, and what is kept besides the fleet. */
export function standingContract(open: () => Store, openEmpty: () => Promise<Store>): void {
  const store = new Proxy({} as Store, {
    get: (_, name) => {
      const value = Reflect.get(open(), name)
      return typeof value === 'function' ? value.bind(open()) : value
    },
  })

  describe('standing', () => {
    it('is what the host was enrolled with, and no second enrolment lifts it', async () => {
      const token = newToken({ approve: true })
      await store.putToken(token)
      const host = newHost({ standing: pending })
      const first = await store.enrol(token.id, host, 5000)
      const again = await store.enrol(token.id, { ...host, standing: ACTIVE }, 6000)
      expect((await store.token(token.id))?.approve).toBe(true)
      expect([first?.standing, again?.standing]).toEqual([pending, pending])
    })

    it('is changed, told to followers and read back', async () => {
      const { hostId } = await enrolled(store)
      const told: FeedEntry[] = []
      const end = await store.follow(
        entry => told.push(entry),
        () => {},
      )
      const revoked: Standing = { state: 'revoked', since: 9000, why: 'stolen' }
      expect((await store.setStanding(hostId, revoked))?.standing).toEqual(revoked)
      await eventually(() => told.some(entry => entry.kind === 'host' && entry.hostId === hostId), 'the feed tells')
      expect((await store.host(hostId))?.meta.standing).toEqual(revoked)
      expect((await store.setStanding(hostId, ACTIVE))?.standing).toEqual(ACTIVE)
      expect((await store.host(hostId))?.meta.standing).toEqual(ACTIVE)
      await end()
    })

    it('of a host that is not there cannot be changed', async () => {
      const hostId = newHostId()
      expect(await store.setStanding(hostId, pending)).toBeUndefined()
      expect(await store.host(hostId)).toBeUndefined()
    })
  })

  describe('renaming', () => {
    it('takes a free name, frees the old one and keeps everything else', async () => {
      const meta = await enrolled(store)
      const wanted = `new-${meta.instance}`
      expect(await store.rename(meta.hostId, wanted)).toBe('renamed')
      expect((await store.host(meta.hostId))?.meta).toEqual({ ...meta, instance: wanted })
      const successor = await enrolled(store, { instance: meta.instance })
      expect(successor.instance).toBe(meta.instance)
      expect(await store.rename(meta.hostId, wanted), 'to the name that it has').toBe('renamed')
    })

    it('is refused where another host has the name, and changes nothing', async () => {
      const [one, two] = [await enrolled(store), await enrolled(store)]
      expect(await store.rename(one.hostId, two.instance)).toBe('taken')
      expect((await store.host(one.hostId))?.meta.instance).toBe(one.instance)
      expect(await store.rename(newHostId(), 'whatever')).toBe('gone')
    })

    it('lets one of two who want a name have it', async () => {
      const [one, two] = [await enrolled(store), await enrolled(store)]
      const wanted = `both-${one.instance}`
      const answers = await Promise.all([store.rename(one.hostId, wanted), store.rename(two.hostId, wanted)])
      expect(answers.toSorted()).toEqual(['renamed', 'taken'])
    })
  })

  describe('link tokens', () => {
    it('roll: the one kept last and the one offered since are right, earlier ones are a clone', async () => {
      const { hostId } = await enrolled(store)
      expect(await store.takeLink(hostId, null, 'one')).toBe('ok')
      expect(await store.takeLink(hostId, null, 'two'), 'the first offer never arrived').toBe('ok')
      await store.keepLink(hostId, 'two')
      expect(await store.takeLink(hostId, 'two', 'three')).toBe('ok')
      expect(await store.takeLink(hostId, 'two', 'four'), 'the offer never arrived').toBe('ok')
      expect(await store.takeLink(hostId, 'four', 'five'), 'it arrived, and the agent died before it said so').toBe('ok')
      expect(await store.takeLink(hostId, 'two', 'six')).toBe('cloned')
      await store.keepLink(hostId, 'five')
      expect(await store.takeLink(hostId, 'four', 'six')).toBe('cloned')
      expect(await store.takeLink(hostId, null, 'six')).toBe('cloned')
      expect(await store.takeLink(hostId, 'five', 'six'), 'a clone changes nothing for the other').toBe('ok')
    })

    it('of a host that kept none are whatever it shows; so are they after clearing', async () => {
      const { hostId } = await enrolled(store)
      expect(await store.takeLink(hostId, 'from before the wipe', 'one')).toBe('ok')
      await store.keepLink(hostId, 'one')
      await store.clearLink(hostId)
      expect(await store.takeLink(hostId, 'anything', 'two')).toBe('ok')
    })

    it('keeping one that was not offered changes nothing', async () => {
      const { hostId } = await enrolled(store)
      await store.takeLink(hostId, null, 'one')
      await store.keepLink(hostId, 'forged')
      expect(await store.takeLink(hostId, 'forged', 'two')).toBe('ok')
      await store.keepLink(hostId, 'two')
      expect(await store.takeLink(hostId, 'forged', 'three')).toBe('cloned')
      expect(await store.takeLink(newHostId(), 'one', 'two')).toBe('gone')
    })
  })

  describe('audit log', () => {
    it('tells who did what, newest first, page by page', async () => {
      for (let i = 0; i < 5; i++) {
        await store.audit.add({
          at: 1000 + i,
          who: 'person:"Änne"',
          what: 'host.revoke',
          target: `pc-${i}`,
          detail: 'lost\n',
          address: '::1',
        })
      }
      const first = await store.audit.list(3)
      const second = await store.audit.list(2, first.at(-1)?.id)
      expect([...first, ...second].map(({ target }) => target)).toEqual(['pc-4', 'pc-3', 'pc-2', 'pc-1', 'pc-0'])
      expect(first[0]).toMatchObject({ at: 1004, who: 'person:"Änne"', what: 'host.revoke', detail: 'lost\n', address: '::1' })
      expect(await store.audit.list(0)).toEqual([])
    })
  })

  describe('values', () => {
    it('are kept by name until they are taken, once', async () => {
      await store.values.put('session:a', 'x"\n', null)
      await store.values.put('session:b', 'y', 60_000)
      expect(await store.values.names('session:')).toEqual(['session:a', 'session:b'])
      expect(await store.values.get('session:a')).toBe('x"\n')
      const taken = await Promise.all([store.values.take('session:a'), store.values.take('session:a')])
      expect(taken.filter(text => text !== undefined)).toEqual(['x"\n'])
      expect(await store.values.names('session:')).toEqual(['session:b'])
    })

    it('end with their time', async () => {
      await store.values.put('brief', 'x', 30)
      await eventually(async () => (await store.values.get('brief')) === undefined, 'it has ended')
      expect(await store.values.names('brief')).toEqual([])
      expect(await store.values.putFirst('brief', 'again', null)).toBe('again')
    })

    it('of the first who comes hold', async () => {
      const held = await Promise.all([store.values.putFirst('ca', 'one', null), store.values.putFirst('ca', 'two', null)])
      expect(new Set(held).size).toBe(1)
    })

    it('are small', async () => {
      await expect(store.values.put('big', 'x'.repeat(VALUE_LENGTH + 1), null)).rejects.toThrow('wanted at most')
    })
  })

  describe('leases', () => {
    it('are held by one at a time, with a number that grows with each holder', async () => {
      const name = `alerts-${newHostId()}`
      const first = await store.leases.take(name, 'a', 60_000)
      expect(await store.leases.take(name, 'b', 60_000)).toBeUndefined()
      expect(await store.leases.take(name, 'a', 60_000), 'renewing').toBe(first)
      await store.leases.release(name, 'b')
      expect(await store.leases.take(name, 'b', 60_000)).toBeUndefined()
      await store.leases.release(name, 'a')
      expect(await store.leases.take(name, 'b', 20)).toBeGreaterThan(first ?? 0)
      await eventually(async () => (await store.leases.take(name, 'c', 60_000)) !== undefined, 'the lease of b has ended')
    })
  })

  describe('backup', () => {
    it('gives everything, and a filled store is the same', async () => {
      const { hostId } = await enrolled(store, { standing: pending })
      await store.apply([
        report(hostId, 1, fact('a/b', 'x', 1)),
        report(hostId, 2, fact('a/b', 'y', 2)),
        report(hostId, 3, fact('c/d', 'z', 3)),
      ])
      await store.putFindings(hostId, [])
      await store.takeLink(hostId, null, 'one')
      await store.putToken(newToken({ usesLeft: 3 }))
      await store.firstSeen(
        new Map([
          ['apt openssl 3.0.1', 1000],
          ['x'.repeat(500), 2000],
        ]),
      )
      await store.values.put('kept', 'for ever', null)
      const copy = await openEmpty()

      await copy.fill(store.dump())

      expect(await everything(copy)).toEqual(await everything(store))
      expect(await copy.apply([report(hostId, 3, fact('c/d', 'z', 3)), report(hostId, 4, fact('c/d', 'z', 4))])).toEqual(['old', 'applied'])
      expect(await copy.transitions(hostId, 10), 'what was no transition is none').toHaveLength(3)
      expect(await copy.firstSeen(new Map([['x'.repeat(500), 9000]]))).toEqual(new Map([['x'.repeat(500), 2000]]))
      await expect(copy.fill(store.dump())).rejects.toThrow('holds hosts or tokens already')
      await copy.close()
    })
  })
}

/** All records of a store in an order of their own; times at which values end move by what asking takes. */
async function everything(of: Store): Promise<unknown[]> {
  const records: DumpRecord[] = []
  for await (const record of of.dump()) records.push(record)
  const plain = records.flatMap((record): unknown[] => {
    if (record.kind === 'firstSeen') return record.updates.map(update => ({ update }))
    if (record.kind === 'value') return [{ ...record, endsAt: record.endsAt === null ? null : 'some time' }]
    return [record]
  })
  return plain.map(record => JSON.stringify(record)).sort()
}
