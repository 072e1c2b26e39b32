import type { FactTypes } from '@fettle/catalog'
import { describe, expect, test } from 'vitest'
import { factOf, printed, survives } from '../../../../test/kit/hostile.ts'
import windowsUpdate from './windows-update.ts'

type Fact = FactTypes['updates']
const NOW = Date.UTC(2026, 10, 1)
const SECURITY = '0fa1201d-4330-4fa8-8ae9-b877473b6441'
const DEFINITION = 'e0789628-ce08-4437-be74-2495b842f43b'
const ROLLUP = '28bc880e-0592-4cbf-8f95-c79b17911d5f'

// Made after the documentation of IUpdate; no machine of ours printed it.
const update = (own: object = {}) => ({
  title: '2026-10 Cumulative Update (KB5129195)',
  id: '00000000-0000-4000-8000-000000000001',
  kb: ['5129195'],
  severity: '',
  cves: 0,
  categories: [SECURITY],
  type: 1,
  hidden: false,
  browseOnly: false,
  reboot: 1,
  changed: '2026-10-13T17:00:00.0000000Z',
  ...own,
})
const answer = (updates: object[], more: object = {}) =>
  JSON.stringify({
    resultCode: 2,
    updates,
    results: { search: '2026-10-31T08:00:00.0000000Z', install: null },
    history: [],
    service: { start: 'Manual' },
    os: { type: '1' },
    ...more,
  })
const read = (text: string, policy?: string) =>
  factOf<Fact>(windowsUpdate, { answer: text, ...(policy === undefined ? {} : { policy }) }, NOW)
const first = (own: object) => read(answer([update(own)])).pending[0]

describe('a pending update', () => {
  test('is told by its article, with class, publication and restart', () => {
    expect(first({})).toMatchObject({
      name: 'KB5129195',
      class: 'security',
      published: Date.UTC(2026, 9, 13, 17),
      withheld: null,
      restart: true,
    })
  })

  test.each([
    ['a security update without a severity is one by its category', { severity: '' }, { class: 'security', severity: null }],
    [
      'a rollup with a severity is a security update',
      { categories: [ROLLUP], severity: 'Critical' },
      { class: 'security', severity: 'critical' },
    ],
    [
      'definitions are apart, and told by their version',
      { categories: [DEFINITION], kb: ['2267602'], title: 'Update (KB2267602) Version 1.440.2.0' },
      { class: 'definition', candidate: '1.440.2.0' },
    ],
    ['drivers are apart', { type: 2, categories: [] }, { class: 'driver' }],
    ['an optional preview waits for someone', { categories: [ROLLUP], browseOnly: true }, { class: 'quality', withheld: 'deferred' }],
    ['a hidden one is someone’s decision', { hidden: true }, { withheld: 'hidden' }],
    ['an unknown category tells nothing', { categories: ['x'] }, { class: 'other' }],
  ])('%s', (_, own, wanted) => {
    expect(first(own)).toMatchObject(wanted)
  })
})

describe('how good the knowledge is', () => {
  test('the last search is told, and a machine that never searched does not know', () => {
    expect(read(answer([])).lastCheckAt).toBe(Date.UTC(2026, 9, 31, 8))
    expect(read(answer([], { results: { search: '1899-12-30T00:00:00.0000000Z' } })).lastCheckAt).toBeNull()
  })

  test.each([
    [
      '0x8024402C (proxy or WSUS server gone)',
      '{"error":{"hr":"0x8024402C","msg":"Exception from HRESULT: 0x8024402C","id":"COMException"}}',
    ],
    ['0x80070422 (service disabled)', '{"error":{"hr":"0x80070422","msg":"disabled","id":"COMException"}}'],
    ['a search that succeeded with errors', answer([], { resultCode: 3 })],
    ['a search that was aborted', answer([], { resultCode: 5 })],
    ['an empty output', ''],
    ['an answer without a list', '{"resultCode":2}'],
  ])('%s is never "nothing pending"', (_, text) => {
    expect(() => read(text)).toThrow(Error)
  })

  test('the last installation leaves definitions out', () => {
    const history = [
      { date: '2026-10-31T00:00:00Z', operation: 1, result: 2, title: 'Defender (KB2267602)' },
      { date: '2026-10-20T00:00:00Z', operation: 1, result: 4, title: 'Cumulative (KB5129195)' },
      { date: '2026-09-10T00:00:00Z', operation: 1, result: 2, title: 'Cumulative (KB5120000)' },
    ]
    expect(read(answer([], { history }))).toMatchObject({ lastInstallAt: Date.UTC(2026, 8, 10), lastInstallSucceeded: false })
  })
})

describe('who decides', () => {
  const key = (path: string, ...values: string[]) =>
    `\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\${path}\r\n${values.map(value => `    ${value}\r\n`).join('')}`
  const policy = 'Policies\\Microsoft\\Windows\\WindowsUpdate'

  test.each([
    ['a client without policy installs by itself', '', {}, { enabled: true }],
    ['a server without policy only downloads: not known', '', { os: { type: '3' } }, { enabled: null }],
    ['a disabled service installs nothing', '', { service: { start: 'Disabled' } }, { enabled: false }],
    ['automatic updates off by policy', key(`${policy}\\AU`, 'NoAutoUpdate    REG_DWORD    0x1'), {}, { enabled: false }],
    [
      'paused until 2051',
      key('Microsoft\\WindowsUpdate\\UX\\Settings', 'PauseUpdatesExpiryTime    REG_SZ    2051-01-01T00:00:00Z'),
      {},
      { enabled: false, detail: 'paused until 2051-01-01' },
    ],
    [
      'a pause that is over',
      key('Microsoft\\WindowsUpdate\\UX\\Settings', 'PauseUpdatesExpiryTime    REG_SZ    2026-01-01T00:00:00Z'),
      {},
      { enabled: true },
    ],
  ])('%s', (_, registry, more, wanted) => {
    expect(read(answer([], more), registry).automatic).toMatchObject(wanted)
  })

  test('a policy that was not asked for may say anything', () => {
    expect(read(answer([])).automatic.enabled).toBeNull()
  })

  test('the WSUS server is named without what stands before its name', () => {
    const registry =
      key(policy, 'WUServer    REG_SZ    https://user:secret@wsus.example.org:8531') +
      key(`${policy}\\AU`, 'UseWUServer    REG_DWORD    0x1')
    expect(read(answer([]), registry).managedBy).not.toContain('secret')
  })
})

describe('the log of deliveries', () => {
  // After captured records of 19 and 20 and the manifest of the provider for the others.
  const event = (id: number, day: string, own: Readonly<Record<string, string>> = {}) => {
    const data = { updateTitle: '2026-10 Cumulative Update (KB5129195)', updateGuid: '{1}', ...own }
    const values = Object.entries(data).map(([name, value]) => `<Data Name='${name}'>${value}</Data>`)
    return `<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-WindowsUpdateClient'/><EventID>${id}</EventID><Level>2</Level><TimeCreated SystemTime='2026-10-${day}T10:00:00.0000000Z'/></System><EventData>${values.join('')}</EventData></Event>\r\n`
  }
  const failed = (day: string, own: Readonly<Record<string, string>> = {}) => event(20, day, { errorCode: '0x80248007', ...own })
  const at = (day: number) => Date.UTC(2026, 9, day, 10)
  const logged = (events: string, results: object = { search: '2026-10-31T08:00:00.0000000Z', install: null }) =>
    factOf<Fact>(windowsUpdate, { answer: answer([], { results }), events }, NOW)

  test('an update that failed twice is told with its code, since the first time', () => {
    const [one] = logged(failed('22') + failed('21')).failing ?? []
    expect(one).toEqual({ name: 'KB5129195', step: 'install', code: '0x80248007', count: 2, firstAt: at(21), lastAt: at(22) })
  })

  test.each([
    ['nothing', '', []],
    ['one that went well since', event(19, '23') + failed('22'), []],
    ['one that failed since it went well', failed('24') + event(19, '23') + failed('22'), [{ count: 1, firstAt: at(24) }]],
    ['another that went well', event(19, '23', { updateGuid: '{2}' }) + failed('22'), [{ count: 1 }]],
    ['a download', event(31, '22', { errorCode: '2149842967' }), [{ step: 'download', code: '0x80240017' }]],
    ['the Store', failed('22', { serviceGuid: '{855E8A7C-ECB4-4CA3-B045-1DFA50104289}' }), []],
  ])('%s', (_, events, wanted) => {
    expect(logged(events).failing).toMatchObject(wanted)
    expect(logged(events).failing).toHaveLength(wanted.length)
  })

  test('a search that failed after the last good one is an error of the check', () => {
    const search = { search: '2026-10-20T08:00:00.0000000Z', install: null }
    expect(logged(event(25, '22', { errorCode: '0x8024402c' }), search).lastCheckError).toBe('the search ended with 0x8024402c')
    expect(logged(event(26, '23') + event(25, '22', { errorCode: '0x8024402c' }), search).lastCheckError).toBeNull()
    expect(logged(event(25, '22', { errorCode: '0x8024402c' })).lastCheckError).toBeNull()
  })

  test('a log that may not be read is not an empty one', () => {
    const inputs = { answer: [printed(answer([]))], events: [printed(''), printed('', { code: 5 })] }
    expect(windowsUpdate.parse(inputs, { now: NOW, hostname: 'x', options: undefined })).toMatchObject({ failing: null })
  })

  test('alone it tells how installations ended, and never that nothing waits', () => {
    expect(factOf<Fact>(windowsUpdate, { events: event(19, '22') }, NOW)).toMatchObject({
      lastInstallAt: at(22),
      lastInstallSucceeded: true,
      lastCheckAt: null,
      classified: false,
    })
    expect(factOf<Fact>(windowsUpdate, { events: failed('22') }, NOW)).toMatchObject({ lastInstallSucceeded: false, failing: [{}] })
    expect(() => factOf(windowsUpdate, { events: event(44, '22') })).toThrow('tell of no installation')
  })

  test('any text gives a fact or an error', () => survives(windowsUpdate, 'events', [failed('22') + event(19, '21')]))
})

test('lists of titles tell no class: nothing may be said of security', () => {
  const fact = windowsUpdate.parse({ listed: [printed('5012170\r\n5021233\r\n')] }, { now: NOW, hostname: 'x', options: undefined }) as Fact
  expect([fact.classified, fact.pending.map(({ name, class: kind }) => `${name} ${kind}`)]).toEqual([
    false,
    ['KB5012170 other', 'KB5021233 other'],
  ])
})

test('any text gives a fact or an error', () => {
  survives(windowsUpdate, 'answer', [answer([update()])])
  survives(windowsUpdate, 'listed', ['KB5012170: Title\n', '5012170\n', '<<<windows_updates>>>\n0 1 0\nTitle (KB5012170)\n'])
})
