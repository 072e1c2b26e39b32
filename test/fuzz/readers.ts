import { ConfigError, readConfig } from '@fettle/kit'
import { FrameError, isEnrolment, readAgentFrame, readCollectorFrame, readEnrolment, unpack, verifyHello } from '@fettle/protocol'
import { agentSettings } from '../../agent/src/config.ts'
import { probes } from '../../agent/src/probes/index.ts'
import { readCollectorConfig } from '../../collector/src/config.ts'
import { corpusOf, refusesOnly, type Target } from './target.ts'

const isFrameError = (error: Error) => error instanceof FrameError
/** Errors for people begin so, here and nowhere in the runtime. */
const isInWords = (error: Error) => /^Cannot (read|use) (the|a|this) /.test(error.message)
const isConfigError = (error: Error) => error instanceof ConfigError

const settings = agentSettings(probes)

const signed = corpusOf('signature')
/** Base64 has more than one way to write the same bytes: those of key and signature count. */
function meaningOf(text: string): string {
  const [key = '', signature = '', ...bound] = text.split('\n')
  return [...[key, signature].map(part => Buffer.from(part, 'base64').toString('hex')), ...bound.slice(0, 5)].join('\n')
}

/** What is read before or without a schema of routes: frames, signatures, enrolment strings, configurations. */
export const readers: readonly Target[] = [
  {
    name: 'agent-frame',
    corpus: corpusOf('agent-frame'),
    read: text => refusesOnly(isFrameError, () => readAgentFrame(text)),
  },
  {
    name: 'collector-frame',
    corpus: corpusOf('collector-frame'),
    read: text => refusesOnly(isFrameError, () => readCollectorFrame(text)),
  },
  {
    name: 'wire',
    // Deflated texts, base64.
    corpus: corpusOf('wire'),
    async read(text) {
      const bytes = Buffer.from(text, 'base64')
      const [one, other] = await Promise.allSettled([unpack(bytes, true), unpack(bytes, false)])
      for (const settled of [one, other])
        if (settled.status === 'rejected' && !isFrameError(settled.reason)) throw settled.reason
        else if (settled.status === 'fulfilled' && typeof settled.value !== 'string') throw new Error('the frame is no text')
    },
  },
  {
    name: 'signature',
    // Public key, signature, nonce, session, server, hostId and channel: one a line.
    corpus: signed,
    read(text) {
      const [key = '', signature = '', nonce = '', session = '', server = '', hostId = '', channel = ''] = text.split('\n')
      const isGood = verifyHello(key, { nonce, session, server, hostId, channel }, signature)
      if (isGood && !signed.some(one => meaningOf(one) === meaningOf(text))) throw new Error('a signature that nobody made is good')
    },
  },
  {
    name: 'enrolment',
    corpus: corpusOf('enrolment'),
    read: text =>
      refusesOnly(isInWords, () => {
        const { urls, token } = readEnrolment(text)
        if (!isEnrolment(text.trim()) || urls.length === 0 || token === '') throw new Error('an enrolment of nothing')
      }),
  },
  {
    name: 'agent-config',
    corpus: corpusOf('agent-config'),
    read: text => refusesOnly(isConfigError, () => readConfig(settings, { file: { path: 'agent.yaml', text }, env: {} })),
  },
  {
    name: 'collector-config',
    corpus: corpusOf('collector-config'),
    read: text => refusesOnly(isConfigError, () => readCollectorConfig({ path: 'collector.yaml', text }, {})),
  },
]
