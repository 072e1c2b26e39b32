import type { HostView, Metric, Sample } from '@fettle/catalog'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { labelValue, renderFamily, seriesLimits } from './series.ts'

const metric = (samples: readonly Sample[]): Metric => ({
  name: 'fettle_disk_info',
  type: 'gauge',
  help: 'h',
  labels: ['disk'],
  tier: 'core',
  life: 'state',
  domain: 'hardware',
  from: 'disks',
  samples: () => samples,
})
const host = { instance: 'web-1' } as HostView

describe('labelValue', () => {
  test.each([
    ['a"b\\c', 'a\\"b\\\\c'],
    ['line\nbreak\r\u0000\u001b[31m', 'linebreak[31m'],
    ['lone \ud800 surrogate', 'lone \ufffd surrogate'],
  ])('%j becomes %j', (given, wanted) => {
    expect(labelValue(given)).toBe(wanted)
  })

  test('is never longer than its bound, never holds what would break a line, whatever a host sends', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 700 }), text => {
        const value = labelValue(text)
        expect(value).not.toMatch(/[\n\r\u0000]/)
        expect(value.replace(/\\[\\"]/g, '')).not.toMatch(/["\\]/)
        expect(Buffer.byteLength(value.replace(/\\([\\"])/g, '$1'))).toBeLessThanOrEqual(seriesLimits.labelBytes)
      }),
    )
  })
})

describe('renderFamily', () => {
  test('writes a label set that comes twice only once: Prometheus would refuse the whole scrape', () => {
    const text = renderFamily(
      metric([
        [['sda'], 1],
        [['sda'], 2],
        [['sdb'], 3],
      ]),
      host,
      { left: 10 },
      () => {},
    )
    expect(text).toBe('fettle_disk_info{instance="web-1",disk="sda"} 1\nfettle_disk_info{instance="web-1",disk="sdb"} 3\n')
  })

  test('leaves out no finding, however many checks there are', () => {
    const many = Array.from({ length: seriesLimits.perFamily + 40 }, (_, i): Sample => [[`check-${i}`], 0])
    const text = renderFamily({ ...metric(many), from: 'findings' }, host, { left: seriesLimits.perHost }, () => {
      throw new Error('a finding was dropped')
    })
    expect(text.trim().split('\n')).toHaveLength(many.length)
  })

  test('drops and counts what is over the limits of a family and of a host', () => {
    const many = Array.from({ length: seriesLimits.perFamily + 5 }, (_, i): Sample => [[`d${i}`], i])
    const dropped: string[] = []
    const text = renderFamily(metric(many), host, { left: seriesLimits.perFamily - 2 }, reason => dropped.push(reason))
    expect(text.split('\n')).toHaveLength(seriesLimits.perFamily - 2 + 1)
    expect(dropped).toHaveLength(7)
  })
})
