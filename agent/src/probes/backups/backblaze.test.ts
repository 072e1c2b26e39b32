import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { type Host, HostError } from '../../host.ts'
import { runProbe } from '../../runner.ts'
import backblaze from './backblaze.ts'

// Written after public tools that read these files; Backblaze documents none of them.

type Fact = FactTypes['backups']
const NOW = Date.UTC(2026, 10, 22, 3)
const ENDED = NOW - 3 * 3_600_000
const xml = (inside: string) => `<?xml version="1.0" encoding="UTF-8"?>\n<contents>\n${inside}\n</contents>\n`
const whole = {
  last: xml(`<lastbackupcompleted localdatetime="20261122010000" gmt_millis="${ENDED}" />`),
  remaining: xml('<remaining remainingnumfilesforbackup="12" remainingnumbytesforbackup="40000000" />'),
  total: xml('<totals totnumfilesforbackup="189379" totnumbytesforbackup="965756893741" />'),
}
const read = (own: Partial<typeof whole> = {}) => factOf<Fact>(backblaze, { ...whole, ...own }, NOW).jobs[0]

test('a pass that ended with next to nothing left is a backup', () => {
  expect(read()).toMatchObject({ standing: 'known', lastSuccessAt: ENDED, lastResult: 'success', sourceBytes: 970e9, files: 190_000 })
})

test.each([
  [
    'much is left: the first upload is not done',
    { remaining: xml('<remaining remainingnumfilesforbackup="9" remainingnumbytesforbackup="845000000000" />') },
    '% of what is selected',
  ],
  ['nobody tells what is left', { remaining: '' }, 'not told'],
  ['a report that is cut off', { total: whole.total.slice(0, 80) }, 'not told'],
  ['no pass has ended', { last: xml('<lastbackupcompleted gmt_millis="0" />') }, 'first upload'],
  ['a pass that ended in the future', { last: xml(`<lastbackupcompleted gmt_millis="${NOW + 86_400_000}" />`) }, 'future'],
])('%s, so nothing is known to be a backup', (_, own, reason) => {
  expect(read(own)).toMatchObject({ standing: 'unknown', lastSuccessAt: null, lastResult: null, reason: expect.stringContaining(reason) })
})

test('reports that tell nothing are refused', () => {
  expect(() => factOf(backblaze, { last: xml('') })).toThrow('none of them tells anything')
})

test('a Mac and a Windows machine are asked at their own paths, and what may not be read is denied', async () => {
  const mac = '/Library/Backblaze.bzpkg/bzdata/bzreports'
  const files = {
    [`${mac}/bzstat_lastbackupcompleted.xml`]: whole.last,
    [`${mac}/bzstat_remainingbackup.xml`]: whole.remaining,
    [`${mac}/bzstat_totalbackup.xml`]: whole.total,
  }
  const on = (platform: string, given: Parameters<typeof machine>[0]) =>
    runProbe(backblaze, { ...hostOf(machine({ now: NOW, ...given })), platform } as Host, undefined, 3_600_000)

  expect(await on('darwin', { files })).toMatchObject({ outcome: 'ok', data: { jobs: [{ lastSuccessAt: ENDED }] } })
  expect(await on('win32', { files })).toMatchObject({ outcome: 'absent' })
  const denied = new HostError('EPERM', mac)
  expect(await on('darwin', { files: { ...files, [`${mac}/bzstat_totalbackup.xml`]: denied } })).toMatchObject({ outcome: 'denied' })
})

test('any text gives a fact or an error', () => {
  for (const name of ['last', 'remaining', 'total'] as const) survives(backblaze, name, [whole[name]])
})
