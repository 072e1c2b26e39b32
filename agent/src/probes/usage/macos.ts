import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { defineProbe, type Inputs, needed, sole } from '../../probe.ts'
import { floorTo } from '../gather.ts'
import { sysctlOf } from '../sysctl.ts'

const NAMES = ['hw.ncpu', 'hw.memsize', 'vm.loadavg', 'vm.swapusage'] as const

/** Load, memory and swap; see vm_stat(1) and sysctl(8). Both are cheap; what the cores do now would take a second of `top`. */
export default defineProbe({
  subject: 'usage',
  source: 'macos',
  platforms: ['darwin'],
  every: '15m',
  timeout: '20s',
  blind: 'How busy the cores are; what macOS has compressed is counted as used.',
  inputs: {
    sysctl: { from: `sysctl ${NAMES.join(' ')}`, recognise: text => /^(hw|vm|kern)\.[\w.]+: /m.test(text) },
    pages: { from: 'vm_stat', recognise: text => /^Mach Virtual Memory Statistics/m.test(text) },
  },
  parse: parseMacUsage,

  async read(host: Host) {
    const run = (...argv: string[]) => host.run(argv, { timeoutMs: 8_000 })
    return parseMacUsage({ sysctl: [await run('sysctl', ...NAMES)], pages: [await run('vm_stat')] })
  },
})

/** @throws where memory, swap or the number of processors is not told */
export function parseMacUsage(inputs: Inputs): FactTypes['usage'] {
  const values = sysctlOf(needed(inputs, 'sysctl').text)
  const [logical, totalBytes] = ['hw.ncpu', 'hw.memsize'].map(name =>
    /^\d{1,15}$/.test(values.get(name) ?? '') ? Number(values.get(name)) : null,
  )
  const swap = /^total = ([\d.]{1,15})M +used = [\d.]{1,15}M +free = ([\d.]{1,15})M/.exec(values.get('vm.swapusage') ?? '')
  const load = /^\{? ?(\d{1,6}[.,]\d\d) (\d{1,6}[.,]\d\d) (\d{1,6}[.,]\d\d) ?\}?$/.exec(values.get('vm.loadavg') ?? '')
  if (!logical || !totalBytes || !swap) throw new Error(`Cannot read usage: wanted ${NAMES.join(', ')} of sysctl`)
  const mega = (text: string | undefined) => Math.round(Number(text) * 1024 * 1024)
  const average = (text: string | undefined) => Math.round(Number(text?.replace(',', '.')) * 4) / 4
  const available = availableOf(sole(inputs, 'pages')?.text)
  const swapTotalBytes = mega(swap[1])
  return {
    cpu: { logical, busyRatio: null, stealRatio: null },
    load: load ? { one: average(load[1]), five: average(load[2]), fifteen: average(load[3]) } : null,
    memory: {
      totalBytes,
      availableBytes: available === null ? null : Math.floor(floorTo(totalBytes / 32, Math.min(available, totalBytes))),
      swapTotalBytes,
      swapFreeBytes: Math.min(swapTotalBytes, Math.floor(floorTo(swapTotalBytes / 20, mega(swap[2])))),
    },
    pressure: { cpu: null, memory: null, io: null },
  }
}

/** What can be had without compressing or swapping: free pages, and inactive ones, which macOS takes first. */
function availableOf(text: string | undefined): number | null {
  const size = /page size of (\d{3,6}) bytes/.exec(text ?? '')?.[1]
  const pages = ['free', 'inactive'].map(kind => new RegExp(`^Pages ${kind}:\\s+(\\d{1,15})\\.`, 'm').exec(text ?? '')?.[1])
  if (size === undefined || pages.includes(undefined)) return null
  return pages.reduce((sum, count) => sum + Number(count), 0) * Number(size)
}
