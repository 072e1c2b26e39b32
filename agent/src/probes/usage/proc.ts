import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { type Captured, defineProbe, type Inputs, needed, type ParseContext, type Probe, sole } from '../../probe.ts'
import { floorTo, present, readable } from '../gather.ts'

/** Steps that keep the fact of an idle machine as it was. */
const RATIO_STEP = 0.05
const LOAD_STEP = 0.25
const MEMORY_STEPS = 32
const PRESSURES = ['cpu', 'memory', 'io'] as const

/** Load of processors and memory from /proc; see proc(5) and the kernel's accounting/psi.rst. Everybody may read it. */
export default usageProbe()

/** The probe keeps the last /proc/stat of each host: how busy a machine is shows only between two looks, and it never waits for one. */
export function usageProbe(): Probe {
  const before = new WeakMap<Host, Captured>()
  return defineProbe({
    subject: 'usage',
    source: 'proc',
    platforms: ['linux'],
    every: '5m',
    timeout: '10s',
    blind: 'The first look after a start of the agent does not know how busy the processors are.',
    inputs: {
      stat: { from: '/proc/stat', recognise: text => /^cpu\s+\d/m.test(text) },
      meminfo: { from: '/proc/meminfo', recognise: text => /^MemTotal:/m.test(text) },
      loadavg: { from: '/proc/loadavg', recognise: text => /^\d+\.\d\d \d+\.\d\d \d+\.\d\d \d+\/\d+ \d+\s*$/.test(text) },
      statBefore: { from: '/proc/stat at the look before' },
      pressureCpu: { from: '/proc/pressure/cpu' },
      pressureMemory: { from: '/proc/pressure/memory' },
      pressureIo: { from: '/proc/pressure/io' },
    },
    parse: parseUsage,

    async read(host) {
      const stat = await host.captured('/proc/stat')
      const earlier = before.get(host)
      before.set(host, stat)
      const [cpu, memory, io] = await Promise.all(PRESSURES.map(name => readable(host, `/proc/pressure/${name}`)))
      const inputs = {
        stat: [stat],
        statBefore: present(earlier),
        meminfo: [await host.captured('/proc/meminfo')],
        loadavg: [await host.captured('/proc/loadavg')],
        pressureCpu: present(cpu),
        pressureMemory: present(memory),
        pressureIo: present(io),
      }
      return parseUsage(inputs, { now: host.now(), hostname: host.hostname, options: undefined })
    },
  })
}

/** @throws where /proc/stat or /proc/meminfo lack a line that every kernel prints */
export function parseUsage(inputs: Inputs, _context: ParseContext): FactTypes['usage'] {
  const stat = needed(inputs, 'stat').text
  const logical = stat.match(/^cpu\d+ /gm)?.length ?? 0
  const now = cpuTicks(stat)
  if (logical === 0 || !now) throw new Error('Cannot tell the processors: /proc/stat has no lines cpu and cpu0')
  const earlier = sole(inputs, 'statBefore')
  const loadavg = sole(inputs, 'loadavg')
  return {
    cpu: { logical, ...shares(earlier ? cpuTicks(earlier.text) : undefined, now) },
    load: loadavg ? readLoad(loadavg.text) : null,
    memory: readMemory(needed(inputs, 'meminfo').text),
    pressure: {
      cpu: somePressure(sole(inputs, 'pressureCpu')?.text),
      memory: somePressure(sole(inputs, 'pressureMemory')?.text),
      io: somePressure(sole(inputs, 'pressureIo')?.text),
    },
  }
}

type Ticks = { readonly all: number; readonly idle: number; readonly steal: number | undefined }

/** user nice system idle iowait irq softirq steal; guest time is part of user time already. Old kernels have fewer fields. */
function cpuTicks(stat: string): Ticks | undefined {
  const fields = /^cpu +([\d ]{1,300})$/m.exec(stat)?.[1]?.trim().split(/ +/).map(Number)
  if (!fields || fields.length < 4) return undefined
  const counted = fields.slice(0, 8)
  return { all: counted.reduce((sum, ticks) => sum + ticks, 0), idle: (counted[3] ?? 0) + (counted[4] ?? 0), steal: counted[7] }
}

/** Null at the first look, and where the counters went back: a restored machine, a processor taken away. */
function shares(earlier: Ticks | undefined, now: Ticks): { busyRatio: number | null; stealRatio: number | null } {
  const span = earlier ? now.all - earlier.all : 0
  if (!earlier || span <= 0) return { busyRatio: null, stealRatio: null }
  const steal = now.steal === undefined || earlier.steal === undefined ? null : ratio((now.steal - earlier.steal) / span)
  return { busyRatio: ratio(1 - (now.idle - earlier.idle) / span), stealRatio: steal }
}

/** iowait may go back a little on its own, so a share may come out just over 1 or under 0. */
function ratio(share: number): number {
  return nearest(RATIO_STEP, Math.min(1, Math.max(0, share)))
}

function nearest(step: number, value: number): number {
  return Number((Math.round(value / step) * step).toFixed(2))
}

/** @throws where the text is not that of /proc/loadavg */
function readLoad(text: string): FactTypes['usage']['load'] {
  const match = /^(\d{1,9}\.\d\d) (\d{1,9}\.\d\d) (\d{1,9}\.\d\d) /.exec(text)
  if (!match) throw new Error('Cannot read /proc/loadavg: wanted three averages')
  const [one = 0, five = 0, fifteen = 0] = match.slice(1).map(average => nearest(LOAD_STEP, Number(average)))
  return { one, five, fifteen }
}

function readMemory(meminfo: string): FactTypes['usage']['memory'] {
  const bytes = (key: string) => {
    const kilobytes = new RegExp(`^${key}: *(\\d{1,15}) kB$`, 'm').exec(meminfo)?.[1]
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024
  }
  const [total, swapTotal, swapFree, available] = [bytes('MemTotal'), bytes('SwapTotal'), bytes('SwapFree'), bytes('MemAvailable')]
  if (!total || swapTotal === undefined || swapFree === undefined) {
    throw new Error('Cannot tell the memory: /proc/meminfo lacks MemTotal, SwapTotal or SwapFree')
  }
  return {
    totalBytes: total,
    availableBytes: available === undefined ? null : floorTo(total / MEMORY_STEPS, available),
    swapTotalBytes: swapTotal,
    swapFreeBytes: swapFree >= swapTotal ? swapTotal : floorTo(swapTotal / MEMORY_STEPS, swapFree),
  }
}

/** The five minutes of `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, in percent there; null where the kernel does not tell. */
function somePressure(text: string | undefined): number | null {
  const percent = /^some avg10=\S{1,9} avg60=\S{1,9} avg300=(\d{1,3}\.\d\d) /m.exec(text ?? '')?.[1]
  return percent === undefined ? null : ratio(Number(percent) / 100)
}
