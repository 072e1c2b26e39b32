import { subjectOf } from '@fettle/catalog'
import fc from 'fast-check'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { localHost } from '../../host/local.ts'
import { Absent, type Captured, Denied, Failed } from '../../probe.ts'
import { told } from '../gather.ts'
import probe, { parseChrony } from './chrony.ts'

const context = { now: Date.UTC(2026, 10, 22), hostname: 'web1', options: undefined }
const schema = subjectOf('clock')?.fact ?? v.never()

// Printed by chronyc 4.3 on Debian 12, talking to a chronyd that followed another one on the loopback interface, one with `local`, and one without a source.
const FOLLOWS =
  '7F000001,127.0.0.1,4,1795328999.688843408,-0.000001389,0.000000082,0.000000649,-0.079,0.003,0.241,0.000007490,0.000001488,1.0,Normal\n'
const LOCAL = '7F7F0101,,8,1795328962.685051352,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,0.000000000,0.000000000,0.0,Normal\n'
const ALONE = '00000000,,0,0.000000000,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,1.000000000,1.000000000,0.0,Not synchronised\n'
const REPORT =
  'Reference ID    : 7F000001 (127.0.0.1)\nStratum         : 4\nRef time (UTC)  : Sun Nov 22 06:29:59 2026\n' +
  'System time     : 0.000001389 seconds fast of NTP time\nLast offset     : +0.000000082 seconds\nLeap status     : Normal\n'
const REFUSED = '506 Cannot talk to daemon\n'

const parse = (tracking: string | Captured, enabled?: string) =>
  parseChrony(
    {
      tracking: [typeof tracking === 'string' ? told('tracking', tracking) : tracking],
      enabled: enabled === undefined ? [] : [told('enabled', enabled)],
    },
    context,
  )

describe('tracking', () => {
  it('of a server that is followed', () => {
    const fact = parse(FOLLOWS)
    expect(fact).toEqual({
      synchronized: true,
      service: 'chronyd',
      enabled: true,
      reference: '127.0.0.1',
      stratum: 4,
      offsetSeconds: 0,
      lastSyncAt: Date.UTC(2026, 10, 22, 6),
    })
    expect(v.is(schema, fact)).toBe(true)
    expect(parse(REPORT)).toEqual(fact)
  })

  it.each([
    ['positive is slow, so the offset is negative', FOLLOWS.replace('-0.000001389', '2.503'), -2.5],
    ['negative is fast, so the offset is positive', FOLLOWS.replace('-0.000001389', '-2.503'), 2.5],
    ['slow in words', REPORT.replace('0.000001389 seconds fast', '2.503 seconds slow'), -2.5],
    ['fast in words', REPORT.replace('0.000001389', '2.503'), 2.5],
  ])('%s', (_, text, offset) => {
    expect(parse(text).offsetSeconds).toBe(offset)
  })

  it('without a source is not synchronized, and was never set', () => {
    expect(parse(ALONE)).toMatchObject({ synchronized: false, reference: null, stratum: null, lastSyncAt: null, offsetSeconds: null })
  })

  it('of its own clock is not synchronized, although the leap status says Normal', () => {
    expect(parse(LOCAL)).toMatchObject({ synchronized: false, reference: 'own clock', offsetSeconds: null })
  })

  it.each([
    '',
    'Normal\n',
    FOLLOWS.slice(0, 40),
    FOLLOWS.replace('Normal', 'Fine'),
    FOLLOWS.replace(',4,', ',,'),
    REPORT.replace('Stratum', 'Layer'),
  ])('%j cannot be read, and is a failure', text => {
    expect(() => parse(text)).toThrow(/Cannot read what chronyc says/)
  })
})

describe('a chronyd that does not answer', () => {
  it.each([
    ['is a failure where it is switched on', REFUSED, 'enabled\nalias\n', Failed],
    ['is a failure where that is not known: it may have died', REFUSED, undefined, Failed],
    ['is absent where it is switched off', REFUSED, 'disabled\n', Absent],
    ['is absent where it is masked', REFUSED, 'masked\n', Absent],
    ['is denied where it does not let us', '501 Not authorised\n', undefined, Denied],
  ])('%s', (_, text, enabled, outcome) => {
    expect(() => parse(text, enabled)).toThrow(outcome)
    expect(() => parse({ ...told('chronyc', ''), stderr: text, code: 1 }, enabled)).toThrow(outcome)
  })

  it('is asked for on this machine, and answers with a fact or one of these', async () => {
    const outcome = await probe.read(localHost(), undefined).then(
      fact => v.is(schema, fact),
      error => ['Absent', 'Failed', 'NotInstalled'].includes(error.name),
    )
    expect(outcome).toBe(true)
  })
})

it('any text gives a fact of the schema or an error, soon', () => {
  const number = fc.oneof(fc.double().map(String), fc.string({ maxLength: 12 }))
  const line = fc
    .tuple(fc.string({ maxLength: 300 }), number, number, number)
    .map(([name, stratum, at, slow]) => `0A000001,${name},${stratum},${at},${slow},0,0,0,0,0,0,0,1.0,Normal`)
  fc.assert(
    fc.property(fc.oneof(line, fc.string({ unit: 'binary', maxLength: 300 })), text => {
      try {
        expect(v.safeParse(schema, parse(text)).issues).toBeUndefined()
      } catch (error) {
        if (!['Error', 'Absent', 'Denied', 'Failed'].includes((error as Error).name)) throw error
      }
    }),
    { numRuns: 300 },
  )
})
