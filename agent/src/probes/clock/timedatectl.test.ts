import { subjectOf } from '@fettle/catalog'
import fc from 'fast-check'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { Absent, type Captured, Denied } from '../../probe.ts'
import { told } from '../gather.ts'
import { parseTimedatectl } from './timedatectl.ts'

const context = { now: Date.UTC(2026, 0, 1), hostname: 'web1', options: undefined }
const schema = subjectOf('clock')?.fact ?? v.never()

// Written from timedatectl(1) and org.freedesktop.timedate1(5); the refusal is what systemd 252 printed in a container.
const show = (ntp: string, synchronized: string) => `Timezone=UTC\nLocalRTC=no\nCanNTP=yes\nNTP=${ntp}\nNTPSynchronized=${synchronized}\n`
const STATUS =
  '       Server: 192.0.2.1 (time.example.org)\nPoll interval: 34min 8s (min: 32s; max 34min 8s)\n         Leap: normal\n      Version: 4\n' +
  '      Stratum: 2\n    Reference: C0000201\n    Precision: 1us (-24)\nRoot distance: 1.2ms (max: 5s)\n       Offset: +1.250s\n Packet count: 12\n'
const SHOWN =
  'SystemNTPServers=time.example.org\nServerName=time.example.org\nServerAddress=192.0.2.1\nPollIntervalUSec=34min 8s\n' +
  'NTPMessage={ Leap=0, Version=4, Mode=4, Stratum=3, Precision=-24, Ignored=no, PacketCount=12, Jitter=1ms }\n'
const SHUT = 'System has not been booted with systemd as init system (PID 1). Can’t operate.\nFailed to connect to bus: Host is down\n'

const parse = (inputs: Record<string, string | Captured>) =>
  parseTimedatectl(
    Object.fromEntries(Object.entries(inputs).map(([name, given]) => [name, [typeof given === 'string' ? told(name, given) : given]])),
    context,
  )

describe('a clock kept by systemd-timesyncd', () => {
  it('is told with server, stratum, offset and the hour it was last set', () => {
    const synced = { ...told('/run/systemd/timesync/synchronized', ''), modifiedAt: Date.UTC(2026, 0, 1, 11, 42) }
    expect(parse({ show: show('yes', 'yes'), timesync: STATUS, synced })).toEqual({
      synchronized: true,
      service: 'systemd-timesyncd',
      enabled: true,
      reference: 'time.example.org',
      stratum: 2,
      offsetSeconds: -1.25,
      lastSyncAt: Date.UTC(2026, 0, 1, 11),
    })
  })

  it('is told from show-timesync as well', () => {
    expect(parse({ show: show('yes', 'yes'), timesync: SHOWN })).toMatchObject({
      reference: 'time.example.org',
      stratum: 3,
      offsetSeconds: null,
    })
  })

  it('that finds no server is not synchronized', () => {
    expect(parse({ show: show('yes', 'no'), timesync: 'Poll interval: 0 (min: 32s; max 34min 8s)\nPacket count: 0\n' })).toMatchObject({
      synchronized: false,
      service: 'systemd-timesyncd',
      stratum: null,
    })
  })
})

describe('a no of systemd', () => {
  const silent = {
    ...told('timedatectl timesync-status', ''),
    stderr: 'Failed to query server: Unit dbus-org.freedesktop.timesync1.service not found.',
    code: 1,
  }
  it.each([
    ['is believed where nothing keeps the clock', { show: show('no', 'no') }, { synchronized: false, enabled: false, service: null }],
    ['is unknown in a container', { show: show('no', 'no'), container: 'docker\n' }, { synchronized: null, enabled: null }],
    ['is believed outside of one', { show: show('no', 'no'), container: 'none\n' }, { synchronized: false, enabled: false }],
    ['is unknown where another service is in charge', { show: show('yes', 'no'), timesync: silent }, { synchronized: null, enabled: true }],
    [
      'is unknown where ntpd runs',
      { show: show('no', 'no'), rival: told('/run/ntpd.pid', '812\n') },
      { synchronized: null, enabled: null, service: 'ntpd' },
    ],
    [
      'is no no where chronyd set the kernel right',
      { show: show('yes', 'yes'), timesync: silent, rival: told('/run/chrony/chronyd.pid', '812\n') },
      { synchronized: true, service: 'chronyd' },
    ],
  ])('%s', (_, inputs, wanted) => {
    const fact = parse(inputs as Record<string, string | Captured>)
    expect(fact).toMatchObject(wanted)
    expect(v.is(schema, fact)).toBe(true)
  })
})

describe('the form for people', () => {
  it.each([
    ['of today', 'System clock synchronized: yes\n              NTP service: active\n', { synchronized: true, enabled: true }],
    [
      'of today, switched off',
      'System clock synchronized: no\n              NTP service: inactive\n',
      { synchronized: false, enabled: false },
    ],
    ['of systemd 219', '     NTP enabled: yes\nNTP synchronized: yes\n RTC in local TZ: no\n', { synchronized: true, enabled: true }],
  ])('%s', (_, text, wanted) => {
    expect(parse({ show: text })).toMatchObject(wanted)
  })
})

describe('no answer', () => {
  it.each([
    ['on standard output', told('timedatectl show', SHUT)],
    ['on standard error', { ...told('timedatectl show', ''), stderr: SHUT, code: 1 }],
  ])('without systemd is absent, never “not synchronized”: %s', (_, captured) => {
    expect(() => parse({ show: captured })).toThrow(Absent)
  })

  it('behind a shut bus is denied', () => {
    expect(() => parse({ show: { ...told('x', ''), stderr: 'Failed to query server: Access denied\n', code: 1 } })).toThrow(Denied)
  })

  it.each(['', 'Timezone=UTC\n', 'NTPSynchronized=perhaps\n'])('in %j is a failure', text => {
    expect(() => parse({ show: text })).toThrow(/Cannot tell whether the clock is right/)
  })
})

it('any text gives a fact of the schema or an error, soon', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.string({ maxLength: 100 }).map(tail => `${show('yes', 'no')}Offset: ${tail}\nServer: ${tail}\nPacket count: 1\n`),
  )
  fc.assert(
    fc.property(text, text, text, (shown, timesync, container) => {
      try {
        expect(v.safeParse(schema, parse({ show: shown, timesync, container })).issues).toBeUndefined()
      } catch (error) {
        if (!['Error', 'Absent', 'Denied'].includes((error as Error).name)) throw error
      }
    }),
    { numRuns: 200 },
  )
})
