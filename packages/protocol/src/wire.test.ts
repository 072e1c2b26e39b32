import { deflateRawSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type AgentFrame, FrameError, readAgentFrame } from './frames.ts'
import { limits } from './limits.ts'
import { pack, unpack } from './wire.ts'

const frameOf = (data: unknown): AgentFrame => ({
  type: 'report',
  seq: 1,
  key: 'clock/chrony',
  at: 1,
  sentAt: 1,
  tookMs: 0,
  everyMs: 60_000,
  outcome: 'ok',
  hash: 'a'.repeat(32),
  data,
})
/** A frame whose text has just this many characters. */
function frameOfSize(size: number): AgentFrame {
  return frameOf('x'.repeat(size - JSON.stringify(frameOf('')).length))
}

describe('a frame on the wire', () => {
  test('is text up to the size, and deflated beyond it', async () => {
    expect(typeof (await pack(frameOfSize(limits.deflateOverBytes)))).toBe('string')
    const packed = await pack(frameOfSize(limits.deflateOverBytes + 1))
    expect(packed).toBeInstanceOf(Buffer)
    expect(packed.length).toBeLessThan(200)
  })

  test('comes out as it went in, whatever its size', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), fc.constantFrom(1, 100, 3_000), async (text, times) => {
        const frame = frameOf(text.repeat(times))
        const packed = await pack(frame)
        const binary = typeof packed !== 'string'
        expect(readAgentFrame(await unpack(Buffer.from(packed as string), binary))).toEqual(frame)
      }),
      { numRuns: 50 },
    )
  })

  test('is inflated up to the cap and no further', async () => {
    const full = Buffer.alloc(limits.inflatedBytes, 0x20)
    expect((await unpack(deflateRawSync(full), true)).length).toBe(limits.inflatedBytes)
    await expect(unpack(deflateRawSync(Buffer.concat([full, Buffer.from(' ')])), true)).rejects.toThrow(FrameError)
  })

  test.each([
    ['that was cut', deflateRawSync(Buffer.from('x'.repeat(10_000))).subarray(0, -3)],
    ['of another format', gzipSync(Buffer.from('{}'))],
    ['of nothing', Buffer.alloc(0)],
  ])('%s is refused', async (_, bytes) => {
    await expect(unpack(bytes, true)).rejects.toThrow(FrameError)
  })

  test('of any bytes is text or refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 500 }), fc.boolean(), async (bytes, binary) => {
        await unpack(Buffer.from(bytes), binary).catch(error => {
          if (!(error instanceof FrameError)) throw error
        })
      }),
    )
  })
})
