import { hostIdOf, newPrivateKey, publicKeyOf } from '@fettle/protocol'
import { openStore } from '../../collector/src/store/open.ts'
import { ACTIVE, type DumpRecord, type StoredFact } from '../../collector/src/store/store.ts'
import { serve } from '../bench/worker.ts'
import { factsOfMember, memberOf, type SaidFact } from './fleet/fleet.ts'

/** Fills a store with a fleet that never connected, the way a backup is restored. */
const calls = {
  async fill({ store: url, hosts, seed, base }: { store: string; hosts: number; seed: number; base: number }) {
    const started = performance.now()
    const store = await openStore(url, { clock: { now: () => Date.now() } })
    await store.epoch()
    await store.fill(records(hosts, seed, base))
    await store.close()
    return { seconds: (performance.now() - started) / 1000 }
  },
}
export type FillCalls = typeof calls

async function* records(hosts: number, seed: number, base: number): AsyncGenerator<DumpRecord> {
  for (let index = 0; index < hosts; index++) {
    const member = memberOf(index, seed)
    const publicKey = publicKeyOf(newPrivateKey())
    const { instance, labels } = member
    const meta = { hostId: hostIdOf(publicKey), instance, publicKey, labels, standing: ACTIVE, enrolledAt: base }
    const facts = factsOfMember(member, base).map(fact => stored(fact, base))
    const told = { meta, seq: facts.length, lastSeenAt: base, agentVersion: '0.1.0', clockOffsetMs: 0, dropped: 0, facts, findings: [] }
    const transitions = facts.map((fact, i) => ({ ...fact, seq: i + 1 }))
    yield { kind: 'host', host: told, transitions, tokenId: null, link: { kept: null, offered: null } }
  }
}

function stored({ data, outcome, ...fact }: SaidFact, at: number): StoredFact {
  return { ...fact, at, freshAt: at, outcome: outcome as 'ok', data: data === undefined ? undefined : JSON.stringify(data) }
}

serve(calls)
