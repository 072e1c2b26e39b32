import { type Cases, judges } from '../../testing.ts'
import { encryptionOff, encryptionSuspended } from './checks.ts'
import type { EncryptionFact } from './facts.ts'

type Volume = EncryptionFact['volumes'][number]
const of = (...states: Volume['state'][]): { encryption: EncryptionFact } => ({
  encryption: {
    volumes: states.map((state, i) => ({
      name: `${i}:`,
      role: i === 0 ? 'system' : 'data',
      state,
      method: null,
      progressRatio: 0.5,
      detail: null,
    })),
  },
})
const laptop = { role: 'laptop' } as const
const home: Volume = { name: '/home', role: 'home', state: 'on', method: null, progressRatio: null, detail: null }

const off: Cases = [
  ['on', of('on'), 'ok', laptop],
  ['wrong green 15: a protector, but decrypted', of('off'), 'critical', laptop],
  ['off on a server', of('off'), 'warning'],
  ['under way', of('encrypting'), 'warning', laptop],
  ['on its way back', of('decrypting'), 'critical', laptop],
  ['not readable', of('unknown'), 'unknown', laptop],
  ['a data volume is not judged', of('on', 'off'), 'ok', laptop],
  ['only the home is known', { encryption: { volumes: [home] } }, 'unknown', laptop],
  ['no encryption at all', { encryption: { outcome: 'absent' } }, 'critical', laptop],
  ['not allowed to look', { encryption: { outcome: 'denied' } }, 'unknown', laptop],
]
judges(encryptionOff, off)

const suspended: Cases = [
  ['none', of('on'), 'ok'],
  ['wrong green 16: encrypted, protection off', of('suspended'), 'warning'],
  ['not encrypted', of('off'), 'not-applicable'],
  ['not readable', of('unknown'), 'unknown'],
]
judges(encryptionSuspended, suspended)
