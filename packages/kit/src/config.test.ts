import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { ConfigError, describeConfig, optionalText, readConfig, type Settings, sampleFile, settingsHelp } from './config.ts'

const settings = {
  name: { schema: optionalText, default: null, env: 'X_NAME', doc: 'A name.', example: 'web1' },
  'server.port': { schema: v.pipe(v.number('wanted a number'), v.integer()), default: 80, env: 'X_PORT', doc: 'A port.' },
  'server.tls.key': { schema: optionalText, default: null, doc: 'A key.', secret: true, env: 'X_KEY' },
  tags: { schema: v.array(v.string('wanted text')), default: [], env: 'X_TAGS', doc: 'Tags.' },
} as const satisfies Settings

const file = (text: string) => ({ path: '/etc/x.yaml', text })

function problemsOf(text: string, env: Record<string, string> = {}): readonly string[] {
  try {
    readConfig(settings, { file: file(text), env })
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

describe('reading a configuration', () => {
  test('the environment wins over the file, the file over the default, and each value tells where it came from', () => {
    const { values, origins } = readConfig(settings, { file: file('name: a\nserver:\n  port: 81\n'), env: { X_PORT: '82' } })
    expect(values).toEqual({ name: 'a', 'server.port': 82, 'server.tls.key': null, tags: [] })
    expect(origins).toEqual({ name: '/etc/x.yaml:1', 'server.port': 'environment X_PORT', 'server.tls.key': 'default', tags: 'default' })
  })

  test('every mistake is told at once, with path, line, value and what was wanted', () => {
    expect(problemsOf('nmae: a\nserver:\n  port: many\n  prot: 1\ntags: 7\n')).toEqual([
      expect.stringMatching(/^\/etc\/x\.yaml:1: nmae: no such setting/),
      '/etc/x.yaml:4: server.prot: no such setting',
      '/etc/x.yaml:3: server.port: "many": wanted a number',
      expect.stringMatching(/^\/etc\/x\.yaml:5: tags: 7: /),
    ])
  })

  test('a mistake inside a value names the place', () => {
    expect(problemsOf('tags: [a, 7]')).toEqual(['/etc/x.yaml:1: tags.1: 7: wanted text'])
  })

  test.each([
    ['no YAML', 'name: [', /no valid YAML/],
    ['a key twice', 'name: a\nname: b', /no valid YAML/],
    ['a list in place of settings', '- a', /wanted a mapping/],
    ['text in place of a section', 'server: yes please', /server: wanted a mapping/],
    ['a setting named like a part of every object', 'toString: 1\nconstructor: 2', /toString: no such setting/],
  ])('%s is refused', (_, text, told) => {
    expect(problemsOf(text).join('\n')).toMatch(told)
  })

  test.each([
    ['an empty file', ''],
    ['only comments', '# name: a'],
    ['an empty section', 'server:\n  # port: 1'],
  ])('%s says nothing', (_, text) => {
    expect(problemsOf(text)).toEqual([])
  })

  test('a short name for a nested setting is read', () => {
    expect(readConfig(settings, { file: file('server.port: 99'), env: {} }).values['server.port']).toBe(99)
  })

  test('text of the environment stays text where text is wanted, and is YAML elsewhere', () => {
    const { values } = readConfig(settings, { env: { X_NAME: '007', X_TAGS: '[a, b]', X_KEY: '' } })
    expect(values).toMatchObject({ name: '007', tags: ['a', 'b'], 'server.tls.key': null })
  })

  test('aliases that multiply are refused, not followed', () => {
    const bomb = [
      'tags:',
      '  - &a [x,x,x,x,x,x,x,x,x]',
      ...Array.from({ length: 8 }, (_, i) => `  - &b${i} [${Array(9).fill(i === 0 ? '*a' : `*b${i - 1}`)}]`),
    ]
    expect(problemsOf(bomb.join('\n')).length).toBeGreaterThan(0)
  })

  test('of a text that is no YAML the first mistakes are told, not thousands', () => {
    const told = problemsOf('tags: ["x"{"y":1}'.repeat(500))
    expect(told.length).toBeLessThanOrEqual(10)
    expect(told.join().length).toBeLessThan(3_000)
  })

  test('an alias of what it is part of is a mistake like any other', () => {
    expect(problemsOf('name: &a { x: *a }').join()).toContain('a value that holds itself')
  })
})

describe('telling a configuration', () => {
  test('a secret is never printed, not even a wrong one', () => {
    const { values, origins } = readConfig(settings, { env: { X_KEY: 'hunter2' } })
    expect(values['server.tls.key']).toBe('hunter2')
    expect(describeConfig(settings, { values, origins })).toContain('server.tls.key = (secret)  (environment X_KEY)')
    expect(problemsOf('server: {tls: {key: [hunter2]}}').join()).not.toContain('hunter2')
  })

  test('the sample file is valid with every comment taken off, and as it is', () => {
    const sample = sampleFile(settings)
    const bare = sample.replace(/^( *)# .*\n/gm, '').replace(/^( *)#/gm, '$1')
    expect(parse(bare)).toEqual({ name: 'web1', server: { port: 80, 'tls.key': null }, tags: [] })
    expect(readConfig(settings, { file: file(sample), env: {} }).values['server.port']).toBe(80)
    expect(readConfig(settings, { file: file(bare), env: {} }).values.name).toBe('web1')
  })

  test('the help names each setting, its variable and its default', () => {
    expect(settingsHelp(settings)).toContain('  server.port  [X_PORT]\n      A port. (default 80)')
  })
})
