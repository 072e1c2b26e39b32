import { request as plain } from 'node:http'
import { request as secure } from 'node:https'

/** A body, and how long it took, s. */
export type Scraped = { readonly text: string; readonly seconds: number }

/** GET of a collector, its certificate checked against `ca`. @throws where it does not answer 200 in time */
export function scrape(url: string, ca?: string, timeoutMs = 60_000): Promise<Scraped> {
  const started = performance.now()
  const ask = url.startsWith('https:') ? secure : plain
  return new Promise((resolve, reject) => {
    const request = ask(url, { agent: false, timeout: timeoutMs, ...(ca ? { ca } : {}) }, response => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('error', reject)
      response.once('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        if (response.statusCode === 200) resolve({ text, seconds: (performance.now() - started) / 1000 })
        else reject(new Error(`${url} answered ${response.statusCode}: ${text.slice(0, 200)}`))
      })
    })
    request.once('timeout', () => request.destroy(new Error(`${url} did not answer within ${timeoutMs} ms`)))
    request.once('error', reject)
    request.end()
  })
}

/** Series of one name: its value by everything between the brackets. */
export function seriesOf(text: string, name: string): Map<string, number> {
  const series = new Map<string, number>()
  for (let at = text.indexOf(`${name}{`); at >= 0; at = text.indexOf(`${name}{`, at + 1)) {
    if (at > 0 && text[at - 1] !== '\n') continue
    const end = text.indexOf('\n', at)
    const line = text.slice(at + name.length + 1, end < 0 ? undefined : end)
    const close = line.lastIndexOf('} ')
    series.set(line.slice(0, close), Number(line.slice(close + 2)))
  }
  return series
}
