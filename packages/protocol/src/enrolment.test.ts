import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Enrolment, isEnrolment, readEnrolment, writeEnrolment } from './enrolment.ts'

const token = `${'0a'.repeat(8)}.${'S3cret_-'.repeat(4)}`
const enrolment: Enrolment = {
  urls: ['wss://fettle.example.com', 'wss://[2001:db8::1]:7300/x'],
  token,
  server: 'fettle',
  pin: 'a'.repeat(43),
}

test.each([
  ['with a pin', enrolment],
  ['without', { ...enrolment, pin: null }],
])('what was written %s is read back', (_, of) => {
  const text = writeEnrolment(of)
  expect(text).toMatch(/^fettle1\.[A-Za-z0-9_-]+$/)
  expect(readEnrolment(`\n${text} `)).toEqual(of)
})

test.each([
  ['a bare token', token, 'begins with fettle1.'],
  ['cut', writeEnrolment(enrolment).slice(0, -9), 'copy it whole'],
  ['without addresses', writeEnrolment({ ...enrolment, urls: [] }), 'damaged'],
  ['too long', `fettle1.${'a'.repeat(5000)}`, 'at most'],
])('%s is refused with the way out', (_, text, told) => {
  expect(() => readEnrolment(text)).toThrow(told)
})

test('a damaged one never shows the token', () => {
  fc.assert(
    fc.property(fc.nat(200), fc.string({ maxLength: 3 }), (at, noise) => {
      const text = writeEnrolment(enrolment)
      const damaged = text.slice(0, at) + noise + text.slice(at + 1)
      try {
        readEnrolment(damaged)
      } catch (error) {
        expect(String(error)).not.toContain('S3cret')
      }
    }),
  )
})

test('any text is read or refused', () => {
  fc.assert(
    fc.property(fc.string(), text => {
      expect(isEnrolment(text)).toBe(text.startsWith('fettle1.'))
      expect(() => readEnrolment(text)).toThrow('Cannot read the enrolment string')
    }),
  )
})
