import { expect, test } from 'vitest'
import { viewOf } from '../../testing.ts'
import type { CustomFact, CustomValue } from './facts.ts'
import { customStatus, customTimestampSeconds, customValue } from './metrics.ts'

const value = (name: string, number: CustomValue['value'], more: Partial<CustomValue> = {}): CustomValue => ({
  name,
  labels: '',
  kind: null,
  value: number,
  unit: null,
  warning: null,
  critical: null,
  minimum: null,
  maximum: null,
  ...more,
})
const fact: CustomFact = {
  entries: [
    {
      name: 'jobs.prom',
      status: 'warning',
      text: '',
      details: null,
      reason: null,
      hint: null,
      at: 5000,
      maxAgeMs: 1,
      values: [value('a', 1, { unit: 's' }), value('b', 'NaN', { labels: 'k=v' }), value('c', null), value('d', '-Inf')],
      left: 0,
    },
  ],
  more: 0,
}
const view = viewOf({ 'custom/textfile': fact })

test('status and time carry source and name', () => {
  expect([...customStatus.samples(view)]).toEqual([[['textfile', 'jobs.prom'], 1]])
  expect([...customTimestampSeconds.samples(view)]).toEqual([[['textfile', 'jobs.prom'], 5]])
})

test("a host's text is only ever a label value; what is not known has no series", () => {
  expect([...customValue.samples(view)]).toEqual([
    [['textfile', 'jobs.prom', 'a', '', 's'], 1],
    [['textfile', 'jobs.prom', 'b', 'k=v', ''], Number.NaN],
    [['textfile', 'jobs.prom', 'd', '', ''], Number.NEGATIVE_INFINITY],
  ])
})
