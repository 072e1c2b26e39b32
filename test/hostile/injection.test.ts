import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type SubjectName, subjects } from '@fettle/catalog'
import { limits } from '@fettle/protocol'
import fc from 'fast-check'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { seriesLimits } from '../../collector/src/exposition/series.ts'
import { arbitraryOf } from '../kit/arbitrary.ts'
import { openPage, startBrowser } from '../kit/browser.ts'
import { ProtocolClient } from '../kit/client.ts'
import { freePort, runScript, type TestProcess } from '../kit/process.ts'
import { until } from '../kit/until.ts'

/* Hostile text in every field of every subject, and where it comes out: metrics, page, API, terminal, log. */

const DAY = 24 * 3600 * 1000
const HACK = 'window.hacked=1'
const texts = [
  `"><script>${HACK}</script><img src=x onerror="${HACK}">`,
  `' onmouseover='${HACK}`,
  `</title></style></textarea><svg onload=${HACK}>`,
  `javascript:${HACK}//`,
  'x"} 0\nfettle_agent_up{instance="victim"} 0\n# HELP fettle_agent_up hacked\n',
  'x\\"} 0\\nfettle_agent_up{instance=\\"victim\\"} 0',
  'a\r\nSet-Cookie: x=1\r\n\r\n<b>',
  '\u001b[2J\u001b]0;hacked\u0007\u009b31m\u0000\u0008',
  '{"level":50,"msg":"hacked"}\n{"level":50,"msg":"hacked"}',
  'web\u202etxt.exe\u2066\u2028\u2029\u200f',
  '\ud800 half \udfff',
  '__proto__',
  'constructor',
  '{{ $labels.instance }} {{ range query "up" }}{{ end }}',
  '../../../../etc/passwd',
  '=HYPERLINK("http://x","y")',
  'ẞ💥'.repeat(200),
  '\\'.repeat(600),
  '"'.repeat(600),
  '',
  ' ',
]
const text = fc.oneof(fc.constantFrom(...texts), fc.string({ unit: 'binary', maxLength: 40 }))
const time = fc.integer({ min: Date.now() - 900 * DAY, max: Date.now() + 900 * DAY })
/** Every subject, so filled. */
const facts = subjects.flatMap(subject => {
  const made = fc.sample(arbitraryOf(subject.fact, { text, time, most: 12 }), { numRuns: 30, seed: 4 })
  const good = made.filter(data => !('issues' in subject.fact['~standard'].validate(data)))
  return [
    { subject: subject.name as SubjectName, data: good.sort((a, b) => JSON.stringify(b).length - JSON.stringify(a).length).slice(0, 4) },
  ]
})

let folder: string
let port: number
let collector: TestProcess
let browser: Browser
const INSTANCE = 'hostile'

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fettle-injected-'))
  port = await freePort()
  collector = runScript('collector/src/main.ts', ['run'], {
    FETTLE_LISTEN: `127.0.0.1:${port}`,
    FETTLE_DATA: folder,
    FETTLE_LOG: 'debug',
    FETTLE_DETAIL: 'true',
  })
  await collector.line(/collector listens/)
  browser = await startBrowser()
  const client = new ProtocolClient()
  const { token } = JSON.parse(await command(['token', 'create', '--json'])) as { token: string }
  const labels = Object.fromEntries(texts.slice(0, 16).map((value, i) => [`l${i}`, value.slice(0, 256)]))
  const enrol = { token, publicKey: client.publicKey, instance: INSTANCE, labels }
  await client.join(`ws://127.0.0.1:${port}`, undefined, { enrol, agentVersion: texts[7] ?? '' })
  let seq = 0
  for (const { subject, data } of facts)
    for (const [i, one] of data.entries()) {
      client.send(client.report(++seq, `${subject}/s${i}`, one))
      const reason = texts[seq % texts.length]?.slice(0, limits.reasonLength)
      client.send(client.report(++seq, `${subject}/f${i}`, undefined, { outcome: 'failed', reason, hint: reason }))
    }
  await client.next('ack', frame => frame.type === 'ack' && frame.seq === seq)
  // Provokes lines in the log, with what it was sent in them.
  const closing = client.closed()
  client.sendRaw(JSON.stringify({ type: 'beat', seq: ++seq, at: 1, fresh: { '\u001b[31m\n{"msg":"hacked"}': 1 } }))
  await closing
  await until(async () => ((await json(`/api/v1/hosts/${INSTANCE}`)) as { findings: unknown[] }).findings.length > 20, 'judging')
})
afterAll(async () => {
  await browser?.close()
  await collector?.kill()
  await rm(folder, { recursive: true, force: true })
})

const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`)
const json = async (path: string) => (await get(path)).json()

/** What a command of the collector prints. */
function command(args: readonly string[]): Promise<string> {
  const env = { PATH: process.env.PATH ?? '', FETTLE_DATA: folder }
  const main = join(import.meta.dirname, '../../collector/src/main.ts')
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [main, ...args], { env }, (error, out) => (error ? reject(error) : resolve(out)))
  })
}

test('every subject was filled, and taken', async () => {
  expect(facts.filter(({ data }) => data.length === 0)).toEqual([])
  const host = (await json(`/api/v1/hosts/${INSTANCE}`)) as { facts: { key: string; outcome: string }[] }
  expect(host.facts.filter(({ outcome }) => outcome === 'ok')).toHaveLength(facts.reduce((sum, { data }) => sum + data.length, 0))
})

const LABEL = '[a-z_]+="(?:[^"\\\\\\n]|\\\\["\\\\n])*"'
const LINE = new RegExp(`^(fettle_[a-z0-9_]+)\\{(${LABEL}(?:,${LABEL})*)\\} (-?[0-9.e+-]+|NaN|[+-]Inf)$`)

test('no line of the metrics is of another host, none is broken, none comes twice, none is too long', async () => {
  const exposed = await (await get('/metrics/hosts')).text()
  const seen = new Set<string>()
  const lines = exposed.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  for (const line of lines) {
    const [, name, labels = ''] = LINE.exec(line) ?? []
    expect(name, line).toBeDefined()
    expect(labels.startsWith(`instance="${INSTANCE}"`), line).toBe(true)
    expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/)
    expect(line.isWellFormed()).toBe(true)
    for (const [, value = ''] of labels.matchAll(/="((?:[^"\\]|\\.)*)"/g))
      expect(Buffer.byteLength(value)).toBeLessThanOrEqual(2 * seriesLimits.labelBytes)
    expect(seen.has(`${name}{${labels}}`), line).toBe(false)
    seen.add(`${name}{${labels}}`)
  }
  expect(lines.length).toBeGreaterThan(100)
  expect(exposed.match(/^# HELP fettle_agent_up/gm)).toHaveLength(1)
  expect(await promtool(exposed)).not.toMatch(/parsing error|error while/)
})

test('the page shows all of it as text', async () => {
  for (const path of ['/', `/hosts/${INSTANCE}`]) {
    const { page, complaints, asked } = await openPage(browser, `http://127.0.0.1:${port}${path}`)
    expect(await page.evaluate('window.hacked')).toBeUndefined()
    expect(await page.locator('script, img, iframe, object, svg, [onerror], [onload], [onmouseover], [href^=javascript]').count()).toBe(0)
    expect(complaints).toEqual([])
    expect(asked.filter(url => !url.startsWith(`http://127.0.0.1:${port}/`))).toEqual([])
    await page.close()
  }
})

test('the API gives it as data, and what findings carry of it is bounded', async () => {
  const host = (await json(`/api/v1/hosts/${INSTANCE}`)) as { findings: { check: string; reason: string }[] }
  for (const finding of host.findings) expect(JSON.stringify(finding).length, finding.check).toBeLessThan(32 * 1024)
  expect(JSON.stringify(host.findings).length).toBeLessThan(256 * 1024)
  expect({}).not.toHaveProperty('hacked')
})

test.each([[['host', 'list']], [['host', 'show', INSTANCE]], [['token', 'list']]])(
  '%j prints nothing that steers a terminal',
  async args => {
    const printed = await command(args)
    expect(printed).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/)
    expect(printed).not.toMatch(/^fettle_agent_up/m)
  },
)

test('each line of the log is one JSON of the collector’s own, without a control character', async () => {
  expect(collector.lines.length).toBeGreaterThan(5)
  for (const line of collector.lines) {
    expect(line).not.toMatch(/[\u0000-\u001f\u007f]/)
    expect((JSON.parse(line) as { msg: string }).msg).not.toBe('hacked')
  }
})

function promtool(text: string): Promise<string> {
  return new Promise(resolve => {
    const child = execFile('promtool', ['check', 'metrics'], (_, out, err) => resolve(out + err))
    child.stdin?.end(text)
  })
}
