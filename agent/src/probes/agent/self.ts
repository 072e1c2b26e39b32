import { Absent, defineProbe, type Inputs, type ParseContext, sole } from '../../probe.ts'
import { fullDiskAccess } from '../full-disk-access.ts'
import { told } from '../gather.ts'

/** What the running agent knows of itself; the daemon gives it, since no file tells. */
export type Live = {
  readonly version: string
  readonly runtime: string
  /** Epoch ms. */
  readonly startedAt: number
  readonly privileged: boolean
  readonly residentBytes: number
  /** Agent and finished children, seconds. */
  readonly cpuSeconds: number
  /** Share of one core since the look before, 0..1; null at the first. */
  readonly cpuRatio: number | null
  readonly outbox: { readonly waiting: number; readonly dropped: number; readonly fault: string | null }
  readonly stuck: number
  readonly probes: readonly { readonly key: string; readonly outcome: string; readonly tookMs: number }[]
  readonly warnings: readonly string[]
}

/** Gives the live numbers; absent outside the daemon. */
export type SelfOptions = { readonly live?: () => Live } | undefined

/** Sizes are told in steps of this: the fact of an idle agent stays the same. */
const SIZE_STEP = 4 * 1024 * 1024
/** CPU time is told in steps of this, seconds. */
const CPU_STEP = 10
const RATIO_STEP = 0.001
const TOOK_STEP = 500
const ACCESS = /^Full Disk Access (given|missing)$/

/** The agent's own health and cost; memory from /proc/self/status, see proc_pid_status(5). */
export default defineProbe<'agent', SelfOptions>({
  subject: 'agent',
  source: 'self',
  platforms: ['linux', 'win32', 'darwin'],
  every: '1h',
  timeout: '10s',
  blind: 'An agent that does not run cannot tell so: the collector sees it by its silence.',
  inputs: {
    status: { from: '/proc/self/status', recognise: text => /^RssAnon:/m.test(text) },
    access: { from: 'whether macOS shows what it guards: Full Disk Access given or missing', recognise: text => ACCESS.test(text) },
  },
  parse,

  async read(host, options) {
    if (!options?.live) throw new Absent('only the running agent reports on itself')
    const status = host.platform === 'linux' ? [await host.captured('/proc/self/status')] : []
    const access = await fullDiskAccess(host)
    const guarded = access === null ? [] : [told('Full Disk Access', `Full Disk Access ${access}`)]
    return parse({ status, access: guarded }, { now: host.now(), hostname: host.hostname, options })
  },
})

/** Joins the live numbers with the kernel's. @throws Absent outside the daemon, or where the kernel's text has no RssAnon */
export function parse(inputs: Inputs, { options }: ParseContext<SelfOptions>) {
  const live = options?.live?.()
  if (!live) throw new Absent('only the running agent reports on itself')
  const status = sole(inputs, 'status')
  const access = ACCESS.exec(sole(inputs, 'access')?.text ?? '')?.[1]
  return {
    ...live,
    residentBytes: stepped(live.residentBytes, SIZE_STEP),
    privateBytes: status ? stepped(rssAnon(status.text), SIZE_STEP) : null,
    cpuSeconds: stepped(live.cpuSeconds, CPU_STEP),
    cpuRatio: live.cpuRatio === null ? null : stepped(live.cpuRatio, RATIO_STEP),
    outbox: { ...live.outbox, waiting: Math.max(0, live.outbox.waiting) },
    probes: live.probes.slice(0, 128).map(probe => ({ ...probe, tookMs: stepped(probe.tookMs, TOOK_STEP) })),
    warnings: live.warnings.slice(0, 32).map(warning => warning.slice(0, 512)),
    ...(access === undefined ? {} : { fullDiskAccess: access === 'given' }),
  }
}

function stepped(value: number, step: number): number {
  return Number((Math.ceil(value / step) * step).toFixed(6))
}

function rssAnon(status: string): number {
  const kilobytes = /^RssAnon:\s*(\d{1,15}) kB$/m.exec(status)?.[1]
  if (kilobytes === undefined) throw new Error('Cannot read /proc/self/status: wanted a line with RssAnon')
  return Number(kilobytes) * 1024
}
