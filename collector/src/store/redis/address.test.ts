import fc from 'fast-check'
import { expect, it } from 'vitest'
import { readRedisAddress } from './address.ts'

it.each([
  ['redis://h', { kind: 'standalone', hosts: [{ host: 'h', port: 6379 }], db: 0, tls: false, password: undefined }],
  ['rediss://user:p%40ss@h:7000/3', { hosts: [{ host: 'h', port: 7000 }], db: 3, tls: true, username: 'user', password: 'p@ss' }],
  ['redis://:secret@[::1]:1', { hosts: [{ host: '::1', port: 1 }], username: undefined, password: 'secret' }],
  [
    'redis+sentinel://a,b:7/main/2?sentinelPassword=x',
    {
      kind: 'sentinel',
      hosts: [
        { host: 'a', port: 26379 },
        { host: 'b', port: 7 },
      ],
      name: 'main',
      db: 2,
      sentinelPassword: 'x',
    },
  ],
  [
    'rediss+cluster://a:1,b:2?prefix=p:',
    {
      kind: 'cluster',
      hosts: [
        { host: 'a', port: 1 },
        { host: 'b', port: 2 },
      ],
      tls: true,
      prefix: 'p:',
    },
  ],
])('%s is read', (url, wanted) => {
  expect(readRedisAddress(url)).toMatchObject(wanted)
})

it.each([
  ['redis://', 'wanted redis://'],
  ['redis://h:99999', 'Cannot read the Redis host "h:99999"'],
  ['redis://h/x', 'Cannot read the Redis database "x"'],
  ['redis+sentinel://a,b', 'without the name of the master'],
  ['redis+cluster://a/1', 'only database 0'],
])('%s is refused', (url, told) => {
  expect(() => readRedisAddress(url)).toThrow(told)
})

it('any text is read or refused, and a refusal never tells the password', () => {
  fc.assert(
    fc.property(fc.constantFrom('redis', 'rediss+sentinel', 'redis+cluster'), fc.string(), (scheme, rest) => {
      try {
        readRedisAddress(`${scheme}://u:hunter2-secret@${rest}`)
      } catch (error) {
        expect(String(error)).not.toContain('hunter2-secret')
      }
    }),
  )
})
