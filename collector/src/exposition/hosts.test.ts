import { metrics } from '@fettle/catalog'
import { describe, expect, test } from 'vitest'
import { promtool } from '../../../test/kit/prometheus.ts'
import { Fleet, presenceWindow } from '../fleet.ts'
import { ACTIVE, type StoredFact, type StoredHost } from '../store/store.ts'
import { HostExposition, type Selection, shardOf } from './hosts.ts'
import { seriesLimits } from './series.ts'

const NOW = Date.UTC(2026, 5, 15, 12)
const BEAT = 120_000
const GONE = NOW + presenceWindow(BEAT)
const idOf = (n: number) => n.toString(16).padStart(32, '0')

const fact = (key: string, data: unknown): StoredFact => ({
  key,
  outcome: 'ok',
  at: NOW,
  freshAt: NOW,
  everyMs: 300_000,
  tookMs: 12,
  hash: key,
  data: JSON.stringify(data),
})

function stored(hostId: string, instance: string, facts: readonly StoredFact[] = [], labels: Record<string, string> = {}): StoredHost {
  return {
    meta: { hostId, instance, publicKey: '', labels, enrolledAt: NOW, standing: ACTIVE },
    seq: 1,
    lastSeenAt: NOW,
    agentVersion: '1.2.3',
    clockOffsetMs: 40,
    dropped: 0,
    facts,
    findings: [{ check: 'updates-security-late', status: 'warning', reason: 'late', since: NOW }],
  }
}

const system = (name: string) => ({
  hostname: name,
  domain: null,
  os: { type: 'linux', id: 'debian', like: [], name, version: '12', codename: null, build: null, edition: null, supportEnd: null },
  kernel: { version: name.slice(0, 128), arch: 'x86_64' },
  bootedAt: NOW - 1_000,
  virtualization: null,
  hardware: { vendor: name, model: name, serial: null, chassis: null, biosVersion: null, biosDate: null },
  cpu: { model: null, logical: 4 },
  memoryBytes: 1024,
  role: 'server',
  machineIdHash: null,
})

const disk = (mountpoint: string) => ({
  mountpoint,
  device: '/dev/sda1',
  fstype: 'ext4',
  kind: 'local',
  sizeBytes: 1_000,
  availBytes: 400,
  inodes: null,
  inodesFree: null,
  readonly: false,
  readonlyWanted: null,
  standing: 'answers',
  reason: null,
})

const fan = (id: string) => ({
  id,
  chip: null,
  label: null,
  kind: 'fan',
  value: 900,
  high: null,
  critical: null,
  low: null,
  state: 'ok',
  trusted: true,
})

const seen = (key: string): StoredFact[] => {
  if (key === 'sensors/hwmon') return [fact(key, { sensors: [fan('fan1')] })]
  return key === 'system/linux' ? [fact(key, system('web'))] : [fact(key, { filesystems: [disk('/')] })]
}
const everything = ['system/linux', 'filesystems/mounts', 'sensors/hwmon'].flatMap(seen)

/** A fleet of such hosts, and its exposition; `detail` shows the detail tier too. */
function fleetOf(hosts: readonly StoredHost[], tier: 'core' | 'detail' = 'core') {
  const fleet = new Fleet(BEAT, NOW - 10 * BEAT)
  for (const host of hosts) fleet.load(host)
  const dropped: string[] = []
  const shown = metrics.filter(metric => tier === 'detail' || metric.tier === 'core')
  const exposition = new HostExposition(fleet, shown, (reason, series) => dropped.push(...Array(series).fill(reason)))
  const render = async (selection: Selection = {}, now = NOW + 1) => {
    const slices: Buffer[] = []
    for await (const slice of exposition.render(selection, now).slices) slices.push(slice)
    return Buffer.concat(slices).toString()
  }
  return { fleet, exposition, render, dropped }
}

const linesOf = (text: string) => text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
const namesOf = (text: string) => new Set(linesOf(text).map(line => line.slice(0, line.indexOf('{'))))
const metricOf = (name: string) => metrics.find(metric => metric.name === name)

describe('the life of series', () => {
  test('while the agent is there, what it measures and what is so are both told', async () => {
    const { render } = fleetOf([stored(idOf(1), 'web', everything)])

    const names = namesOf(await render())

    expect(names).toContain('fettle_filesystem_avail_bytes')
    expect(names).toContain('fettle_host_os_info')
    expect([...names].filter(name => metricOf(name)?.life === 'volatile').length).toBeGreaterThan(0)
  })

  test('once its window has passed agent_up is 0, what was measured ends, and what is so stays', async () => {
    const { render } = fleetOf([stored(idOf(1), 'web', everything)], 'detail')
    const before = namesOf(await render())

    const text = await render({}, GONE)

    expect(text).toContain('fettle_agent_up{instance="web"} 0\n')
    const lasting = [...before].filter(name => metricOf(name)?.life === 'state').sort()
    expect([...namesOf(text)].sort()).toEqual(lasting)
    expect(text).toContain(`fettle_agent_last_seen_timestamp_seconds{instance="web"} ${NOW / 1000}\n`)
  })

  test('an agent that comes back has all its series again', async () => {
    const { fleet, render } = fleetOf([stored(idOf(1), 'web', everything)], 'detail')
    const before = namesOf(await render())
    await render({}, GONE)

    for (const host of fleet.hosts()) fleet.seen(host, GONE)

    expect(namesOf(await render({}, GONE + 1))).toEqual(before)
  })

  test('a collector that has just started calls nobody gone: it may be the one that was away', async () => {
    const fleet = new Fleet(BEAT, GONE)
    const host = fleet.load(stored(idOf(1), 'web'))

    expect(fleet.up(host, GONE + 1)).toBe(true)
    expect(fleet.up(host, GONE + presenceWindow(BEAT))).toBe(false)
  })

  test('a host that is removed has no series any more', async () => {
    const { fleet, exposition, render } = fleetOf([stored(idOf(1), 'web', everything), stored(idOf(2), 'db', everything)])
    await render()

    fleet.remove(idOf(1))
    exposition.forget(idOf(1))

    const text = await render()
    expect(text).not.toContain('instance="web"')
    expect(text).toContain('instance="db"')
  })

  test('a fact that is replaced is told anew, one that failed keeps its last truth', async () => {
    const { fleet, render } = fleetOf([stored(idOf(1), 'web', everything)])
    await render()
    const [host] = fleet.hosts()

    host?.put(fact('filesystems/mounts', { filesystems: [{ ...disk('/'), availBytes: 5 }] }))

    expect(await render()).toContain('fettle_filesystem_avail_bytes{instance="web",mountpoint="/",fstype="ext4"} 5\n')
  })

  test('how often an agent is told to show life is known', async () => {
    const { render } = fleetOf([stored(idOf(1), 'web')])

    expect(await render()).toContain(`fettle_agent_report_interval_seconds{instance="web"} ${BEAT / 1000}\n`)
  })
})

describe('what a scrape selects', () => {
  const many = Array.from({ length: 40 }, (_, n) => stored(idOf(n * 7 + 1), `host-${n}`, everything))

  test('the detail tier is only there where it is wanted', async () => {
    const hosts = [stored(idOf(1), 'web', everything)]

    const core = namesOf(await fleetOf(hosts).render())
    const detail = namesOf(await fleetOf(hosts, 'detail').render())

    expect([...core].filter(name => metricOf(name)?.tier !== 'core')).toEqual([])
    expect(detail).toContain('fettle_sensor_fan_speed_rpm')
    expect([...core].every(name => detail.has(name))).toBe(true)
  })

  test('domains leave out every family of the others', async () => {
    const { render } = fleetOf(many)

    const names = namesOf(await render({ domains: new Set(['hardware']) }))

    expect(names.size).toBeGreaterThan(0)
    expect([...names].filter(name => metricOf(name)?.domain !== 'hardware')).toEqual([])
  })

  test('shards share the fleet among them: every series in exactly one', async () => {
    const { render } = fleetOf(many)
    const whole = linesOf(await render()).sort()

    const shards = await Promise.all([0, 1, 2, 3].map(index => render({ shard: { index, of: 4 } })))

    expect(shards.flatMap(linesOf).sort()).toEqual(whole)
    for (const shard of shards) expect(linesOf(shard).length).toBeLessThan(whole.length)
  })

  test('the shard of a host depends on nothing but its id', () => {
    expect(shardOf('0123456789abcdef0123456789abcdef', 16)).toBe(15)
    expect(shardOf(idOf(5), 4)).toBe(1)
  })

  test('one host alone has the series that it has among all', async () => {
    const { render } = fleetOf(many)

    const whole = linesOf(await render()).filter(line => line.includes('instance="host-7"'))

    expect(linesOf(await render({ instance: 'host-7' }))).toEqual(whole)
  })
})

describe('the text', () => {
  test('each family stands in one group behind its one header, however many hosts and slices', async () => {
    const many = Array.from({ length: 300 }, (_, n) => stored(idOf(n + 1), `host-${n}`, everything))
    const { render } = fleetOf(many)

    const lines = (await render()).trimEnd().split('\n')

    const groups = lines.flatMap((line, i) => {
      const name = line.startsWith('#') ? line.split(' ')[2] : line.slice(0, line.indexOf('{'))
      const before = lines[i - 1]
      const previous = before?.startsWith('#') ? before.split(' ')[2] : before?.slice(0, before.indexOf('{'))
      return name === previous ? [] : [name]
    })
    expect(groups).toEqual([...new Set(groups)])
    expect(lines.filter(line => line.startsWith('# HELP'))).toHaveLength(groups.length)
    expect(lines.filter(line => line.startsWith('# TYPE'))).toHaveLength(groups.length)
  })

  test('a host with hostile names breaks nothing: promtool reads it, and every other host stays as it is', async () => {
    const evil = '"} 1\nfettle_agent_up{instance="db"} 0 \\" \u202e\u0000\r<script> \ud800'.padEnd(100, 'x')
    const facts = [
      fact('system/linux', system(evil)),
      fact('filesystems/mounts', { filesystems: [disk(evil), disk('/'), disk('/'), disk(`/${'ö'.repeat(400)}`)] }),
      fact('sensors/hwmon', { sensors: [fan(evil), fan(evil)] }),
    ]
    const { render } = fleetOf([stored(idOf(1), evil, facts, { site: evil }), stored(idOf(2), 'db', everything)], 'detail')

    const text = await render()

    expect(await promtool(['check', 'metrics'], text)).toBe('')
    const alone = await fleetOf([stored(idOf(2), 'db', everything)], 'detail').render()
    expect(linesOf(text).filter(line => line.includes('{instance="db"'))).toEqual(linesOf(alone))
    const ids = linesOf(text).map(line => line.slice(0, line.lastIndexOf(' ')))
    expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([])
  })

  test('a host with too many of a thing loses the rest of that thing only, and it is counted', async () => {
    const filesystems = Array.from({ length: 200 }, (_, n) => disk(`/mnt/${n}`))
    const { render, dropped } = fleetOf([stored(idOf(1), 'web', [fact('filesystems/mounts', { filesystems }), ...seen('system/linux')])])

    const lines = linesOf(await render())

    expect(lines.filter(line => line.startsWith('fettle_filesystem_size_bytes'))).toHaveLength(seriesLimits.perFamily)
    expect(lines.length).toBeLessThanOrEqual(seriesLimits.perHost)
    expect(lines.some(line => line.startsWith('fettle_host_os_info'))).toBe(true)
    expect(dropped).toContain('family_limit')
  })
})
