import { expect, test } from 'vitest'
import { Absent, defineProbe } from './probe.ts'
import { sourcesPage } from './sources.ts'

const sundial = defineProbe({
  subject: 'clock',
  source: 'sundial',
  platforms: ['linux', 'darwin'],
  every: '1h',
  timeout: '5s',
  heavy: true,
  watch: ['/sun'],
  privilege: 'Only root may look at the sun.',
  network: 'Only where `clock.sundial.ask` is true.',
  blind: 'The time at | night.',
  inputs: { shadow: { from: 'look `up` | measure' } },
  parse() {
    throw new Absent('clouds')
  },
  async read() {
    throw new Absent('clouds')
  },
})

test('a source is told with all that reading it takes', () => {
  const page = sourcesPage([sundial])
  expect(page).toContain('1 on Linux, 0 on Windows, 1 on macOS')
  expect(page).toContain(
    [
      '### clock/sundial',
      '',
      '| | |',
      '| --- | --- |',
      '| Systems | Linux, macOS |',
      "| Reads | *shadow*: `look 'up' \\| measure` |",
      '| When | every 1h, and when one of these changes: `/sun` |',
      '| Privilege | Only root may look at the sun. |',
      '| Network | Only where `clock.sundial.ask` is true. |',
      '| Cost | starts commands; heavy: runs alone; at most 5s |',
      '| Cannot tell | The time at \\| night. |',
    ].join('\n'),
  )
})

test('a source that names no setting for it never uses the network', () => {
  const { network: _, ...offline } = sundial
  expect(sourcesPage([offline])).toContain('| Network | never |')
})
