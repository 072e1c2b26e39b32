import { chmodSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { CustomEntry, FactTypes } from '@fettle/catalog'
import * as v from 'valibot'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import { giveAway, ownedFolder, put } from '../../../../test/kit/owned.ts'
import { localHost } from '../../host/local.ts'
import { checked, runProbe } from '../../runner.ts'
import dropin from './dropin.ts'

type Fact = FactTypes['custom']
const options = (more: object = {}) => v.parse(dropin.setting?.schema ?? v.unknown(), more)
const base = { status: 'ok', text: '4 of 4 tapes are there' }

/** What one executable that prints such a document gives. */
const entry = (document: unknown): CustomEntry => {
  const text = typeof document === 'string' ? document : JSON.stringify(document)
  const [only] = factOf<Fact>(dropin, { output: text }, undefined, options()).entries
  if (!only) throw new Error('there is no entry')
  return only
}

describe('a document', () => {
  test('tells status and text; nothing more is needed', () => {
    expect(entry(base)).toEqual({
      name: 'capture',
      ...base,
      details: null,
      reason: null,
      hint: null,
      at: null,
      maxAgeMs: null,
      values: [],
      left: 0,
    })
  })

  test('tells name, details, time and measurements', () => {
    const told = entry({
      ...base,
      name: 'tapes',
      details: 'one\ntwo',
      at: '2026-06-15T12:00:00+02:00',
      maxAge: '26h',
      value: 4,
      unit: 'tapes',
      values: [{ name: 'free', value: null }],
      later: true,
    })
    expect(told).toMatchObject({ name: 'tapes', details: 'one\ntwo', at: Date.UTC(2026, 5, 15, 10), maxAgeMs: 26 * 3_600_000 })
    expect(told.values.map(({ name, value, unit }) => [name, value, unit])).toEqual([
      ['value', 4, 'tapes'],
      ['free', null, null],
    ])
  })

  test('without an age of its own may be as old as the configuration says', () => {
    expect(entry({ ...base, at: '2026-06-15T12:00Z' }).maxAgeMs).toBe(86_400_000)
  })

  test('has its control characters taken out and its length cut, with a count', () => {
    const { text, details } = entry({ ...base, text: `a\u001b[31m\u0000b${'x'.repeat(2000)}`, details: 'y'.repeat(50_000) })
    expect(text).toMatch(/^a \[31m bx+ … \(2008 characters\)$/)
    expect(text.length).toBeLessThanOrEqual(512)
    expect(details?.length).toBeLessThanOrEqual(2048)
  })

  test('keeps a hundred measurements and counts the others', () => {
    const values = Array.from({ length: 1000 }, (_, n) => ({ name: `v${n}`, value: n }))
    expect(entry({ ...base, values })).toMatchObject({ values: { length: 100 }, left: 900 })
  })

  test.each([
    ['nothing', '', 'it printed nothing'],
    ['blanks', ' \n', 'it printed nothing'],
    ['no JSON', 'OK - all fine', 'wanted one JSON document'],
    ['two documents', `${JSON.stringify(base)}\n${JSON.stringify(base)}`, 'wanted one JSON document'],
    ['half a document', '{"status":"ok","text":"', 'wanted one JSON document'],
    ['a list', [base], 'Cannot read its document'],
    ['no status', { text: 'fine' }, 'at status'],
    ['another word for well', { ...base, status: 'OK' }, 'wanted ok, warning, critical or unknown'],
    ['no text', { status: 'ok' }, 'at text'],
    ['empty text', { ...base, text: ' ' }, 'not empty'],
    ['a time without its zone', { ...base, at: '2026-06-15T12:00:00' }, 'at at'],
    ['a time that is none', { ...base, at: '2026-13-45T12:00:00Z' }, 'at at'],
    ['a number as text', { ...base, value: '4' }, 'at value'],
    ['a measurement without a name', { ...base, values: [{ value: 1 }] }, 'at values.0.name'],
    ['a NUL', `${JSON.stringify(base)}\0`, 'wanted one JSON document'],
  ])('that is %s makes the entry unknown', (_, document, reason) => {
    expect(entry(document)).toMatchObject({ name: 'capture', status: 'unknown', reason: expect.stringContaining(reason) })
  })

  test('counts for nothing where the executable ended badly', () => {
    const captured = {
      text: JSON.stringify(base),
      stderr: 'tape: I/O error\nmore',
      code: 1,
      name: '/etc/fettle/dropins.d/tapes',
      modifiedAt: null,
    }
    const { data } = checked(dropin, dropin.parse({ output: [captured] }, { now: 1, hostname: 'm', options: options() }))
    expect((data as Fact).entries).toMatchObject([{ name: 'tapes', status: 'unknown', reason: 'it ended with 1: tape: I/O error' }])
  })

  test('of a name that is taken is unknown', () => {
    const outputs = ['a', 'b'].map(name => ({ text: JSON.stringify({ ...base, name: 'x' }), stderr: '', code: 0, name, modifiedAt: null }))
    const fact = dropin.parse({ output: outputs }, { now: 1, hostname: 'm', options: options() }) as Fact
    expect(fact.entries.map(({ name, status }) => [name, status])).toEqual([
      ['x', 'ok'],
      ['x (2)', 'unknown'],
    ])
  })

  test('of any text is an entry or an error, and soon', () => {
    survives(dropin, 'output', [JSON.stringify({ ...base, at: '2026-06-15T12:00Z', values: [{ name: 'a', value: 1 }] })])
    survives(dropin, 'refused', ['{"reason":"it belongs to user 1000","hint":"chown root x"}'])
  })
})

describe('a folder of executables', () => {
  let folder: string
  beforeEach(() => {
    folder = ownedFolder()
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const script = (name: string, body: string, mode = 0o755) => put(join(folder, name), `#!/bin/sh\n${body}\n`, mode)
  const saying = (text: string) => `printf '%s' '${JSON.stringify({ status: 'ok', text })}'`
  const look = (more: object = {}, uid = localHost().uid) => runProbe(dropin, abroad(uid), options({ directory: folder, ...more }), 900_000)
  /** The machine, asked by a user; its files are the real ones. */
  const abroad = (uid: number) => {
    const host = localHost()
    return uid === host.uid
      ? host
      : {
          ...host,
          uid,
          trusted: ((path: string) =>
            import('../../host/trusted.ts').then(({ trustedPath }) => trustedPath(path, uid))) as typeof host.trusted,
        }
  }
  const entries = async (more: object = {}) => {
    const { outcome, reason, data } = await look(more)
    expect([outcome, reason]).toEqual(['ok', undefined])
    return (data as Fact).entries.map(({ name, status, text, reason: why }) => [name, status, text || why])
  }

  test('is run, each for itself, in the order of the names', async () => {
    script('b', saying('fine'))
    script('a', `echo '{"status":"critical","text":"out of tapes"}'`)
    expect(await entries()).toEqual([
      ['a', 'critical', 'out of tapes'],
      ['b', 'ok', 'fine'],
    ])
  })

  test('runs nothing with what the agent has in its environment, and no shell in between', async () => {
    script('env', `printf '{"status":"ok","text":"%s %s %s"}' "$HOME" "$LC_ALL" "$#"`)
    expect(await entries()).toEqual([['env', 'ok', '/nonexistent C 0']])
  })

  test('tells of every one that gives no answer, and goes on', async () => {
    script('exit', `${saying('fine')}; echo broken >&2; exit 3`)
    script('flood', 'yes | head -c 10000000')
    script('garbage', 'head -c 2000 /dev/urandom')
    script('good', saying('fine'))
    script('killed', 'kill -9 $$')
    script('late', 'sleep 60 & wait')
    script('silent', 'exit 0')
    put(join(folder, 'text'), saying('fine'), 0o644)
    const told = await entries({ timeout: '1s' })
    expect(told.filter(([, status]) => status !== 'unknown')).toEqual([['good', 'ok', 'fine']])
    const reasons = Object.fromEntries(told.map(([name = '', , why]) => [name, why]))
    expect(reasons).toMatchObject({
      exit: 'it ended with 3: broken',
      flood: 'it printed more than 65536 bytes',
      killed: 'it was ended by SIGKILL',
      late: 'it did not end within 1 s',
      silent: 'it printed nothing: wanted one JSON document',
      text: 'it is not executable',
    })
  })

  test('leaves notes, hidden files, folders and what is switched off alone', async () => {
    for (const name of ['.hidden', 'README', 'notes.md', 'old.disabled', 'copy~', 'a.dpkg-old']) script(name, 'exit 1')
    mkdirSync(join(folder, 'folder'))
    script('good', saying('fine'))
    expect(await entries()).toEqual([['good', 'ok', 'fine']])
  })

  test('refuses one that others could have changed, and none but that', async () => {
    const witness = join(folder, '.witness')
    script('bad', `touch ${witness}; ${saying('fine')}`, 0o777)
    script('good', saying('fine'))
    const { data } = await look()
    expect((data as Fact).entries).toMatchObject([
      { name: 'bad', status: 'unknown', reason: expect.stringContaining('has the mode 0777'), hint: `chmod go-w ${folder}/bad` },
      { name: 'good', status: 'ok' },
    ])
    expect(() => chmodSync(witness, 0o600)).toThrow('ENOENT')
  })

  test("refuses a link to a user's file", async () => {
    const target = script('.target', saying('fine'))
    symlinkSync('.target', join(folder, 'link'))
    const uid = giveAway(target)
    const { outcome, reason, data } = await look({}, uid)
    const told = outcome === 'ok' ? (data as Fact).entries[0]?.reason : reason
    expect(told).toMatch(/belongs to user \d+/)
  })

  test('is refused as a whole where others may put something in it', async () => {
    script('good', saying('fine'))
    chmodSync(folder, 0o775)
    expect(await look()).toMatchObject({ outcome: 'denied', reason: expect.stringContaining('0775'), hint: `chmod go-w ${folder}` })
  })

  test('runs a hundred of a thousand, and tells how many it left', async () => {
    for (let n = 0; n < 130; n++) put(join(folder, `n${n}`), 'no program', 0o644)
    const { data } = await look()
    expect(data).toMatchObject({ entries: { length: 100 }, more: 30 })
  })

  test('that is empty, or not there where none was configured, is absent; one that was configured and is gone is not', async () => {
    expect(await look()).toMatchObject({ outcome: 'absent' })
    expect(await look({ directory: join(folder, 'gone') })).toMatchObject({ outcome: 'failed', hint: expect.stringContaining('Make it') })
  })
})
