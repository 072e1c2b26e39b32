import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { defineProbe, type Inputs, needed } from '../../probe.ts'
import { floorTo } from '../gather.ts'
import { answerOf, isAnswer, partIfThere, partOf } from '../windows/answer.ts'
import { whole } from '../windows/properties.ts'

const SCRIPT = 'usage/windows'
const KIB = 1024
const MIB = 1024 * 1024

/** How busy the machine is; see Win32_OperatingSystem, Win32_PerfFormattedData_PerfOS_Processor, Win32_PageFileUsage. */
export default defineProbe({
  subject: 'usage',
  source: 'windows',
  platforms: ['win32'],
  shares: 'powershell',
  every: '15m',
  timeout: '1m',
  blind: 'The share of the processor is that of the moment of the look, not of the time between looks.',
  inputs: { answer: { from: `powershell ${SCRIPT}`, recognise: text => isAnswer(text, 'memory') } },
  parse: parseUsage,

  async read(host: Host) {
    return parseUsage({ answer: [await host.powershell(SCRIPT)] })
  },
})

/** @throws Denied, Error where memory or processors are missing */
export function parseUsage(inputs: Inputs): FactTypes['usage'] {
  const answer = answerOf(needed(inputs, 'answer'), 'always')
  const [memory] = partOf(answer, 'memory') ?? []
  const total = whole(memory?.get('total'))
  const free = whole(memory?.get('free'))
  const logical = whole(String(answer.logical ?? ''))
  const pages = partOf(answer, 'pages')
  if (total === null || total === 0 || logical === null || !pages)
    throw new Error('Cannot tell the usage: wanted memory, page files and processors')
  const busy = whole(partIfThere(answer, 'processor')?.[0]?.get('busy'))
  const sum = (name: string) => pages.reduce((bytes, page) => bytes + (whole(page.get(name)) ?? 0) * MIB, 0)
  const size = sum('size')
  return {
    cpu: { logical, busyRatio: busy === null || busy > 100 ? null : Math.round(busy / 5) / 20, stealRatio: null },
    load: null,
    memory: {
      totalBytes: total * KIB,
      availableBytes: free === null ? null : floorTo(Math.round(total * KIB * 0.03), free * KIB),
      swapTotalBytes: size,
      swapFreeBytes: floorTo(Math.round(size * 0.03), Math.max(0, size - sum('used'))),
    },
    pressure: { cpu: null, memory: null, io: null },
  }
}
