import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { factHash } from './digest.ts'
import { type Frame, FrameError, readAgentFrame, readCollectorFrame } from './frames.ts'
import { hostIdOf, verifyHello } from './signing.ts'

/* Frames of every released version: both sides read them for ever. Files are added here and never changed. */

type Fixture = { readonly from: 'agent' | 'collector'; readonly frame: Record<string, unknown> }

const root = new URL('../fixtures/', import.meta.url)
const fixtures = readdirSync(root).flatMap(version =>
  readdirSync(new URL(`${version}/`, root)).map(file => {
    const fixture = JSON.parse(readFileSync(new URL(`${version}/${file}`, root), 'utf8')) as Fixture
    return [`${version}/${file}`, fixture] as const
  }),
)
const named = (name: string) => fixtures.find(([file]) => file === name)?.[1].frame as unknown

describe('frames of released versions', () => {
  test.each(fixtures)('%s is read as it was meant, by the side it is for and no other', (_, { from, frame }) => {
    const [mine, other] = from === 'agent' ? [readAgentFrame, readCollectorFrame] : [readCollectorFrame, readAgentFrame]
    expect(mine(JSON.stringify(frame))).toEqual(frame)
    expect(() => other(JSON.stringify(frame))).toThrow(FrameError)
  })

  test.each(fixtures)('%s with keys of a newer peer is read the same', (_, { from, frame }) => {
    const read = from === 'agent' ? readAgentFrame : readCollectorFrame
    expect(read(JSON.stringify({ ...frame, later: { than: ['this'] } }))).toEqual(frame)
  })

  test('every type of frame is kept', () => {
    const v1 = fixtures.filter(([file]) => file.startsWith('v1/')).map(([, { frame }]) => frame.type)
    const types = ['ack', 'beat', 'bye', 'challenge', 'hello', 'kept', 'leave', 'nack', 'refresh', 'report', 'welcome']
    expect([...new Set(v1)].sort()).toEqual(types)
  })

  test('hashes of facts stay what they were: another hash would have every agent send everything', () => {
    for (const name of ['v1/report.json', 'v1/report-denied.json']) {
      const { outcome, reason, data, hash } = named(name) as Frame<'report'>
      expect(factHash({ outcome, reason, data })).toBe(hash)
    }
  })

  test('a signature over what v1 binds is good for ever', () => {
    const { nonce, server } = named('v1/challenge.json') as Frame<'challenge'>
    const { hostId, session, signature, enrol } = named('v1/hello-enrol.json') as Frame<'hello'>
    const publicKey = enrol?.publicKey ?? ''
    expect(hostIdOf(publicKey)).toBe(hostId)
    expect(verifyHello(publicKey, { nonce, session, server, hostId }, signature)).toBe(true)
  })
})
