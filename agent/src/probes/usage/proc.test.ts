import { subjectOf } from '@fettle/catalog'
import fc from 'fast-check'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { localHost } from '../../host/local.ts'
import { type Host, HostError } from '../../host.ts'
import { told } from '../gather.ts'
import { parseUsage, usageProbe } from './proc.ts'

const context = { now: Date.UTC(2026, 0, 1), hostname: 'web1', options: undefined }
const schema = subjectOf('usage')?.fact ?? v.never()

// Written from proc(5) and psi.rst: user nice system idle iowait irq softirq steal guest guest_nice.
const stat = (fields: string) => `cpu  ${fields}\ncpu0 1 0 0 1 0 0 0 0 0 0\ncpu1 1 0 0 1 0 0 0 0 0 0\nbtime 1767200000\n`
const MEMINFO =
  'MemTotal:       3200000 kB\nMemFree:  5 kB\nMemAvailable:   1650000 kB\nSwapTotal:      1000000 kB\nSwapFree:       1000000 kB\n'
const base = { stat: stat('1000 0 0 9000 0 0 0 0 0 0'), meminfo: MEMINFO, loadavg: '0.52 0.38 12.11 1/123 4567\n' }
const parse = (inputs: Record<string, string>) =>
  parseUsage(Object.fromEntries(Object.entries(inputs).map(([name, text]) => [name, [told(name, text)]])), context)

describe('the processors', () => {
  it('have no known load at the first look', () => {
    expect(parse(base).cpu).toEqual({ logical: 2, busyRatio: null, stealRatio: null })
  })

  it.each([
    ['idle since', '1000 0 0 10000 0 0 0 0 0 0', 0, 0],
    ['busy since', '2000 0 0 9000 0 0 0 0 0 0', 1, 0],
    ['half busy, waiting for disks counted as idle', '1500 0 0 9250 250 0 0 0 0 0', 0.5, 0],
    ['a quarter stolen by the hypervisor', '1000 0 0 9750 0 0 0 250 0 0', 0.25, 0.25],
    ['counters that went back, as after a restore', '10 0 0 90 0 0 0 0 0 0', null, null],
    ['the very same look', '1000 0 0 9000 0 0 0 0 0 0', null, null],
  ])('%s', (_, fields, busyRatio, stealRatio) => {
    expect(parse({ ...base, statBefore: base.stat, stat: stat(fields) }).cpu).toEqual({ logical: 2, busyRatio, stealRatio })
  })

  it('an old kernel that does not count stolen time leaves it unknown', () => {
    expect(parse({ ...base, statBefore: stat('1 0 0 1'), stat: stat('2 0 0 2') }).cpu).toMatchObject({ busyRatio: 0.5, stealRatio: null })
  })
})

describe('load, memory and pressure', () => {
  it('are told in steps, so that an idle machine says the same again', () => {
    const fact = parse({ ...base, pressureCpu: 'some avg10=0.00 avg60=0.00 avg300=12.40 total=1\n' })
    expect(fact.load).toEqual({ one: 0.5, five: 0.5, fifteen: 12 })
    expect(fact.memory).toEqual({
      totalBytes: 3200000 * 1024,
      availableBytes: 1600000 * 1024,
      swapTotalBytes: 1000000 * 1024,
      swapFreeBytes: 1000000 * 1024,
    })
    expect(fact.pressure).toEqual({ cpu: 0.1, memory: null, io: null })
    expect(v.is(schema, fact)).toBe(true)
  })

  it('leave what an old kernel does not say unknown', () => {
    expect(parse({ ...base, meminfo: MEMINFO.replace(/MemAvailable.*\n/, '') }).memory.availableBytes).toBeNull()
  })

  it.each([
    ['stat', 'intr 1\n', /no lines cpu/],
    ['meminfo', 'MemTotal: 5 kB\n', /SwapTotal/],
    ['meminfo', '', /MemTotal/],
    ['loadavg', '', /three averages/],
  ])('a %s that lacks its lines is a failure, not a zero: %j', (name, text, message) => {
    expect(() => parse({ ...base, [name]: text })).toThrow(message)
  })
})

describe('the probe', () => {
  it('knows from the second look on how busy this machine is', async () => {
    const probe = usageProbe()
    const host = localHost()
    let first = true
    const captured = async (path: string, options?: { missing: unknown }) => {
      if (path.startsWith('/proc/pressure/')) throw new HostError('EOPNOTSUPP', path)
      if (path !== '/proc/stat') return host.captured(path, options as { missing: undefined })
      const now = first ? base.stat : stat('1500 0 0 9500 0 0 0 0 0 0')
      first = false
      return told(path, now)
    }
    const machine = { ...host, captured } as Host
    expect(await probe.read(machine, undefined)).toMatchObject({ cpu: { busyRatio: null }, pressure: { cpu: null } })
    expect(await probe.read(machine, undefined)).toMatchObject({ cpu: { busyRatio: 0.5 } })
    expect(v.is(schema, await usageProbe().read(host, undefined))).toBe(true)
  })
})

it('any text gives a fact of the schema or an error, soon', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.string({ maxLength: 200 }).map(tail => base.stat + base.meminfo + tail),
  )
  fc.assert(
    fc.property(text, text, text, text, (now, statBefore, meminfo, loadavg) => {
      try {
        expect(v.safeParse(schema, parse({ stat: now, statBefore, meminfo, loadavg, pressureIo: now })).issues).toBeUndefined()
      } catch (error) {
        if ((error as Error).name !== 'Error') throw error
      }
    }),
    { numRuns: 200 },
  )
})
