import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { constants, gzipSync } from 'node:zlib'
import { Gauge, Registry } from 'prom-client'
import { serve } from './worker.ts'

const RESOLUTION_MS = 1
const registry = new Registry()
let watched: ReturnType<typeof monitorEventLoopDelay> | undefined

/** prom-client with the series of an exposition, served as its manual shows. */
const calls = {
  /** @param file an exposition in the text format; counters are held as gauges, which cost the same. @returns series held */
  async load({ file }: { file: string }) {
    const gauges = new Map<string, Gauge>()
    let series = 0
    for (const line of (await readFile(file, 'utf8')).split('\n')) {
      const parsed = /^([a-z_]+)\{(.*)\} (\S+)$/.exec(line)
      if (!parsed) continue
      const [, name = '', labelText = '', value] = parsed
      const labels = labelsOf(labelText)
      const gauge = gauges.get(name) ?? new Gauge({ name, help: name, labelNames: Object.keys(labels), registers: [registry] })
      gauges.set(name, gauge)
      gauge.set(labels, Number(value))
      series++
    }
    return { series }
  },
  async listen() {
    const server = createServer(async (request, response) => {
      const text = await registry.metrics()
      const gzip = String(request.headers['accept-encoding'] ?? '').includes('gzip')
      if (gzip) response.setHeader('Content-Encoding', 'gzip')
      response.end(gzip ? gzipSync(text, { level: constants.Z_BEST_SPEED }) : text)
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
  },
  watch() {
    watched?.disable()
    watched = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
    watched.enable()
  },
  watchedMs() {
    return Math.max(0, (watched?.max ?? 0) / 1e6 - RESOLUTION_MS)
  },
}
export type PromCalls = typeof calls

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {}
  for (const [, name = '', value = ''] of text.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)) labels[name] = value
  return labels
}

serve(calls)
