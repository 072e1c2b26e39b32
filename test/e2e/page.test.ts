import { factHash } from '@fettle/protocol'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ACTIVE } from '../../collector/src/store/store.ts'
import { openPage, startBrowser } from '../kit/browser.ts'
import { ProtocolClient } from '../kit/client.ts'
import { startTestCollector, type TestCollector } from '../kit/collector.ts'
import { until } from '../kit/until.ts'

const EVIL = `"><script>window.hacked=1</script><img src=x onerror="window.hacked=1">' onclick='window.hacked=1`
const BIDI = 'web\u202etxt.exe\u2066'
const LONG = 'x'.repeat(500)
/** A name that enrolment would have cleaned; a store may be older than that. */
const EVIL_NAME = `${EVIL.slice(0, 90)}/../${BIDI}`

let collector: TestCollector
let browser: Browser
const clients: ProtocolClient[] = []

beforeAll(async () => {
  collector = await startTestCollector()
  browser = await startBrowser()
  const token = await collector.token({ uses: 20 })
  await report('good-1', token, {})
  await report('late-1', token, { 'updates/apt': updates([update('openssl', 90)]), 'disks/smartctl': {} })
  await report(EVIL, token, {
    'system/linux': system(EVIL),
    'updates/apt': updates([update(EVIL.slice(0, 120), 400), update(BIDI, 30)]),
    'filesystems/mounts': { filesystems: [filesystem(LONG), filesystem(EVIL), filesystem(BIDI)] },
  })
  const meta = { hostId: 'e'.repeat(32), instance: EVIL_NAME, publicKey: '', labels: {}, enrolledAt: Date.now(), standing: ACTIVE }
  collector.core.judge.now(collector.core.fleet.enrol(meta))
  await until(() => [...collector.core.fleet.hosts()].every(host => host.findings.size > 0), 'judging all hosts')
})

afterAll(async () => {
  for (const client of clients) client.cut()
  await browser?.close()
  await collector?.stop()
})

const addressOf = (instance: string) => `${collector.url}/hosts/${encodeURIComponent(instance)}`
const names = () => [...collector.core.fleet.hosts()].map(host => host.meta.instance)

describe('the fleet page', () => {
  test('counts hosts and their worst findings as the API does', async () => {
    const { page, complaints } = await openPage(browser, collector.url)

    const fleet = (await collector.json('/api/v1/fleet')) as { hosts: number; up: number; byWorstStatus: Record<string, number> }
    expect(await page.textContent('h1')).toBe(`${fleet.hosts} hosts, ${fleet.up} reporting`)
    for (const status of ['critical', 'warning', 'unknown', 'ok']) {
      expect(await page.textContent(`.tile.${status} b`), status).toBe(String(fleet.byWorstStatus[status]))
    }
    expect(await page.locator('tbody.hosts tr').count()).toBe(fleet.hosts)
    expect(complaints).toEqual([])
    await page.close()
  })

  test('a name leads to its host, a tile and a search to some of the hosts, and back', async () => {
    const { page, complaints } = await openPage(browser, collector.url)

    await page.click('text=late-1')
    expect(page.url()).toBe(addressOf('late-1'))
    expect(await page.textContent('h1')).toContain('late-1')
    await page.click('header a')
    await page.click('.tile.critical')
    const critical = await page.locator('tbody.hosts tr').count()
    expect(critical).toBe(Number(await page.textContent('.tile.critical b')))
    await page.click('.tile.critical')
    await page.fill('input[type=search]', 'good')
    await page.press('input[type=search]', 'Enter')
    expect(await page.locator('tbody.hosts tr').allTextContents()).toEqual([expect.stringContaining('good-1')])
    expect(complaints).toEqual([])
    await page.close()
  })

  test('each link on it leads somewhere', async () => {
    const { page } = await openPage(browser, collector.url)
    const links = await page.locator('a').evaluateAll(found => found.map(link => (link as unknown as { href: string }).href))

    const answers = await Promise.all(links.map(async link => [link, (await fetch(link)).status]))

    expect(answers.filter(([, status]) => status !== 200)).toEqual([])
    await page.close()
  })
})

describe('a hostile host', () => {
  test('runs no script, makes no markup and asks for nothing elsewhere, on the fleet page and on its own', async () => {
    for (const url of [collector.url, ...names().map(addressOf)]) {
      const { page, complaints, asked } = await openPage(browser, url)
      await page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")

      expect(await page.evaluate('window.hacked ?? null'), url).toBeNull()
      expect(await page.locator('script, img, iframe, [onclick], [onerror]').count(), url).toBe(0)
      expect(complaints, url).toEqual([])
      expect(
        asked.filter(address => !address.startsWith(collector.url)),
        url,
      ).toEqual([])
      await page.close()
    }
  })

  test('its text is shown as text, and what would turn the reading direction is made visible', async () => {
    const { page } = await openPage(browser, addressOf(names().find(name => name.startsWith('script-')) ?? ''))

    const text = (await page.textContent('main')) ?? ''

    expect(text).toContain('<script>window.hacked=1</script>')
    expect(text).toContain('web\ufffdtxt.exe\ufffd')
    expect(text).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/)
    await page.close()
  })

  test('a name that only an older store may hold has a page of its own', async () => {
    const { page } = await openPage(browser, collector.url)

    await page.locator('tbody.hosts a', { hasText: 'txt.exe' }).click()

    expect(await page.textContent('h1')).toContain('<script>')
    await page.close()
  })

  test('a search for markup finds markup, nothing else', async () => {
    const { page, complaints } = await openPage(browser, `${collector.url}/?q=${encodeURIComponent(EVIL)}&status=critical&page=-7`)

    expect(await page.inputValue('input[type=search]')).toBe(EVIL)
    expect(await page.evaluate('window.hacked ?? null')).toBeNull()
    expect(complaints).toEqual([])
    await page.close()
  })
})

test.each([1280, 390])('at %i px nothing is wider than the window', async width => {
  for (const url of [collector.url, ...names().map(addressOf)]) {
    const { page } = await openPage(browser, url, width)
    await page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")

    expect(await page.evaluate('document.documentElement.scrollWidth'), url).toBeLessThanOrEqual(width)
    const folder = process.env.FETTLE_SCREENSHOTS
    if (folder)
      await page.screenshot({
        path: `${folder}/${url === collector.url ? 'fleet' : names().findIndex(name => url.endsWith(encodeURIComponent(name)))}-${width}.png`,
        fullPage: true,
      })
    await page.close()
  }
})

test('a host that nobody knows is told so', async () => {
  const answer = await fetch(addressOf('<b>nobody'))

  expect(answer.status).toBe(404)
  expect(await answer.text()).toContain('&lt;b&gt;nobody')
})

/** Enrols a host and lets it report; what is not given is as on a machine that is well. */
async function report(instance: string, token: string, facts: Record<string, unknown>): Promise<void> {
  const client = new ProtocolClient()
  clients.push(client)
  await client.join(collector.agentUrl, token, { enrol: { token, publicKey: client.publicKey, instance, labels: {} } })
  const all = {
    'system/linux': system('Debian GNU/Linux 12 (bookworm)'),
    'updates/apt': updates([]),
    'filesystems/mounts': { filesystems: [filesystem('/')] },
    ...facts,
  }
  let seq = 0
  for (const [key, data] of Object.entries(all)) {
    seq++
    const failed = Object.keys(data as object).length === 0
    const reason = `${EVIL} smartctl may not open /dev/sda`
    if (failed)
      client.send(
        client.report(seq, key, undefined, {
          outcome: 'denied',
          reason,
          hint: 'Run it as root.',
          hash: factHash({ outcome: 'denied', reason }),
        }),
      )
    else client.send(client.report(seq, key, data))
  }
  await client.next('ack', frame => 'seq' in frame && frame.seq === seq)
}

function system(name: string) {
  return {
    hostname: name.slice(0, 253),
    domain: null,
    os: {
      type: 'linux',
      id: 'debian',
      like: [],
      name: name.slice(0, 128),
      version: '12',
      codename: null,
      build: null,
      edition: null,
      supportEnd: null,
    },
    kernel: { version: '6.1.0-28-amd64', arch: 'x86_64' },
    bootedAt: Date.now() - 86_400_000,
    virtualization: null,
    hardware: { vendor: 'Dell Inc.', model: 'PowerEdge R650', serial: null, chassis: null, biosVersion: null, biosDate: null },
    cpu: { model: null, logical: 8 },
    memoryBytes: 16 * 1024 ** 3,
    role: 'server',
    machineIdHash: null,
  }
}

function updates(pending: readonly object[]) {
  return {
    pending,
    more: 0,
    classified: true,
    lastCheckAt: Date.now(),
    lastCheckError: null,
    lastInstallAt: Date.now() - 3 * 86_400_000,
    lastInstallSucceeded: true,
    automatic: { enabled: true, detail: null, lastRunAt: null },
    broken: null,
    badSources: [],
    managedBy: null,
  }
}

function update(name: string, daysAgo: number) {
  return {
    name,
    installed: '1.0',
    candidate: '1.1',
    class: 'security',
    severity: null,
    published: Date.now() - daysAgo * 86_400_000,
    origin: 'Debian-Security:12/stable-security',
    withheld: null,
    restart: null,
  }
}

function filesystem(mountpoint: string) {
  return {
    mountpoint: mountpoint.slice(0, 500),
    device: '/dev/sda1',
    fstype: 'ext4',
    kind: 'local',
    sizeBytes: 1e12,
    availBytes: mountpoint === '/' ? 6e11 : 1e9,
    inodes: 1e6,
    inodesFree: 9e5,
    readonly: false,
    readonlyWanted: null,
    standing: 'answers',
    reason: null,
  }
}
