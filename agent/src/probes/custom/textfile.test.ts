import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, rmSync, symlinkSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import type { FactTypes } from '@fettle/catalog'
import fc from 'fast-check'
import * as v from 'valibot'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { printed, survives } from '../../../../test/kit/hostile.ts'
import { ownedFolder, put } from '../../../../test/kit/owned.ts'
import { localHost } from '../../host/local.ts'
import { runProbe } from '../../runner.ts'
import { parseExposition } from './exposition.ts'
import textfile, { parseTextfiles } from './textfile.ts'

type Fact = FactTypes['custom']
const options = (more: object = {}) => v.parse(textfile.setting?.schema ?? v.unknown(), more) as { maxAge: number }

/** Written from the example of the Prometheus documentation ("Text format example"), without its timestamps. */
const EXAMPLE = `# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027
http_requests_total{method="post",code="400"}    3

# Escaping in label values:
msdos_file_access_time_seconds{path="C:\\\\DIR\\\\FILE.TXT",error="Cannot find file:\\n\\"FILE.TXT\\""} 1.458255915e9

# Minimalistic line:
metric_without_labels 12.47

# A weird metric from before the epoch:
something_weird{problem="division by zero"} +Inf

# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.05"} 24054
http_request_duration_seconds_bucket{le="+Inf"} 144320
http_request_duration_seconds_sum 53423
http_request_duration_seconds_count 144320

# TYPE rpc_duration_seconds summary
rpc_duration_seconds{quantile="0.01"} NaN
rpc_duration_seconds_sum 1.7560473e+07
`

const short = (text: string) =>
  parseExposition(text).map(({ name, labels, value, kind }) => [name, Object.fromEntries(labels), value, kind])

describe('the text format', () => {
  test('is read: labels, escapes, types, numbers that are none', () => {
    expect(short(EXAMPLE)).toEqual([
      ['http_requests_total', { method: 'post', code: '200' }, 1027, 'counter'],
      ['http_requests_total', { method: 'post', code: '400' }, 3, 'counter'],
      ['msdos_file_access_time_seconds', { path: 'C:\\DIR\\FILE.TXT', error: 'Cannot find file:\n"FILE.TXT"' }, 1.458255915e9, null],
      ['metric_without_labels', {}, 12.47, null],
      ['something_weird', { problem: 'division by zero' }, '+Inf', null],
      ['http_request_duration_seconds_bucket', { le: '0.05' }, 24054, 'histogram'],
      ['http_request_duration_seconds_bucket', { le: '+Inf' }, 144320, 'histogram'],
      ['http_request_duration_seconds_sum', {}, 53423, 'histogram'],
      ['http_request_duration_seconds_count', {}, 144320, 'histogram'],
      ['rpc_duration_seconds', { quantile: '0.01' }, 'NaN', 'summary'],
      ['rpc_duration_seconds_sum', {}, 1.7560473e7, 'summary'],
    ])
  })

  test.each([
    ['blanks anywhere', ' \t a { b = "c" , } \t 1\n', [['a', { b: 'c' }, 1, null]]],
    ['no labels in braces', 'a{} -Inf\n', [['a', {}, '-Inf', null]]],
    ['a label value with braces and commas', 'a{b="},{"} 1\n', [['a', { b: '},{' }, 1, null]]],
    ['a remark', '# HELPER\n#\n# TYPE\na 1\n', [['a', {}, 1, null]]],
    ['nothing but remarks', '# nothing yet\n', []],
  ])('allows %s', (_, text, wanted) => {
    expect(short(text)).toEqual(wanted)
    // Prometheus' own tool takes it too; it wants a HELP for each, which is no matter of the format.
    expect(lint(text)).not.toMatch(/parsing error|error while/)
  })

  test.each([
    ['nothing', '', 'it is empty'],
    ['a last line without its end', 'a 1\nb 2', 'its last line has no end'],
    ['a timestamp', 'a 1\nb 2 1395066363000\n', 'line 2: a timestamp'],
    ['a line that is none', 'a 1\n1a 2\n', 'line 2: wanted a metric name'],
    ['no value', 'a\n', 'wanted a value'],
    ['a word as value', 'a one\n', 'wanted a number'],
    ['ends of lines of Windows', 'a 1\r\n', 'wanted a number'],
    ['a label without quotes', 'a{b=c} 1\n', 'double quotes'],
    ['a label value without end', 'a{b="c} 1\n', 'has no end'],
    ['an escape that there is not', 'a{b="\\t"} 1\n', 'an escape'],
    ['a label twice', 'a{b="1",b="2"} 1\n', 'comes twice'],
    ['a series twice', 'a{b="1",c="2"} 1\na{c="2",b="1"} 1\n', 'line 2: a comes twice'],
    ['a second TYPE', '# TYPE a gauge\n# TYPE a gauge\n', 'a second TYPE'],
    ['a TYPE that there is not', '# TYPE a info\na 1\n', 'no known type'],
    ['a TYPE after its series', 'a 1\n# TYPE a gauge\n', 'comes after'],
    ['a second HELP', '# HELP a x\n# HELP a y\n', 'a second HELP'],
    ['a name that is reserved', 'a{__name__="b"} 1\n', '__name__'],
    ['more after the value', 'a 1 # {x="y"} 2\n', 'nothing after'],
    ['a NUL', 'a 1\0\n', 'wanted a number'],
    ['a blank after the value', 'a 1 \n', 'nothing after'],
  ])('refuses %s', (_, text, reason) => {
    expect(() => parseExposition(text)).toThrow(reason)
  })

  test('that is written by the rules is read as it was meant', () => {
    const name = fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,20}$/)
    const label = fc.stringMatching(/^[a-z][a-z0-9_]{0,10}$/)
    const said = fc.string({ maxLength: 20, unit: fc.constantFrom(...'ab\\"\n{},= é#') })
    const series = fc.record({
      name,
      labels: fc.dictionary(label, said, { maxKeys: 4 }),
      value: fc.double({ noNaN: true, noDefaultInfinity: true }),
    })
    fc.assert(
      fc.property(fc.uniqueArray(series, { maxLength: 10, selector: one => one.name }), all => {
        const escaped = (text: string) => text.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')
        const text = all.map(
          one =>
            `${one.name}{${Object.entries(one.labels)
              .map(([key, value]) => `${key}="${escaped(value)}"`)
              .join(',')}} ${one.value}\n`,
        )
        expect(short(`#\n${text.join('')}`)).toEqual(all.map(one => [one.name, { ...one.labels }, one.value + 0, null]))
      }),
    )
  })

  test('of any text is series or an error, and soon', () => {
    survives(textfile, 'file', [EXAMPLE])
  })

  test('cut anywhere is read as no other whole file than one of fewer lines', () => {
    const whole = parseExposition(EXAMPLE).length
    for (let end = 1; end < EXAMPLE.length; end++) {
      const cut = EXAMPLE.slice(0, end)
      if (cut.endsWith('\n')) expect(parseExposition(cut).length).toBeLessThanOrEqual(whole)
      else expect(() => parseExposition(cut)).toThrow('its last line has no end')
    }
  })
})

describe('an entry', () => {
  const entry = (text: string) =>
    parseTextfiles({ file: [printed(text, { name: '/x/jobs.prom', modifiedAt: 5000 })] }, { now: 9000, hostname: 'm', options: options() })
      .entries[0]

  test('tells when the file was written, and its series with their labels', () => {
    expect(entry('a{b="c,d",e="\\\\"} 1\n')).toMatchObject({
      name: 'jobs.prom',
      status: 'ok',
      text: '1 series',
      at: 5000,
      maxAgeMs: 86_400_000,
      values: [{ name: 'a', labels: 'b=c\\,d,e=\\\\', value: 1 }],
    })
  })

  test('of a file that cannot be read tells the line, and its time all the same', () => {
    expect(entry('a 1\nb\n')).toMatchObject({ status: 'unknown', reason: 'Cannot read it: line 2: wanted a value', at: 5000, values: [] })
  })

  test('keeps the first series of very many and counts the others', () => {
    expect(entry(Array.from({ length: 10_000 }, (_, n) => `a{n="${n}"} 1\n`).join(''))).toMatchObject({
      text: '10000 series',
      values: { length: 200 },
      left: 9800,
    })
  })
})

describe('a folder of text files', () => {
  let folder: string
  beforeEach(() => {
    folder = ownedFolder()
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))
  const file = (name: string, text: string, mode = 0o644) => put(join(folder, name), text, mode)
  const look = (more: object = {}) => runProbe(textfile, localHost(), options({ directory: folder, ...more }), 300_000)
  const entries = async () => ((await look()).data as Fact).entries

  test('is read, each file for itself', async () => {
    utimesSync(file('a.prom', 'a 1\n'), 1000, 1000)
    file('b.prom', 'b\n')
    file('notes.txt', 'x')
    file('c.prom.tmp', 'half')
    expect(await entries()).toMatchObject([
      { name: 'a.prom', status: 'ok', at: 1_000_000 },
      { name: 'b.prom', status: 'unknown' },
    ])
  })

  test('refuses a file that others may write to, what is no file, and what is too large', async () => {
    file('a.prom', 'a 1\n', 0o666)
    mkdirSync(join(folder, 'b.prom'))
    file('c.prom', `#${'x'.repeat(1_100_000)}\n`)
    execFileSync('sh', ['-c', 'mkfifo "$0"', join(folder, 'd.prom')])
    symlinkSync('/dev/zero', join(folder, 'e.prom'))
    file('f.prom', 'f 1\n')
    expect((await entries()).map(({ name, status, reason }) => [name, status, reason])).toEqual([
      ['a.prom', 'unknown', expect.stringContaining('everyone may write')],
      ['b.prom', 'unknown', 'it is no file'],
      ['c.prom', 'unknown', 'it is larger than 1024 KiB'],
      ['d.prom', 'unknown', 'it is no file'],
      ['e.prom', 'unknown', expect.stringMatching(/0666|no file/)],
      ['f.prom', 'ok', null],
    ])
  })

  test('is refused as a whole where others may put something in it; an empty one is absent', async () => {
    expect(await look()).toMatchObject({ outcome: 'absent' })
    chmodSync(folder, 0o1777)
    expect(await look()).toMatchObject({ outcome: 'denied', hint: `chmod go-w ${folder}` })
  })
})

/** What promtool says of it. */
function lint(text: string): string {
  try {
    return execFileSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] })
  } catch (error) {
    return String((error as { stderr?: unknown }).stderr)
  }
}
