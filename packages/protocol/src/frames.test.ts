import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FrameError, readAgentFrame, readCollectorFrame } from './frames.ts'
import { limits } from './limits.ts'

const hash = 'a'.repeat(32)
const report = {
  type: 'report',
  seq: 1,
  key: 'clock/chrony',
  at: 1,
  sentAt: 1,
  tookMs: 0,
  everyMs: 60_000,
  outcome: 'ok',
  hash,
  data: { any: 'thing' },
}
const hello = {
  type: 'hello',
  protocol: 1,
  hostId: hash,
  agentVersion: '1',
  session: 's',
  signature: 'AAAA',
  agentTime: 1,
  digests: {},
  lastSeq: 0,
}
const enrol = { token: 't', publicKey: 'AAAA', instance: 'web', labels: {} }
const welcome = { type: 'welcome', epoch: 'e', instance: 'web', want: [], acked: 0, settings: { beatMs: 1000 } }
const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`clock/s${i}`, hash]))
const nested = (depth: number) => `${'['.repeat(depth)}1${']'.repeat(depth)}`

function refusal(read: (text: string) => unknown, text: string): FrameError {
  try {
    read(text)
  } catch (error) {
    if (error instanceof FrameError) return error
    throw error
  }
  throw new Error('the frame was read')
}

describe('what an agent may not send', () => {
  test.each<[string, unknown, string]>([
    ['a type that does not exist', { type: 'shell', run: 'id' }, 'type'],
    ['no type', {}, 'type'],
    ['a list', [], 'type'],
    ['a number', 7, ''],
    ['null', null, ''],
    ['a seq of nothing', { ...report, seq: 0 }, 'seq'],
    ['a seq beyond what numbers hold', { ...report, seq: 2 ** 53 }, 'seq'],
    ['a seq as text', { ...report, seq: '1' }, 'seq'],
    ['a key without a source', { ...report, key: 'clock' }, 'key'],
    ['a key that is a path', { ...report, key: '../etc/passwd' }, 'key'],
    ['a key with capitals', { ...report, key: 'Clock/chrony' }, 'key'],
    ['a key that is too long', { ...report, key: `clock/${'a'.repeat(limits.keyLength)}` }, 'key'],
    ['a time before 1970', { ...report, at: -1 }, 'at'],
    ['a time that no date has', { ...report, at: 8.64e15 + 1 }, 'at'],
    ['half a millisecond', { ...report, sentAt: 1.5 }, 'sentAt'],
    ['a probe that took less than nothing', { ...report, tookMs: -1 }, 'tookMs'],
    ['an interval so long that nothing is ever stale', { ...report, everyMs: limits.everyMs + 1 }, 'everyMs'],
    ['an interval of nothing', { ...report, everyMs: 0 }, 'everyMs'],
    ['an outcome that does not exist', { ...report, outcome: 'green' }, 'outcome'],
    ['a reason that is too long', { ...report, outcome: 'failed', reason: 'x'.repeat(limits.reasonLength + 1) }, 'reason'],
    ['a hash that is none', { ...report, hash: 'A'.repeat(32) }, 'hash'],
    ['less than nothing dropped', { ...report, dropped: -1 }, 'dropped'],
    ['a beat with a time that is none', { type: 'beat', seq: 1, at: 1, fresh: { 'clock/chrony': 'now' } }, 'fresh.clock/chrony'],
    ['a beat with a key that is none', { type: 'beat', seq: 1, at: 1, fresh: { 'clock chrony': 1 } }, 'fresh.clock chrony'],
    ['more facts than a host may have', { ...hello, digests: many(limits.factsPerHost + 1) }, 'digests'],
    ['a hostId that is none', { ...hello, hostId: 'web1' }, 'hostId'],
    ['a signature that is no base64', { ...hello, signature: '???' }, 'signature'],
    ['a session that is too long', { ...hello, session: 'x'.repeat(257) }, 'session'],
    ['a host without a name', { ...hello, enrol: { ...enrol, instance: '' } }, 'enrol.instance'],
    ['a label name that Prometheus refuses', { ...hello, enrol: { ...enrol, labels: { 'si te': 'x' } } }, 'enrol.labels.si te'],
    ['a label value that is too long', { ...hello, enrol: { ...enrol, labels: { site: 'x'.repeat(257) } } }, 'enrol.labels.site'],
    ['a leave for a reason that does not exist', { type: 'leave', reason: 'tired' }, 'reason'],
    ['a frame of the collector', { type: 'refresh', keys: [] }, 'type'],
  ])('%s is refused, and the path told', (_, frame, path) => {
    expect(refusal(readAgentFrame, JSON.stringify(frame)).path).toBe(path)
  })

  test.each([
    ['nothing', ''],
    ['half a frame', '{"type":"beat"'],
    ['two frames', '{"type":"leave","reason":"stop"}{}'],
    ['brackets that close before they open', `${']'.repeat(40)}${'['.repeat(40)}`],
    ['a number that is none', '{"type":"report","seq":NaN}'],
  ])('%s is no JSON', (_, text) => {
    expect(refusal(readAgentFrame, text).message).toContain('valid JSON')
  })

  test.each([
    ['plain', '__proto__'],
    ['escaped', '\\u005f_proto__'],
    ['escaped within', '__prot\\u006F__'],
  ])('a key named __proto__ is refused wherever it stands, %s', (_, name) => {
    const texts = [
      `{"type":"beat","seq":1,"at":1,"fresh":{},"${name}":{"x":1}}`,
      JSON.stringify({ ...report, data: 'HERE' }).replace('"HERE"', `{"a":[{"${name}":{"polluted":true}}]}`),
    ]
    for (const text of texts) expect(refusal(readAgentFrame, text).path).toBe('__proto__')
    expect({}).not.toHaveProperty('polluted')
  })

  test('text that only speaks of __proto__ is text', () => {
    const data = { note: '__proto__ is "a key"', '\u00e9': '\u0001' }
    expect(readAgentFrame(JSON.stringify({ ...report, data }))).toMatchObject({ data })
  })

  test('nesting is bounded, brackets in text are not nesting', () => {
    const at = (depth: number) => `{"type":"report","data":${nested(depth - 1)}}`
    expect(refusal(readAgentFrame, at(limits.jsonDepth)).path).not.toBe('')
    expect(refusal(readAgentFrame, at(limits.jsonDepth + 1)).message).toContain(`nested at most ${limits.jsonDepth} deep`)
    expect(refusal(readAgentFrame, nested(500_000)).message).toContain('nested at most')
    const data = `\\"${'['.repeat(100)}`
    expect(readAgentFrame(JSON.stringify({ ...report, data }))).toMatchObject({ data })
  })

  test('a text of a megabyte is read in moments, or refused in moments', () => {
    const long = 'x'.repeat(1024 * 1024)
    const started = performance.now()
    expect(readAgentFrame(JSON.stringify({ ...report, data: long }))).toMatchObject({ data: long })
    expect(refusal(readAgentFrame, JSON.stringify({ ...report, key: `a/${long}` })).path).toBe('key')
    expect(refusal(readAgentFrame, JSON.stringify({ ...hello, signature: `${long}!` })).path).toBe('signature')
    expect(refusal(readAgentFrame, JSON.stringify({ ...report, [long]: 1, seq: 0 })).message.length).toBeLessThan(500)
    expect(refusal(readAgentFrame, JSON.stringify({ type: 'beat', seq: 1, at: 1, fresh: { [long]: 1 } })).message.length).toBeLessThan(500)
    expect(performance.now() - started).toBeLessThan(2_000)
  })
})

describe('what a collector may not send', () => {
  test.each<[string, unknown, string]>([
    ['anything to run', { type: 'run', command: 'id' }, 'type'],
    ['a key that is none to look at again', { type: 'refresh', keys: ['clock/chrony', 'rm -rf'] }, 'keys.1'],
    ['a beat that never comes', { ...welcome, settings: { beatMs: 1e12 } }, 'settings.beatMs'],
    ['a wish for a path', { ...welcome, want: ['../secret'] }, 'want.0'],
    ['a pause without end', { type: 'nack', seq: 1, reason: 'x', retryAfterMs: 1e12 }, 'retryAfterMs'],
    ['a pause of less than nothing', { type: 'bye', reason: 'x', retryAfterMs: -1 }, 'retryAfterMs'],
    ['a nonce that is no base64', { type: 'challenge', nonce: '\n', collectorTime: 1, server: 's' }, 'nonce'],
    ['a report', report, 'type'],
  ])('%s is refused, and the path told', (_, frame, path) => {
    expect(refusal(readCollectorFrame, JSON.stringify(frame)).path).toBe(path)
  })
})

describe('whatever comes', () => {
  const readers = [readAgentFrame, readCollectorFrame]
  /** Read, or refused as a frame: anything else that is thrown fails the property. */
  const survives = (text: string) => {
    for (const read of readers) {
      try {
        expect(read(text)).toHaveProperty('type')
      } catch (error) {
        if (!(error instanceof FrameError)) throw error
      }
    }
  }

  test('any text, any bytes and any JSON is a frame or a FrameError', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), survives))
    fc.assert(fc.property(fc.uint8Array(), bytes => survives(Buffer.from(bytes).toString('utf8'))))
    fc.assert(fc.property(fc.json(), survives))
  })

  test('any value in any place of a frame is a frame or a FrameError', () => {
    const frames = [report, hello, { ...hello, enrol }, welcome, { type: 'beat', seq: 1, at: 1, fresh: {} }, { type: 'nack' }]
    const paths = ['type', 'seq', 'key', 'at', 'data', 'fresh', 'digests', 'enrol', 'want', 'settings', 'reason', 'toString']
    fc.assert(
      fc.property(fc.constantFrom(...frames), fc.constantFrom(...paths), fc.jsonValue(), (frame, path, value) =>
        survives(JSON.stringify({ ...frame, [path]: value })),
      ),
      { numRuns: 500 },
    )
  })

  test('a right frame that was cut or changed by a byte is a frame or a FrameError', () => {
    const text = Buffer.from(JSON.stringify({ ...hello, enrol, digests: many(3) }))
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.nat(255), (at, byte) => {
        survives(text.subarray(0, at).toString('utf8'))
        const changed = Buffer.from(text)
        changed[at] = byte
        survives(changed.toString('utf8'))
      }),
      { numRuns: 300 },
    )
  })
})
