import { promisify } from 'node:util'
import { deflateRaw, inflateRaw } from 'node:zlib'
import { type AgentFrame, type CollectorFrame, FrameError } from './frames.ts'
import { limits } from './limits.ts'

const deflating = promisify(deflateRaw)
const inflating = promisify(inflateRaw)

/** A frame as it goes over the socket: text, or deflated binary (RFC 1951) where it is large. */
export async function pack(frame: AgentFrame | CollectorFrame): Promise<string | Buffer> {
  const text = JSON.stringify(frame)
  return text.length > limits.deflateOverBytes ? await deflating(text) : text
}

/** The text of a frame that came over the socket; never inflates beyond the cap. @throws FrameError */
export async function unpack(data: Buffer, binary: boolean): Promise<string> {
  if (!binary) return data.toString('utf8')
  try {
    return (await inflating(data, { maxOutputLength: limits.inflatedBytes })).toString('utf8')
  } catch {
    throw new FrameError('', `a deflated frame of at most ${limits.inflatedBytes} bytes`)
  }
}
