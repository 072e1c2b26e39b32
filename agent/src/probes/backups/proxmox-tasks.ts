import { documentIn, numberOf, objectOf, wordOf } from '../loose-json.ts'
import { clip } from './job.ts'

/** Tasks of a Proxmox VE node as its index, its list of active ones, its API and its logs tell them: pure readings; see PVE::RESTEnvironment. */

/** A run of vzdump. */
export type Task = {
  readonly upid: string
  readonly startedAt: number
  /** Epoch ms; null while it runs. */
  readonly endedAt: number | null
  /** `OK`, `WARNINGS: 2`, or what went wrong; null while it runs. */
  readonly status: string | null
  /** The guest where it is of one only; null where it is of several. */
  readonly guest: string | null
}

const UPID = /^UPID:[\w.-]{1,64}:[0-9A-F]{8,9}:[0-9A-F]{8,9}:([0-9A-F]{8,9}):(\w{1,32}):([^:\s]{0,64}):[^:\s]{1,128}:$/i

/** Whether a text has the lines of an index of tasks. */
export function isIndex(text: string): boolean {
  return /^UPID:[^\s:]+:/m.test(text.slice(0, 65_536))
}

/** Lines `UPID … ENDTIME STATUS` of the index, or `UPID SAVED [ENDTIME STATUS]` of the active ones; ENDTIME in hexadecimal seconds. @throws Error where a line is none */
export function parseIndex(text: string): Task[] {
  return text
    .split('\n')
    .filter(line => line.trim() !== '')
    .flatMap(line => {
      const [, upid = '', rest = ''] = /^(\S{1,400})(.*)$/.exec(line.slice(0, 1_024)) ?? []
      const task = taskOf(upid)
      if (task === undefined) throw new Error(`Cannot read a line of the tasks: ${JSON.stringify(line.slice(0, 60))}`)
      if (task === null) return []
      const [, end, status] = /^(?: [01])? ([0-9A-F]{8,9}) (\S.*)$/i.exec(rest) ?? []
      if (end !== undefined && status !== undefined)
        return [{ ...task, endedAt: Number.parseInt(end, 16) * 1000, status: clip(status, 200) }]
      // Only among the active ones is a task without an end one that runs.
      if (!/^ [01]\s*$/.test(rest)) throw new Error(`Cannot read a line of the tasks: ${JSON.stringify(line.slice(0, 60))}`)
      return [task]
    })
}

/** What the identity says; null for a task that is not vzdump's, undefined where it is none. */
function taskOf(upid: string): Task | null | undefined {
  const [, start = '', type, guest = ''] = UPID.exec(upid) ?? []
  if (type === undefined) return undefined
  if (type !== 'vzdump') return null
  return { upid, startedAt: Number.parseInt(start, 16) * 1000, endedAt: null, status: null, guest: /^\d{1,9}$/.test(guest) ? guest : null }
}

/** Tasks as `pvesh get /nodes/NODE/tasks --output-format json` prints them. @throws Error where it is something else */
export function parseTasks(text: string): Task[] {
  const list = documentIn(text)
  if (!Array.isArray(list)) throw new Error('Cannot find tasks in this JSON: wanted a list')
  return list.flatMap(entry => {
    const raw = objectOf(entry)
    const task = taskOf(wordOf(raw?.upid) ?? '')
    if (!raw || task === undefined) throw new Error('Cannot read a task without its identity')
    if (task === null) return []
    const end = numberOf(raw.endtime)
    const status = wordOf(raw.status)
    return [
      end === null || status === undefined || status === 'running' ? task : { ...task, endedAt: end * 1000, status: clip(status, 200) },
    ]
  })
}

/** What a log of vzdump tells of one guest. */
export type Part = {
  readonly guest: string
  readonly isDone: boolean
  /** Why it failed; null where it did not, or does not say. */
  readonly failure: string | null
  readonly durationMs: number | null
  /** Since the task began: at least this had passed when the guest was done, ms. */
  readonly afterMs: number
  readonly archiveBytes: number | null
}

/** A log of a run of vzdump: its guests in their order, the storage that it wrote to, and whether its last line is there. */
export type Log = { readonly storage: string | null; readonly parts: readonly Part[]; readonly isWhole: boolean }

/** Whether a text is the log of a run of vzdump. */
export function isLog(text: string): boolean {
  return /^INFO: (starting new backup job: vzdump|Starting Backup of VM \d)/m.test(text.slice(0, 65_536))
}

/** A log of vzdump; see PVE::VZDump. It writes in English whatever the locale. */
export function parseLog(text: string): Log {
  let storage: string | null = null
  let elapsed = 0
  const parts = new Map<string, Part>()
  let open: Part | undefined
  for (const line of text.split('\n')) {
    const [, words = ''] = /^(?:INFO|ERROR|WARN): (.{1,1000})/.exec(line) ?? []
    const [, begun] = /^Starting Backup of VM (\d{1,9}) /.exec(words) ?? []
    const [, done, hours, minutes, seconds] = /^Finished Backup of VM (\d{1,9}) \((\d{1,4}):(\d\d):(\d\d)/.exec(words) ?? []
    const [, failed, why] = /^Backup of VM (\d{1,9}) failed - (.*)$/.exec(words) ?? []
    const size = /^archive file size: (\d{1,9}(?:\.\d{1,3})?)([KMGT]?)i?B/.exec(words)
    storage ??= /^starting new backup job: vzdump .*--storage (\S{1,100})/.exec(words)?.[1] ?? null
    if (begun) open = { guest: begun, isDone: false, failure: null, durationMs: null, afterMs: elapsed, archiveBytes: null }
    else if (done) {
      const durationMs = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000
      elapsed += durationMs
      open = { ...(open ?? nothing(done)), guest: done, isDone: true, durationMs, afterMs: elapsed }
    } else if (failed)
      open = { ...(open ?? nothing(failed)), guest: failed, isDone: false, failure: clip(why ?? '', 200), afterMs: elapsed }
    else if (size && open) open = { ...open, archiveBytes: Math.round(Number(size[1]) * 1024 ** 'KMGT'.indexOf(size[2] ?? '') * 1024) }
    else continue
    parts.set(open.guest, open)
  }
  return { storage, parts: [...parts.values()], isWhole: /^TASK (?:OK|ERROR|WARNINGS)/m.test(text) }
}

const nothing = (guest: string): Part => ({ guest, isDone: false, failure: null, durationMs: null, afterMs: 0, archiveBytes: null })
