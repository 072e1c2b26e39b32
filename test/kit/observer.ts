import { createInterface } from 'node:readline'
import { createLog, systemClock } from '@fettle/kit'
import { openStateDir } from '../../agent/src/host/state.ts'
import { openIdentity } from '../../agent/src/identity.ts'
import { Link } from '../../agent/src/link.ts'
import { Outbox } from '../../agent/src/outbox.ts'

/*
 * The agent's outbox and link as a process of their own, to be killed: each number on standard input becomes a look at a clock with that stratum;
 * `kept N` on standard output means that the outbox has it for good. Arguments: state folder, collector's address, token.
 */
const [folder = '', url = '', token = ''] = process.argv.slice(2)
const log = createLog('observer', 'silent')
const state = await openStateDir(folder)
const identity = await openIdentity(state)
const outbox = await Outbox.open({ state, clock: systemClock, log, fresh: identity.fresh })
const enrol = { token, publicKey: identity.publicKey, instance: 'observer', labels: {} }
const link = new Link({
  target: () => ({ urls: [url], ca: null }),
  identity,
  outbox,
  clock: systemClock,
  log,
  version: 'test',
  introduction: () => ({ enrol }),
  onWelcome: async () => true,
  server: () => null,
  onRefresh: () => {},
  random: () => 0.05,
})
link.start()
process.stdout.write(`host ${identity.hostId}\n`)
for await (const line of createInterface({ input: process.stdin })) {
  const stratum = Number(line)
  const data = { synchronized: true, service: 'chronyd', enabled: true, reference: null, stratum, offsetSeconds: 0, lastSyncAt: null }
  await outbox.observe({ key: 'clock/chrony', at: Date.now(), everyMs: 300_000, tookMs: 1, outcome: 'ok', data })
  process.stdout.write(`kept ${stratum}\n`)
}
