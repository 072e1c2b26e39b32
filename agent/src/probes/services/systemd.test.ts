import { existsSync, readFileSync } from 'node:fs'
import { subjectOf } from '@fettle/catalog'
import fc from 'fast-check'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { localHost } from '../../host/local.ts'
import type { Host, RunOptions } from '../../host.ts'
import { Absent, type Captured, Denied, Failed } from '../../probe.ts'
import { told } from '../gather.ts'
import probe, { parseServices } from './systemd.ts'

const context = { now: Date.UTC(2026, 0, 1), hostname: 'web1', options: undefined }
const schema = subjectOf('services')?.fact ?? v.never()

// Written from systemctl(1) of systemd 252; the refusal is what it printed on a Debian 12 without systemd as process 1.
const JSON_LIST =
  '[{"unit":"nginx.service","load":"loaded","active":"failed","sub":"failed","description":"A high performance web server"},' +
  '{"unit":"mnt-nas.mount","load":"loaded","active":"failed","sub":"failed","description":"/mnt/nas"}]\n'
const TABLE =
  '  UNIT          LOAD   ACTIVE SUB    DESCRIPTION\n● nginx.service loaded failed failed A high performance web server\n* mnt-nas.mount loaded failed failed /mnt/nas\n\n' +
  'LOAD   = Reflects whether the unit definition was properly loaded.\nACTIVE = The high-level unit activation state, i.e. generalization of SUB.\n' +
  'SUB    = The low-level unit activation state, values depend on unit type.\n2 loaded units listed.\n'
const PLAIN = 'nginx.service loaded failed failed A high performance web server\nmnt-nas.mount loaded failed failed /mnt/nas\n'
const DETAILS =
  'Id=nginx.service\nResult=exit-code\nStateChangeTimestamp=Sun 2025-11-02 06:24:05 UTC\n\n' +
  'Id=mnt-nas.mount\nResult=timeout\nStateChangeTimestamp=Sun 2025-11-02 07:24:05 CET\n'
const SHUT = "System has not been booted with systemd as init system (PID 1). Can't operate.\nFailed to connect to bus: Host is down\n"

const printed = (text: string, code: number | null = 0, stderr = ''): Captured => ({ ...told('systemctl', text), code, stderr })
const parse = (failed: string | Captured, rest: Record<string, string> = {}) =>
  parseServices(
    {
      failed: [typeof failed === 'string' ? told('failed', failed) : failed],
      ...Object.fromEntries(Object.entries(rest).map(([name, text]) => [name, [told(name, text)]])),
    },
    context,
  )

describe('failed units', () => {
  it.each([
    ['JSON', JSON_LIST],
    ['a table with head and legend', TABLE],
    ['a bare table', PLAIN],
  ])('are read from %s', (_, text) => {
    expect(parse(text, { state: 'degraded\n' })).toMatchObject({
      manager: 'systemd',
      state: 'degraded',
      bad: [
        { name: 'nginx.service', description: 'A high performance web server', kind: 'failed', result: null, since: null },
        { name: 'mnt-nas.mount', description: '/mnt/nas', kind: 'failed' },
      ],
    })
  })

  it('are read from a table with a legend in another language, where its count is right', () => {
    const german = PLAIN.trimEnd()
    const rows = german.split('\n').length
    expect(parse(`${german}\n\n${rows} geladene Units aufgelistet.\n`).bad).toHaveLength(2)
    expect(() => parse(`${german}\n\n${rows + 1} geladene Units aufgelistet.\n`)).toThrow('Cannot read the line')
  })

  it('are not read from a table that ends in the middle of a line', () => {
    expect(() => parse(printed(PLAIN.trimEnd().slice(0, -4), null))).toThrow('in the middle of a line')
  })

  it('carry result and time where systemd tells them, and no time of an unknown zone', () => {
    const fact = parse(JSON_LIST, { details: DETAILS })
    expect(fact.bad).toMatchObject([
      { result: 'exit-code', since: Date.UTC(2025, 10, 2, 6, 24, 5) },
      { result: 'timeout', since: null },
    ])
    expect(v.is(schema, fact)).toBe(true)
  })

  it('are picked out of a list of all units', () => {
    const all =
      '[{"unit":"a.service","active":"active","sub":"running","description":"A"},{"unit":"b.service","active":"failed","sub":"failed"}]'
    expect(parse(all).bad.map(unit => unit.name)).toEqual(['b.service'])
  })

  it.each([
    ['an empty JSON list', printed('[]\n', null)],
    ['a legend that counts none', printed('0 loaded units listed.\n', null)],
    ['nothing, where systemctl is known to have ended well', printed('', 0)],
  ])('are none in %s', (_, captured) => {
    expect(parse(captured, { state: 'running\n' })).toEqual({ manager: 'systemd', state: 'running', bad: [] })
  })
})

describe('a list that is no good news', () => {
  it.each([
    ['nothing, and no word of how systemctl ended', printed('', null), /printed nothing/],
    ['a cut list', printed('[{"unit":"a.ser', 0), /JSON/],
    ['a line that is no unit', printed('Segmentation fault\n', 0), /Cannot read the line/],
    ['units without a name', printed('[{"active":"failed"}]', 0), /unit/],
  ])('%s is a failure', (_, captured, message) => {
    expect(() => parse(captured)).toThrow(message)
  })

  it('an empty one of a degraded manager is a failure', () => {
    expect(() => parse('[]', { state: 'degraded\n' })).toThrow('systemd is degraded, yet lists no failed unit')
  })

  it('wrong green 37: without systemd there are not 0 failed units, it is absent', () => {
    expect(() => parse(printed('', 1, SHUT), { init: 'process_api\n' })).toThrow(
      'this system was not booted with systemd: process 1 is process_api',
    )
    expect(() => parse(printed('', null, SHUT))).toThrow(Absent)
    expect(() => parse(SHUT)).toThrow(Absent)
  })

  it('where process 1 is systemd, a systemctl that cannot find it is a failure', () => {
    expect(() => parse(printed('', 1, SHUT), { init: 'systemd\n' })).toThrow(Failed)
  })

  it.each([
    ['a bus that is not there', 'Failed to connect to bus: No such file or directory\n', Failed],
    ['a manager that hangs', 'Failed to list units: Connection timed out\n', Failed],
    ['a right that is missing', 'Failed to list units: Access denied\n', Denied],
  ])('%s', (_, stderr, outcome) => {
    expect(() => parse(printed('', 1, stderr))).toThrow(outcome)
    expect(() => parse(printed('', null, stderr))).toThrow(outcome)
  })
})

describe('the probe', () => {
  function machine(answers: Record<string, Captured>) {
    const ran: { argv: readonly string[]; options: RunOptions | undefined }[] = []
    const run: Host['run'] = async (argv, options) => {
      ran.push({ argv, options })
      return answers[argv[1] ?? ''] ?? printed('', 1, 'Unknown operation')
    }
    return { host: { ...localHost(), run } as Host, ran }
  }

  it('asks when and how the failed units ended, in UTC', async () => {
    const { host, ran } = machine({
      'list-units': printed(JSON_LIST),
      'is-system-running': printed('degraded\n', 1),
      show: printed(DETAILS),
    })
    expect(await probe.read(host, undefined)).toMatchObject({ state: 'degraded', bad: [{ result: 'exit-code' }, { result: 'timeout' }] })
    expect(ran.at(-1)).toMatchObject({
      argv: ['systemctl', 'show', '-p', 'Id,Result,StateChangeTimestamp', '--', 'nginx.service', 'mnt-nas.mount'],
    })
    expect(ran.at(-1)?.options?.env).toEqual({ TZ: 'UTC' })
  })

  it('on this machine gives a fact or says why there is none', async () => {
    const outcome = await probe.read(localHost(), undefined).then(
      fact => v.is(schema, fact),
      error => ['Absent', 'Failed', 'Denied', 'NotInstalled'].includes(error.name),
    )
    expect(outcome).toBe(true)
  })
})

it('any text gives a fact of the schema or an error, soon', () => {
  const unit = fc.record({ unit: fc.string({ maxLength: 600 }), active: fc.constant('failed'), description: fc.string({ maxLength: 900 }) })
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.array(unit, { maxLength: 5 }).map(units => JSON.stringify(units)),
  )
  fc.assert(
    fc.property(text, text, text, (failed, state, details) => {
      try {
        expect(v.safeParse(schema, parse(printed(failed), { state, details })).issues).toBeUndefined()
      } catch (error) {
        if (!['Error', 'Absent', 'Denied', 'Failed', 'SyntaxError', 'ValiError'].includes((error as Error).name)) throw error
      }
    }),
    { numRuns: 300 },
  )
})

const sample = new URL('../../../../../shared/samples/live/debian-12/systemctl-failed.txt', import.meta.url)

it('the capture of a Debian without systemd, where it is at hand, is absent', () => {
  const captured = existsSync(sample)
    ? printed(readFileSync(sample, 'utf8'), null, readFileSync(`${sample.pathname}.stderr`, 'utf8'))
    : printed('', 1, SHUT)
  expect(() => parse(captured)).toThrow(Absent)
})
