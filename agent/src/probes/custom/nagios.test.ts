import { chmodSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { CustomEntry, FactTypes } from '@fettle/catalog'
import fc from 'fast-check'
import * as v from 'valibot'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { printed, survives } from '../../../../test/kit/hostile.ts'
import { giveAway, ownedFolder, put } from '../../../../test/kit/owned.ts'
import { localHost } from '../../host/local.ts'
import { runProbe } from '../../runner.ts'
import nagios, { parsePluginOutput, parsePlugins } from './nagios.ts'
import { parsePerfdata, parseRange } from './perfdata.ts'

type Fact = FactTypes['custom']
const PLUGINS = '/usr/lib/nagios/plugins'

const entry = (text: string, code: number | null = 0, stderr = ''): CustomEntry => {
  const [only] = parsePlugins({ output: [printed(text, { code, stderr, name: 'load' })] }).entries
  if (!only) throw new Error('there is no entry')
  return only
}
const measurements = (perfdata: string) =>
  parsePerfdata(perfdata).values.map(({ name, value, unit, kind }) => [name, value, unit ?? kind] as const)

describe('the status', () => {
  test.each([
    [0, 'ok'],
    [1, 'warning'],
    [2, 'critical'],
    [3, 'unknown'],
    [4, 'unknown'],
    [126, 'unknown'],
    [255, 'unknown'],
  ])('of exit status %i is %s', (code, status) => {
    expect(entry('LOAD OK - fine', code).status).toBe(status)
  })

  test('of an exit status that means nothing comes with what was said', () => {
    expect(entry('', 127, 'sh: check_x: not found\nmore')).toMatchObject({
      status: 'unknown',
      reason: 'it ended with 127: sh: check_x: not found',
    })
  })

  test('of a plug-in that says nothing is never ok, and no better than its exit status', () => {
    expect(entry('\n', 0)).toMatchObject({ status: 'unknown', reason: expect.stringContaining('printed nothing') })
    expect(entry('', 2, 'no route')).toMatchObject({ status: 'critical', text: 'no route' })
  })

  test.each([
    ['DISK OK - free space: / 79322MiB', 'ok'],
    ['LOAD WARNING - total load average: 9', 'warning'],
    ['PING CRITICAL - Packet loss = 100%', 'critical'],
    ['OK: 3 CRITICAL: 1', 'critical'],
    ['everything is fine', 'unknown'],
    ['', 'unknown'],
  ])('of a capture without its exit status is read off %j: %s', (text, status) => {
    expect(entry(text, null).status).toBe(status)
  })
})

describe('the text', () => {
  test('is the first line, then more lines; performance data follows a bar in either', () => {
    const text =
      'DISK OK - free space: / 3326 MB (56%); | /=2643MB;5948;5958;0;5968\n/ 15272 MB (77%);\n/boot 68 MB (69%);\n/home 69357 MB | /boot=68MB;88;93;0;98\n/home=69357MB\n'
    expect(parsePluginOutput(text)).toMatchObject({
      line: 'DISK OK - free space: / 3326 MB (56%);',
      details: '/ 15272 MB (77%);\n/boot 68 MB (69%);\n/home 69357 MB',
    })
    expect(entry(text).values.map(({ name }) => name)).toEqual(['/', '/boot', '/home'])
  })

  test('has its control characters taken out and its length cut, with a count', () => {
    const { text, details } = entry(`OK\u0000\u001b[1m ${'x'.repeat(3000)}\n${'y\n'.repeat(9000)}`)
    expect(text).toMatch(/^OK \[1m x+ … \(\d+ characters\)$/)
    expect(text.length).toBeLessThanOrEqual(512)
    expect(details?.length).toBeLessThanOrEqual(2048)
  })
})

describe('performance data', () => {
  test.each([
    ["'label with space'=1s", [['label with space', 1, 's']]],
    ["'it''s'=-2.5%;1;2", [["it's", -2.5, '%']]],
    [
      'a=1 b=2;;;; \t c=3ms',
      [
        ['a', 1, null],
        ['b', 2, null],
        ['c', 3, 'ms'],
      ],
    ],
    ['a=U', [['a', null, null]]],
    ['octets=12c', [['octets', 12, 'counter']]],
    ['a=1.5e3B', [['a', 1500, 'B']]],
    ['/var=1KiB', [['/var', 1, 'KiB']]],
    ["'a=b'=.5", [['a=b', 0.5, null]]],
    ['', []],
  ] as const)('%s', (text, wanted) => {
    expect(measurements(text)).toEqual(wanted)
    expect(parsePerfdata(text).left).toBe(0)
  })

  test.each(['a', '=1', 'a=', 'a=x', 'a=1,5', "'a=1", "'a'b=1", 'a=1;2 b', 'a=NaN', 'a=1e999', 'a=1 %'])(
    '%s is left out and counted',
    text => {
      expect(parsePerfdata(text).left).toBeGreaterThan(0)
    },
  )

  test('keeps limits, minimum and maximum', () => {
    expect(parsePerfdata('load1=0.690;10.000;@~:20.000;0;64').values).toMatchObject([
      { warning: { from: 0, to: 10, inside: false }, critical: { from: null, to: 20, inside: true }, minimum: 0, maximum: 64 },
    ])
  })

  test('keeps a hundred of a thousand and counts the others', () => {
    const { values, left } = parsePerfdata(Array.from({ length: 1000 }, (_, n) => `v${n}=${n}`).join(' '))
    expect([values.length, left]).toEqual([100, 900])
  })

  test.each([
    ['10', { from: 0, to: 10, inside: false }],
    ['10:', { from: 10, to: null, inside: false }],
    ['~:10', { from: null, to: 10, inside: false }],
    ['10:20', { from: 10, to: 20, inside: false }],
    ['@10:20', { from: 10, to: 20, inside: true }],
    ['-5:-1.5', { from: -5, to: -1.5, inside: false }],
    ['', null],
    [':', null],
    ['20:10', null],
    ['a:b', null],
    ['1:2:3', null],
  ])('the range %s', (text, wanted) => {
    expect(parseRange(text)).toEqual(text === ':' ? { from: 0, to: null, inside: false } : wanted)
  })

  test('that is written by the rules is read as it was meant', () => {
    const label = fc
      .string({ minLength: 1, maxLength: 30, unit: fc.constantFrom(..."abc é/:;=|\\'") })
      .filter(text => text.trim() === text && !/ {2}/.test(text))
    const item = fc.record({ label, value: fc.option(fc.integer({ min: -1e9, max: 1e9 })), unit: fc.constantFrom('', 's', '%', 'B', 'MB') })
    fc.assert(
      fc.property(fc.array(item, { maxLength: 20 }), items => {
        const text = items
          .map(one => `'${one.label.replaceAll("'", "''")}'=${one.value ?? 'U'}${one.value === null ? '' : one.unit};1;@~:2;0;`)
          .join(' ')
        expect(parsePerfdata(text)).toMatchObject({ left: 0, values: items.map(one => ({ name: one.label, value: one.value })) })
      }),
    )
  })

  test('of any text ends soon, each token read or counted', () => {
    for (const text of ["'".repeat(300_000), "' ''".repeat(100_000), 'a '.repeat(200_000), "'a''".repeat(100_000), '='.repeat(300_000)]) {
      const started = performance.now()
      parsePerfdata(text)
      expect(performance.now() - started).toBeLessThan(3000)
    }
    survives(nagios, 'output', ["DISK OK - fine | 'a b'=1;2;3;0;9\nmore | c=U"])
  })
})

describe('plug-ins of Debian, for real', () => {
  const run = async (name: string, argv: readonly string[], more: object = {}) => {
    const options = v.parse(nagios.setting?.schema ?? v.unknown(), [
      { name, command: [`${PLUGINS}/${argv[0]}`, ...argv.slice(1)], ...more },
    ])
    const { outcome, reason, data } = await runProbe(nagios, localHost(), options, 900_000)
    expect([outcome, reason]).toEqual(['ok', undefined])
    const [only] = (data as Fact).entries
    return only
  }

  test.each([
    ['0', 'ok', 'OK: as told'],
    ['1', 'warning', 'WARNING: as told'],
    ['2', 'critical', 'CRITICAL: as told'],
    ['3', 'unknown', 'UNKNOWN: as told'],
  ])('check_dummy %s', async (status, wanted, text) => {
    expect(await run('dummy', ['check_dummy', status, 'as told'])).toMatchObject({ name: 'dummy', status: wanted, text, reason: null })
  })

  test('check_load has three numbers with their limits', async () => {
    const load = await run('load', ['check_load', '-w', '900,900,900', '-c', '990,990,990'])
    expect(load).toMatchObject({ status: 'ok', text: expect.stringMatching(/^(LOAD )?OK/), left: 0 })
    expect(load?.values.map(({ name }) => name)).toEqual(['load1', 'load5', 'load15'])
    expect(load?.values[0]).toMatchObject({ value: expect.any(Number), warning: { to: 900 }, critical: { to: 990 } })
  })

  test('check_disk names the mount point and its unit', async () => {
    expect(await run('root', ['check_disk', '-w', '0%', '-c', '0%', '-p', '/'])).toMatchObject({
      status: 'ok',
      values: [{ name: '/', value: expect.any(Number), unit: expect.stringMatching(/B$/), minimum: 0 }],
    })
  })

  test('check_procs beyond its limits is critical', async () => {
    expect(await run('processes', ['check_procs', '-w', '0', '-c', '0'])).toMatchObject({ status: 'critical', values: [{ name: 'procs' }] })
  })

  test('check_ftp, a link that its target knows its name by, still asks for FTP', async () => {
    // Nobody listens on port 1: what matters is that a port need not be told, as check_tcp would want.
    expect(await run('ftp', ['check_ftp', '-H', '127.0.0.1', '-p', '1'])).toMatchObject({ status: 'critical' })
  })

  test('a plug-in that is not there, or no plug-in at all, is unknown', async () => {
    expect(await run('gone', ['check_gone'])).toMatchObject({ status: 'unknown', reason: `${PLUGINS}/check_gone is not there` })
    expect(await run('wrong', ['check_load', '--no-such-option'])).toMatchObject({ status: 'unknown' })
  })
})

describe('a command line', () => {
  let folder: string
  beforeEach(() => {
    folder = ownedFolder()
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const script = (name: string, body: string, mode = 0o755) => put(join(folder, name), `#!/bin/sh\n${body}\n`, mode)
  const look = async (command: readonly string[], more: object = {}) => {
    const options = v.parse(nagios.setting?.schema ?? v.unknown(), [{ name: 'it', command, ...more }])
    const { data } = await runProbe(nagios, localHost(), options, 900_000)
    return (data as Fact).entries[0]
  }

  test('is no shell: arguments are handed on as they are', async () => {
    expect(await look([script('plugin', 'echo "OK $# $2"'), 'a b', '$(id) ; `id` | x'])).toMatchObject({
      status: 'ok',
      text: 'OK 2 $(id) ; `id`',
    })
  })

  test('that does not end, floods, or is killed is unknown, and its arguments are told to nobody', async () => {
    const cases = [
      ['sleep 60 & wait', 'it did not end within 1 s'],
      ['yes | head -c 10000000', 'it printed more than 65536 bytes'],
      ['kill -TERM $$', 'it was ended by SIGTERM'],
    ] as const
    for (const [body, reason] of cases) {
      const told = await look([script('plugin', body), '--password', 'hunter2'], { timeout: '1s' })
      expect(told).toMatchObject({ status: 'unknown', reason })
    }
  })

  test('runs as the user that the configuration names', async () => {
    const told = await look(['/usr/bin/id', '-un'], { user: localHost().uid === 0 ? 'nobody' : 'root' })
    const wanted =
      localHost().uid === 0 ? { status: 'ok', text: 'nobody' } : { status: 'unknown', reason: 'only root may run a command as root' }
    expect(told).toMatchObject(wanted)
  })

  test('of an executable that others could have changed is refused', async () => {
    const path = script('plugin', 'echo OK', 0o757)
    expect(await look([path])).toMatchObject({
      status: 'unknown',
      reason: `${path} has the mode 0757: everyone may write to it`,
      hint: `chmod go-w ${path}`,
    })
    chmodSync(path, 0o755)
    expect(await look([path])).toMatchObject({ status: 'ok' })
    chmodSync(folder, 0o777)
    expect(await look([path])).toMatchObject({ status: 'unknown', hint: `chmod go-w ${folder}` })
    chmodSync(folder, 0o755)
  })

  test("of a link to a user's file is refused", async () => {
    const target = script('target', 'echo OK')
    symlinkSync('target', join(folder, 'plugin'))
    const uid = giveAway(target)
    if (uid === localHost().uid)
      expect(await look([join(folder, 'plugin')])).toMatchObject({ status: 'unknown', hint: `chown root ${target}` })
    else expect(uid).not.toBe(0)
  })

  test('of an interpreter is refused where the script could have been changed; data may belong to anybody', async () => {
    const path = script('script', 'echo OK', 0o666)
    expect(await look(['/bin/sh', path])).toMatchObject({ status: 'unknown', hint: `chmod go-w ${path}` })
    expect(await look([script('plugin', 'echo OK'), path])).toMatchObject({ status: 'ok' })
    expect(await look([join(folder, 'plugin'), script('helper', '', 0o777)])).toMatchObject({ status: 'unknown' })
  })

  test.each([
    ['a relative path', [{ name: 'a', command: ['check_load'] }]],
    ['one text', [{ name: 'a', command: '/bin/check_load -w 1' }]],
    ['nothing to run', [{ name: 'a', command: [] }]],
    [
      'a name twice',
      [
        { name: 'a', command: ['/x'] },
        { name: 'a', command: ['/y'] },
      ],
    ],
    ['a long timeout', [{ name: 'a', command: ['/x'], timeout: '1h' }]],
    ['a key that there is not', [{ name: 'a', command: ['/x'], shell: true }]],
  ])('with %s is a mistake in the configuration', (_, given) => {
    expect(v.safeParse(nagios.setting?.schema ?? v.unknown(), given).success).toBe(false)
  })
})

test('nothing configured is absent', async () => {
  expect(await runProbe(nagios, localHost(), [], 900_000)).toMatchObject({ outcome: 'absent' })
})
