import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, defineProbe, type Inputs, needed } from '../../probe.ts'
import { isEventXml, type LogEvent, logQuery, recordsOf } from '../windows/events.ts'

const PROVIDER = 'Microsoft-Windows-WHEA-Logger'
const QUERY = `*[System[Provider[@Name='${PROVIDER}'] and TimeCreated[timediff(@SystemTime) <= 2592000000]]]`
const ARGV = logQuery('System', QUERY)
/** Events of the WHEA logger that name memory: 46 a fatal error, 47 a corrected one. */
const FATAL = 46
const CORRECTED = 47

/**
 * Memory errors that the hardware reported, out of the System log of the last 30 days (WHEA). A log without any proves nothing: memory
 * without ECC reports none either, so that is absent and not "no errors".
 */
export default defineProbe({
  subject: 'memory',
  source: 'whea',
  platforms: ['win32'],
  every: '1h',
  timeout: '1m',
  blind: 'Whether the memory has ECC; what the log no longer holds; errors of processors and of PCI Express.',
  inputs: { events: { from: ARGV.join(' '), recognise: isEventXml } },
  parse: parseWhea,

  async read(host: Host) {
    return parseWhea({ events: [await host.run(ARGV)] })
  },
})

/** @throws Absent where no event names memory, Denied, Error where the log cannot be read */
export function parseWhea(inputs: Inputs): FactTypes['memory'] {
  const events = recordsOf(needed(inputs, 'events')).filter(
    event => event.provider === PROVIDER && (event.id === FATAL || event.id === CORRECTED),
  )
  if (events.length === 0) throw new Absent('the log holds no memory error; whether this memory could report any is not told')
  const times = events.flatMap(event => event.at ?? [])
  return {
    controllers: [
      {
        id: 'WHEA',
        kind: 'Windows Hardware Error Architecture',
        correctable: count(events, CORRECTED),
        uncorrectable: count(events, FATAL),
        since: times.length === 0 ? null : Math.min(...times),
        dimms: [],
      },
    ],
  }
}

function count(events: readonly LogEvent[], id: number): number {
  return events.filter(event => event.id === id).length
}
