import { type Browser, chromium, type Page } from 'playwright-core'

const executablePath = '/usr/bin/chromium'
/** Nothing but the page that is looked at may use the network. */
const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** A page, and all that it did which a well-made page does not do. */
export type Watched = {
  readonly page: Page
  /** Errors of the console and of scripts, refused and failed requests. */
  readonly complaints: string[]
  /** Every address that it asked for. */
  readonly asked: string[]
}

/** A real Chromium without a window. @throws where it is not installed */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath, args, headless: true })
}

/** Opens a page of such a width, in px. */
export async function openPage(browser: Browser, url: string, width = 1280): Promise<Watched> {
  const page = await browser.newPage({ viewport: { width, height: 900 } })
  const complaints: string[] = []
  const asked: string[] = []
  page.on('console', message => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(error.message))
  page.on('dialog', dialog => {
    complaints.push(`dialog ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('request', request => asked.push(request.url()))
  page.on('requestfailed', request => complaints.push(`failed ${request.url()}`))
  await page.goto(url)
  return { page, complaints, asked }
}
