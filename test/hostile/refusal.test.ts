import { closeCodes, type Frame } from '@fettle/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ProtocolClient } from '../kit/client.ts'
import { startTestCollector, type TestCollector } from '../kit/collector.ts'

let collector: TestCollector
beforeAll(async () => {
  collector = await startTestCollector()
})
afterAll(() => collector.stop())

/** Each kind of refusal is asked for this often. */
const ROUNDS = 40

test('every refusal comes at the same time after the hello, whatever is wrong', async () => {
  const member = new ProtocolClient()
  const token = await collector.token({ uses: 2 })
  await member.join(collector.agentUrl, token)
  member.cut()
  const enrol = (client: ProtocolClient, shown: string) => ({
    enrol: { token: shown, publicKey: client.publicKey, instance: 'x', labels: {} },
  })
  const kinds: Record<string, (client: ProtocolClient, challenge: Frame<'challenge'>) => void> = {
    'unknown host': (client, challenge) => client.hello(challenge),
    'wrong signature': (client, challenge) => client.hello(challenge, { hostId: member.hostId }),
    'unknown token': (client, challenge) => client.hello(challenge, enrol(client, '0000000000000000.x')),
    'wrong secret': (client, challenge) => client.hello(challenge, enrol(client, `${token}x`)),
    'no frame': client => client.sendRaw('?'),
  }
  const times = new Map(Object.keys(kinds).map(kind => [kind, [] as number[]]))
  for (let round = 0; round < ROUNDS; round++)
    for (const [kind, say] of Object.entries(kinds)) {
      const client = new ProtocolClient()
      const challenge = await client.open(collector.agentUrl)
      const started = performance.now()
      const closing = client.closed()
      say(client, challenge)
      expect(await closing).toBe(closeCodes.refused)
      expect(client.frames).toEqual([])
      times.get(kind)?.push(performance.now() - started)
    }
  const medians = Object.fromEntries([...times].map(([kind, own]) => [kind, own.sort((a, b) => a - b)[ROUNDS >> 1] ?? 0]))
  // 50 ms and what the connection takes; the difference between kinds is the noise of the event loop, not a verification or a look into the store.
  expect(Math.min(...Object.values(medians))).toBeGreaterThan(48)
  expect(Math.max(...Object.values(medians)) - Math.min(...Object.values(medians)), JSON.stringify(medians)).toBeLessThan(10)
})
