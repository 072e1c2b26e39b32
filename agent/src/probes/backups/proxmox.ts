import type { FactTypes } from '@fettle/catalog'
import * as v from 'valibot'
import { type Host, HostError } from '../../host.ts'
import { Absent, type Captured, Denied, defineProbe, type Inputs, type ParseContext } from '../../probe.ts'
import { present, readable, told } from '../gather.ts'
import { blankJob, clip, isFuture, type Job, learnedEvery, Unanswered, unanswered } from './job.ts'
import { isIndex, isLog, type Log, parseIndex, parseLog, parseTasks, type Task } from './proxmox-tasks.ts'

const FOLDER = '/var/log/pve/tasks'
const GUESTS = ['/etc/pve/qemu-server', '/etc/pve/lxc'] as const
/** Runs of several guests whose logs are read: a month of a job a day. */
const MOST_LOGS = 30
const LARGEST_LOG = 4 * 1024 * 1024
const MOST_GUESTS = 127

const options = v.strictObject({ exclude: v.optional(v.array(v.pipe(v.number(), v.integer(), v.minValue(100))), []) })
type Options = v.InferOutput<typeof options>

/** Stands for the guests of a run whose log is not there, or not whole. */
const SEVERAL = 'of several guests'

/** A guest's run, from a task of its own or a part of one of several. */
type Run = {
  readonly result: NonNullable<Job['lastResult']>
  readonly startedAt: number
  readonly endedAt: number | null
  readonly why: string | null
  readonly durationMs: number | null
  readonly archiveBytes: number | null
  readonly storage: string | null
}

/**
 * Backups of guests by vzdump on a Proxmox VE node, a job for each guest: its log of tasks tells when they ended, and the log of each run which of its
 * guests failed; see vzdump(1). Files only: nothing is asked of the API.
 */
export default defineProbe<'backups', Options>({
  subject: 'backups',
  source: 'proxmox',
  platforms: ['linux'],
  every: '1h',
  timeout: '1m',
  privilege: 'root: /etc/pve and the logs of tasks belong to it and www-data',
  blind:
    'Backups of the node itself. Whether the storage lies on the same disks. Runs of a guest on the node where it was before. Verification: see the Backup Server.',
  setting: {
    schema: options,
    default: { exclude: [] },
    doc: 'exclude: numbers of guests that need no backup; any other guest of the node without a run is unknown.',
    example: { exclude: [900, 901] },
  },
  inputs: {
    index: { from: `${FOLDER}/index`, recognise: isIndex },
    active: { from: `${FOLDER}/active` },
    tasks: {
      from: 'pvesh get /nodes/NODE/tasks --typefilter vzdump --output-format json',
      recognise: text => /"upid"\s*:\s*"UPID:/.test(text.slice(0, 65_536)),
    },
    log: { from: `${FOLDER}/*/UPID:…:vzdump:…`, recognise: isLog },
    guests: { from: 'numbers of the guests of this node, one a line' },
  },
  parse: parseProxmox,

  async read(host, given) {
    await host.stat('/etc/pve', { missing: new Absent('this is no Proxmox VE node') })
    const index = present(await fileOf(host, `${FOLDER}/index.1`), await fileOf(host, `${FOLDER}/index`))
    const active = present(await fileOf(host, `${FOLDER}/active`))
    const tasks = tasksOf({ index, active }).filter(task => task.guest === null)
    const log: Captured[] = []
    for (const task of tasks.slice(0, MOST_LOGS)) log.push(...(await logOf(host, task.upid)))
    const guests = [told('guests', (await guestsOf(host)).join('\n'))]
    return parseProxmox({ index, active, log, guests }, { now: host.now(), hostname: host.hostname, options: given })
  },
})

const denied = (path: string) => new Denied(`${path} belongs to root and www-data`, 'Run the agent as root.')

async function fileOf(host: Host, path: string): Promise<Captured | undefined> {
  try {
    return await host.captured(path, { missing: undefined })
  } catch (error) {
    if (error instanceof HostError && (error.code === 'EACCES' || error.code === 'EPERM')) throw denied(path)
    throw error
  }
}

/** Logs lie in folders by the last digit of the time at which their task began. */
async function logOf(host: Host, upid: string): Promise<Captured[]> {
  const path = `${FOLDER}/${(upid.split(':')[4] ?? '').slice(-1).toUpperCase()}/${upid}`
  const found = await host.stat(path, { missing: null })
  if (!found || found.size > LARGEST_LOG) return []
  return present(await readable(host, path))
}

async function guestsOf(host: Host): Promise<string[]> {
  const names: string[] = []
  for (const folder of GUESTS) {
    try {
      names.push(...(await host.list(folder, { missing: [] as string[] })))
    } catch (error) {
      if (error instanceof HostError && (error.code === 'EACCES' || error.code === 'EPERM')) throw denied(folder)
      throw error
    }
  }
  return names.flatMap(name => /^(\d{3,9})\.conf$/.exec(name)?.[1] ?? [])
}

/** Newest first, each once. */
function tasksOf(inputs: Inputs): Task[] {
  const all = [
    ...[...(inputs.active ?? []), ...(inputs.index ?? [])].flatMap(({ text }) => parseIndex(text)),
    ...(inputs.tasks ?? []).flatMap(({ text }) => parseTasks(text)),
  ]
  const byId = new Map<string, Task>()
  // The index knows the end of what was active a moment ago.
  for (const task of all) if (byId.get(task.upid)?.endedAt == null) byId.set(task.upid, task)
  return [...byId.values()].sort((a, b) => b.startedAt - a.startedAt)
}

/** @throws Denied, Error where a line of the tasks is none */
export function parseProxmox(inputs: Inputs, { now, options: given }: ParseContext<Options>): FactTypes['backups'] {
  const logs = inputs.log ?? []
  if (![inputs.index, inputs.active, inputs.tasks, inputs.log].some(list => list && list.length > 0) && !inputs.guests)
    throw new Error('Cannot judge without the input index')
  const tasks = tasksOf(inputs)
  const runs = new Map<string, Run[]>()
  const add = (guest: string, run: Run) => runs.set(guest, [...(runs.get(guest) ?? []), run])
  for (const task of tasks) {
    const found = logs.find(({ name }) => name.endsWith(task.upid))
    const log = found && parseLog(found.text)
    for (const [guest, run] of log ? partsOf(task, log) : []) add(guest, run)
    // Without the end of its log a run may have failed for guests that are not named.
    if (!log || (task.endedAt !== null && !log.isWhole)) add(task.guest ?? SEVERAL, runOf(task))
  }
  const loose = logs.filter(({ name }) => !tasks.some(task => name.endsWith(task.upid))).map(({ text }) => parseLog(text))
  return { jobs: bounded([...jobsOf(runs, inputs, given, now), ...loose.flatMap(looseJobs)]) }
}

function jobsOf(runs: ReadonlyMap<string, readonly Run[]>, inputs: Inputs, { exclude }: Options, now: number): Job[] {
  const here = inputs.guests?.flatMap(({ text }) => text.split('\n').filter(line => /^\d{3,9}$/.test(line)))
  const known = [...runs.keys()].filter(guest => guest !== SEVERAL)
  const wanted = (here ?? known).filter(guest => !exclude.includes(Number(guest)))
  const newest = (guest: string) => Math.max(0, ...(runs.get(guest) ?? []).map(run => run.startedAt))
  const isDark = runs.has(SEVERAL) && known.every(guest => newest(guest) <= newest(SEVERAL))
  return [...wanted, ...(isDark ? [SEVERAL] : [])].map(guest => jobOf(guest, runs.get(guest) ?? [], now))
}

function runOf({ status, startedAt, endedAt }: Task): Run {
  const result = status === null ? 'running' : status === 'OK' ? 'success' : /^WARNINGS: \d/.test(status) ? 'warnings' : 'failed'
  const why = result === 'warnings' || result === 'failed' ? status : null
  return {
    result,
    startedAt,
    endedAt,
    why,
    durationMs: endedAt === null ? null : Math.max(0, endedAt - startedAt),
    archiveBytes: null,
    storage: null,
  }
}

/** A task of several guests is as good for each as the log says; a guest that it began and did not end failed with it. */
function partsOf(task: Task, log: Log): [string, Run][] {
  const whole = runOf(task)
  return log.parts.map(part => {
    const endedAt =
      task.endedAt === null && !part.isDone && part.failure === null
        ? null
        : Math.min(task.endedAt ?? Number.POSITIVE_INFINITY, task.startedAt + part.afterMs)
    const done = whole.result === 'warnings' ? 'warnings' : 'success'
    const result = part.isDone ? done : endedAt === null ? 'running' : 'failed'
    const why =
      result === 'failed' ? (part.failure ?? task.status ?? 'it was begun and not finished') : result === 'warnings' ? whole.why : null
    return [
      part.guest,
      {
        result,
        startedAt: task.startedAt,
        endedAt,
        why,
        durationMs: part.durationMs,
        archiveBytes: part.archiveBytes,
        storage: log.storage,
      },
    ]
  })
}

const nameOf = (guest: string): string => (/^\d+$/.test(guest) ? `guest ${guest}` : `vzdump ${guest}`)

function jobOf(guest: string, runs: readonly Run[], now: number): Job {
  const job = blankJob(nameOf(guest), 'vzdump')
  const ended = runs.filter(run => run.endedAt !== null).sort((a, b) => (b.endedAt ?? 0) - (a.endedAt ?? 0))
  const running = runs.find(run => run.result === 'running')
  const last = ended[0]
  const good = ended.filter(run => run.result === 'success' || run.result === 'warnings')
  if (last && isFuture(last.endedAt ?? 0, now))
    return unanswered(job, new Unanswered('the last run ends in the future', 'Set the clock of the node.'))
  if (!last && !running)
    return unanswered(
      job,
      new Unanswered(
        'no run of vzdump for it is known on this node',
        'Add it to a backup job, or exclude it in the configuration of the agent.',
      ),
    )
  return {
    ...job,
    destination: last?.storage ?? null,
    lastRunAt: last?.endedAt ?? null,
    lastResult: running ? 'running' : (last?.result ?? null),
    lastSuccessAt: good[0]?.endedAt ?? null,
    runningSince: running?.startedAt ?? null,
    durationMs: last?.durationMs ?? null,
    addedBytes: last?.archiveBytes ?? null,
    learnedEveryMs: learnedEvery(good.flatMap(run => run.endedAt ?? [])),
    warnings: last?.why ? [clip(last.why)] : [],
  }
}

/** A log alone has no time with a zone: how it ended is known, when is not. */
function looseJobs(log: Log): Job[] {
  if (log.parts.length === 0) throw new Error('Cannot find a guest in this log of vzdump')
  return log.parts.map(part => {
    const result = part.isDone ? 'success' : part.failure === null ? null : 'failed'
    const job = {
      ...blankJob(nameOf(part.guest), 'vzdump'),
      destination: log.storage,
      durationMs: part.durationMs,
      addedBytes: part.archiveBytes,
    }
    return unanswered(
      { ...job, lastResult: result, warnings: part.failure ? [clip(part.failure)] : [] },
      new Error('the log tells times without their zone'),
    )
  })
}

function bounded(jobs: readonly Job[]): Job[] {
  if (jobs.length <= MOST_GUESTS) return [...jobs]
  const rest = unanswered(blankJob('other guests', 'vzdump'), new Error(`${jobs.length - MOST_GUESTS + 1} more guests are not shown`))
  return [...jobs.slice(0, MOST_GUESTS - 1), rest]
}
