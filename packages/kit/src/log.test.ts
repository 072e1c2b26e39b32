import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createLog, type Log } from './log.ts'

const SECRET = 'hunter2-hunter2-hunter2'
let folder: string
let log: Log
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fettle-log-'))
  log = createLog('test', 'debug', join(folder, 'log'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const text = () => readFileSync(join(folder, 'log'), 'utf8')
const line = () => JSON.parse(text()) as Record<string, unknown>

describe('a log', () => {
  test.each([
    'authorization',
    'clientSecret',
    'cookie',
    'linkToken',
    'passphrase',
    'password',
    'privateKey',
    'secret',
    'set-cookie',
    'token',
  ])('never tells a %s, however deep it was put', name => {
    log.info({ [name]: SECRET, request: { [name]: SECRET, headers: { [name]: SECRET } } }, 'a mistake')

    expect(line().msg).toBe('a mistake')
    expect(text()).not.toContain(SECRET)
  })

  test('tells of an error what it is and why, and nothing that a library hung on it', () => {
    const cause = Object.assign(new Error('the socket closed'), { code: 'ECONNRESET', command: { name: 'auth', args: [SECRET] } })
    const error = Object.assign(new TypeError('the store is away', { cause }), { request: { headers: { 'x-key': SECRET } } })

    log.error({ err: error }, 'could not')

    expect(line().err).toMatchObject({
      type: 'TypeError',
      message: 'the store is away',
      cause: { type: 'Error', message: 'the socket closed', code: 'ECONNRESET' },
    })
    expect(text()).not.toContain(SECRET)
  })

  test('ends with errors that cause each other, and takes what is no error', () => {
    const error = new Error('one')
    error.cause = error

    log.error({ err: error }, 'round')
    log.error({ err: { args: [SECRET] } }, 'odd')
    log.error({ err: 'words' }, 'plain')

    expect(text().trim().split('\n')).toHaveLength(3)
    expect(text()).not.toContain(SECRET)
  })
})
