import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, Denied, defineProbe, type Inputs, needed, type ParseContext } from '../../probe.ts'
import { cut } from '../gather.ts'
import { offsetInSteps, syncInSteps } from './steps.ts'

type Clock = FactTypes['clock']

/** After this long without a good answer the clock is not kept any more: ten of the longest poll intervals would be a week. */
const LONGEST_SILENCE_S = 3 * 86_400

/**
 * Windows Time: `w32tm /query /status /verbose`. Its labels are translated, the numbers in front of the words are not: leap indicator 3 and
 * stratum 0 mean "not synchronised"; see "Windows Time Service tools and settings".
 */
export default defineProbe({
  subject: 'clock',
  source: 'w32time',
  platforms: ['win32'],
  every: '30m',
  timeout: '30s',
  privilege: 'LocalSystem or an administrator, on versions that refuse the query to others.',
  blind: 'Which domain controller is right; a hypervisor that sets the clock of its guests beside the service.',
  inputs: { status: { from: 'w32tm /query /status /verbose', recognise: text => /\(s?yncd|w32tm|\bPrecision:|Stratum/i.test(text) } },
  parse: parseW32time,

  async read(host: Host) {
    const inputs = { status: [await host.run(['w32tm.exe', '/query', '/status', '/verbose'])] }
    return parseW32time(inputs, { now: host.now(), hostname: host.hostname, options: undefined })
  },
})

/** @throws Denied, Absent (service not started), Error where leap indicator and stratum cannot be read */
export function parseW32time(inputs: Inputs, { now }: ParseContext): Clock {
  const { text, stderr, code } = needed(inputs, 'status')
  const said = `${text}\n${stderr}`
  if (/0x80070005/i.test(said)) throw new Denied('w32tm may not be asked (0x80070005)', 'Run the agent as a service (LocalSystem).')
  if (/0x80070426/i.test(said)) throw new Absent('the service w32time is not started (0x80070426)')
  const fields = fieldsOf(text)
  const [leap, stratum] = [numberOf(fields[0]), numberOf(fields[1])]
  if (leap === null || stratum === null || fields.length < 8)
    throw new Error(`Cannot read the status of w32time${code ? ` (it ended with ${code})` : ''}: ${cut(said, 120) || 'nothing printed'}`)
  const source = cut((fields[7] ?? '').split(',')[0] ?? '', 253)
  const own = /CMOS|Free-running|horloge CMOS/i.test(source)
  const verbose = fields.length >= 16
  const error = verbose ? numberOf(fields[14]) : null
  const silence = verbose ? secondsOf(fields[15]) : null
  const bad = leap === 3 || stratum === 0 || own || (error !== null && error !== 0) || (silence !== null && silence > LONGEST_SILENCE_S)
  const offset = verbose ? secondsOf(fields[9]) : null
  return {
    synchronized: bad ? false : verbose || silence !== null ? true : null,
    service: 'w32time',
    enabled: true,
    reference: source === '' || own ? null : source,
    stratum,
    offsetSeconds: bad || offset === null ? null : offsetInSteps(offset),
    lastSyncAt: silence === null || stratum === 0 ? null : syncInSteps(now - silence * 1000),
  }
}

/** What stands behind each label, in the order of the tool: leap, stratum, precision, delay, dispersion, reference id, last sync, source, poll … */
function fieldsOf(text: string): string[] {
  return text
    .slice(0, 8000)
    .split(/\r?\n/)
    .map(line => /^[^:]{2,60}: (.*)$/.exec(line)?.[1]?.trim())
    .filter(value => value !== undefined)
}

function numberOf(text: string | undefined): number | null {
  const digits = /^(\d{1,10})\b/.exec(text ?? '')?.[1]
  return digits === undefined ? null : Number(digits)
}

function secondsOf(text: string | undefined): number | null {
  const digits = /^([+-]?\d{1,12}(?:[.,]\d{1,9})?)s/.exec(text ?? '')?.[1]
  return digits === undefined ? null : Number(digits.replace(',', '.'))
}
