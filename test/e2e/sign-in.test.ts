import { mkdir } from 'node:fs/promises'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startBrowser } from '../kit/browser.ts'
import { ProtocolClient } from '../kit/client.ts'
import { startTestCollector, type TestCollector } from '../kit/collector.ts'
import { startProvider, type TestProvider } from '../kit/identity-provider.ts'
import { freePort } from '../kit/process.ts'
import { secretMade } from '../kit/secrets.ts'

const EVIL = '"><script>window.hacked=1</script>'

let provider: TestProvider
let collector: TestCollector
let browser: Browser
const contexts: BrowserContext[] = []
const clients: ProtocolClient[] = []

beforeAll(async () => {
  const port = await freePort()
  provider = await startProvider(`http://127.0.0.1:${port}/sign-in/callback`)
  provider.accounts.set('vera', { email: 'vera@example.com', groups: ['staff'] })
  provider.accounts.set('otto', { email: 'otto@example.com', groups: ['helpdesk'] })
  provider.accounts.set('ada', { email: 'ada@example.com', groups: ['it'] })
  provider.accounts.set('gast', { email: `gast${EVIL}@example.com`, groups: ['visitors'] })
  const oidc = {
    issuer: provider.issuer,
    clientId: provider.clientId,
    clientSecret: provider.clientSecret,
    scopes: ['openid', 'email', 'groups'],
    roles: { viewer: ['staff'], operator: ['helpdesk'], admin: ['it'] },
  }
  const file = JSON.stringify({ publicUrl: `http://127.0.0.1:${port}`, oidc })
  collector = await startTestCollector({ FETTLE_LISTEN: `127.0.0.1:${port}` }, file)
  browser = await startBrowser()
})
afterEach(async () => {
  for (const context of contexts.splice(0)) await context.close()
})
afterAll(async () => {
  for (const client of clients) client.cut()
  await browser?.close()
  await collector?.stop()
  await provider?.stop()
})

/** A browser of its own, at the page that a stranger comes to. */
async function stranger(width = 1280): Promise<Page> {
  const context = await browser.newContext({ viewport: { width, height: 800 } })
  contexts.push(context)
  const page = await context.newPage()
  await page.goto(collector.url)
  return page
}

/** The same, signed in at the provider as somebody. */
async function signedIn(person: string, width = 1280): Promise<Page> {
  const page = await stranger(width)
  await page.click('text=Sign in with')
  await page.fill('input[name=login]', person)
  await page.click('button')
  for (const { name, value } of await page.context().cookies()) if (name.startsWith('fettle')) secretMade(value)
  return page
}

/** A host that waits for approval, or that was quarantined. */
async function host(instance: string, state: 'pending' | 'quarantined'): Promise<ProtocolClient> {
  const client = new ProtocolClient()
  clients.push(client)
  const token = await collector.token({ approve: state === 'pending' })
  client.hello(await client.open(collector.agentUrl), { enrol: { token, publicKey: client.publicKey, instance, labels: {} } })
  if (state === 'pending') await client.closed()
  else {
    await client.next('welcome')
    const why = 'its key was used by two machines'
    await collector.core.setStanding(client.hostId, { state, since: Date.now() - 3_600_000, why })
  }
  return client
}

const standing = (instance: string) => collector.core.fleet.byInstance(instance)?.meta.standing.state
async function shot(page: Page, name: string): Promise<void> {
  const folder = process.env.FETTLE_SCREENSHOTS
  if (!folder) return
  await mkdir(folder, { recursive: true })
  await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true })
}

describe('somebody signs in', () => {
  test('by the provider, sees who they are, signs out, and is out', async () => {
    const page = await stranger()
    expect(page.url()).toBe(`${collector.url}/sign-in?to=%2F`)
    await shot(page, 'sign-in')
    const mine = await signedIn('vera')

    expect(mine.url()).toBe(`${collector.url}/`)
    expect(await mine.textContent('.who')).toContain('vera@example.com, viewer')
    await mine.click('text=Sign out')
    expect(mine.url()).toBe(`${collector.url}/sign-in`)
    await mine.goto(collector.url)
    expect(mine.url()).toContain('/sign-in')
  })

  test('and is told where none of their groups has a role, with nothing of their name run', async () => {
    const page = await signedIn('gast')

    expect(await page.textContent('main')).toContain(`You are gast${EVIL}@example.com, and none of your groups`)
    expect(await page.evaluate('window.hacked ?? null')).toBeNull()
    await shot(page, 'no-role')
  })

  test('and is told when the provider is away, while others go on', async () => {
    const mine = await signedIn('vera')
    await provider.stop()
    try {
      const other = await startTestCollector(
        { FETTLE_LISTEN: '127.0.0.1:0' },
        JSON.stringify({ publicUrl: collector.url, oidc: { issuer: provider.issuer, clientId: 'fettle', roles: { viewer: ['staff'] } } }),
      )
      const page = await stranger()
      await page.goto(`${other.url}/sign-in/start`)
      expect(await page.textContent('.note')).toMatch(/Nobody was signed in: the identity provider 127\.0\.0\.1:\d+ does not answer/)
      await shot(page, 'provider-away')
      await other.stop()
      await mine.goto(collector.url)
      expect(await mine.textContent('.who')).toContain('vera@example.com')
    } finally {
      await provider.start()
    }
  })
})

describe('hosts that wait for a decision', () => {
  test('are shown to a viewer without a button', async () => {
    await host('shown-only', 'pending')
    const page = await signedIn('vera')

    expect(await page.textContent('.undecided')).toContain('shown-only')
    expect(await page.locator('.undecided button').count()).toBe(0)
    await collector.admin('POST', '/api/v1/hosts/shown-only/deny')
  })

  test('are approved, denied, released and revoked by an operator’s buttons, each written down with the name', async () => {
    await host('laptop-new', 'pending')
    await host('stranger-1', 'pending')
    await host('cloned-1', 'quarantined')
    await host('cloned-2', 'quarantined')
    const page = await signedIn('otto')
    expect(await page.textContent('.undecided h2')).toBe('4 hosts wait for a decision')
    await shot(page, 'undecided-1280')
    await shot(await signedIn('otto', 390), 'undecided-390')
    const press = (instance: string, label: string) =>
      page.locator('.undecided tr', { hasText: instance }).getByText(label, { exact: true }).click()

    await press('laptop-new', 'Approve')
    await press('stranger-1', 'Deny')
    await press('cloned-1', 'Release')
    await page.goto(collector.url)
    await press('cloned-2', 'Revoke')
    await shot(page, 'revoked')

    expect(['laptop-new', 'stranger-1', 'cloned-1', 'cloned-2'].map(standing)).toEqual(['active', undefined, 'active', 'revoked'])
    expect(await page.textContent('.note')).toContain('This host is revoked')
    const { entries } = (await collector.admin('GET', '/api/v1/audit?limit=4')) as {
      entries: { who: string; what: string; target: string }[]
    }
    expect(entries.map(({ who, what, target }) => `${who} ${what} ${target}`)).toEqual([
      'person:otto@example.com host.revoke cloned-2',
      'person:otto@example.com host.release cloned-1',
      'person:otto@example.com host.deny stranger-1',
      'person:otto@example.com host.approve laptop-new',
    ])
  })

  test('stay as they are where another site sends the form of a signed-in operator', async () => {
    await host('bait', 'pending')
    const page = await signedIn('otto')
    const context = page.context()
    const evil = await context.newPage()
    const target = `${collector.url}/hosts/bait/approve`
    await evil.route('http://evil.example/', route =>
      route.fulfill({ contentType: 'text/html', body: `<form method="post" action="${target}"><button>Win</button></form>` }),
    )
    await evil.goto('http://evil.example/')
    const [answer] = await Promise.all([evil.waitForResponse(target), evil.click('button')])

    expect(answer.status()).not.toBe(200)
    expect(standing('bait')).toBe('pending')
  })

  test('stay as they are where the page is older than the session', async () => {
    await host('late-click', 'pending')
    const page = await signedIn('otto')
    const other = await page.context().newPage()
    await other.goto(collector.url)
    await other.click('text=Sign out')

    await page.locator('.undecided tr', { hasText: 'late-click' }).getByText('Approve').click()

    expect(page.url()).toContain('/sign-in')
    expect(standing('late-click')).toBe('pending')
  })
})

test('an administrator reads the audit log, others are told that they may not', async () => {
  const page = await signedIn('ada')
  await page.click('text=Audit log')

  expect(await page.textContent('h1')).toBe('Audit log')
  expect(await page.textContent('tbody')).toContain('person:ada@example.com')
  expect(await page.evaluate('window.hacked ?? null')).toBeNull()
  await shot(page, 'audit')

  const other = await signedIn('otto')
  const answer = await other.goto(`${collector.url}/audit`)
  expect(answer?.status()).toBe(403)
  expect(await other.textContent('main')).toContain('This needs somebody with the role admin.')
  await shot(other, 'refused')
})
