import { readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'

/** What the figures were taken on. */
export type Machine = {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly node: string
  readonly kernel: string
}

export function thisMachine(): Machine {
  const all = cpus()
  const memoryGiB = Math.round(totalmem() / 2 ** 30)
  return { cpu: all[0]?.model.trim() ?? 'unknown', cores: all.length, memoryGiB, node: process.version, kernel: release() }
}

export function machineText({ cpu, cores, memoryGiB, node, kernel }: Machine): string {
  return `${cpu}, ${cores} cores, ${memoryGiB} GiB, Linux ${kernel}, Node ${node}`
}

/** Resident and private memory of a process, bytes; proc_pid_status(5). @throws when it has ended */
export function memoryOf(pid: number): { readonly resident: number; readonly private: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024
  return { resident: field('VmRSS'), private: field('RssAnon') }
}

/** USER_HZ: the kernel's ABI fixes it at 100 on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100

/** CPU time of a process and of its children that have ended, seconds: utime, stime, cutime, cstime of proc_pid_stat(5). */
export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The second field is the name in brackets, which may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_SECOND
}
