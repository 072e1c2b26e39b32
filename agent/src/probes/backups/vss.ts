import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { type Captured, Denied, defineProbe, type Inputs, type ParseContext, sole } from '../../probe.ts'
import { type Answer, answerOf, isAnswer, partIfThere, partOf } from '../windows/answer.ts'
import { type Properties, whole } from '../windows/properties.ts'
import { windowsTime } from '../windows/time.ts'
import { runFor } from './gather.ts'
import { blankJob, clip, isFuture, type Job, learnedEvery, Unanswered, unanswered, warningList } from './job.ts'

const SCRIPT = 'backups/vss'
const WRITERS = ['vssadmin.exe', 'list', 'writers'] as const
/** Every writer is asked: one that hangs takes up to this long, ms. */
const WRITERS_MS = 90_000
const MOST_VOLUMES = 64
/** MaxSpace of a volume without a bound is 2^64 - 1; no volume comes near this. */
const UNBOUNDED = 2 ** 60
/** VSS_WRITER_STATE of vswriter.h: stable, or in the middle of a backup. Whatever is above has failed at some step. */
const LAST_GOOD_STATE = 5
/** WBEM_E_INITIALIZATION_FAILURE is what the provider of shadow copies answers to those who are no administrator. */
const NO_ADMINISTRATOR = /80041014/

/**
 * Shadow copies and restore points: on the disk that they are copies of, so never a backup. The writers of the Volume Shadow Copy Service are told
 * where they have failed, since a backup through them fails too; their states are numbers in every language. See vssadmin(1).
 */
export default defineProbe({
  subject: 'backups',
  source: 'vss',
  platforms: ['win32'],
  shares: 'powershell',
  every: '6h',
  timeout: '3m',
  heavy: true,
  privilege: 'LocalSystem or an administrator.',
  blind:
    'Whether a shadow copy holds what is wanted. Writers are asked as they are between two backups: a failure is forgotten when the service starts anew.',
  inputs: {
    answer: { from: `powershell ${SCRIPT}`, recognise: text => isAnswer(text, 'copies') },
    writers: {
      from: WRITERS.join(' '),
      recognise: text => /^\S.{0,80}: '.{1,200}'\s*$/m.test(text) && /^\s{1,8}\S.{0,60}: \[\d{1,2}\] /m.test(text),
    },
  },
  parse: parseVss,

  async read(host: Host) {
    const answer = await host.powershell(SCRIPT)
    // Without vssadmin, or with a writer that hangs, the shadow copies are told all the same.
    const writers = await runFor(host, 'writers', WRITERS, { timeoutMs: WRITERS_MS })
    return parseVss({ answer: [answer], writers: [writers] }, { now: host.now(), hostname: host.hostname, options: undefined })
  },
})

/** @throws Denied to others than administrators, Absent where Windows has no shadow copies, Error where neither can be read */
export function parseVss(inputs: Inputs, { now }: ParseContext): FactTypes['backups'] {
  const captured = sole(inputs, 'answer')
  const writers = sole(inputs, 'writers')
  const jobs = captured ? ofAnswer(answerOf(captured), now) : []
  if (!captured && !writers) throw new Error('Cannot judge without what the script or vssadmin answers')
  return { jobs: [...jobs, ...(writers ? writersJob(writers, captured === undefined) : [])] }
}

function ofAnswer(answer: Answer, now: number): Job[] {
  const copies = copiesOf(answer)
  if (!copies) throw new Error('Cannot read the shadow copies: the answer has no list')
  const names = new Map((partIfThere(answer, 'volumes') ?? []).map(row => [row.get('volume') ?? '', row.get('name') ?? '']))
  const space = new Map((partIfThere(answer, 'storage') ?? []).map(row => [row.get('volume') ?? '', row]))
  const volumes = Map.groupBy(copies, copy => copy.get('volume') ?? '')
  const found = [...volumes]
    .slice(0, MOST_VOLUMES)
    .map(([volume, rows]) => volumeJob(names.get(volume) || volume, rows, space.get(volume), now))
  const points = partIfThere(answer, 'points') ?? []
  return points.length > 0 ? [...found, snapshotJob('System Restore', times(points, 'created'), points.length, now)] : found
}

function copiesOf(answer: Answer): Properties[] | undefined {
  try {
    return partOf(answer, 'copies')
  } catch (error) {
    if (error instanceof Error && NO_ADMINISTRATOR.test(error.message))
      throw new Denied('shadow copies are told to administrators only', 'Run the agent as a service (LocalSystem).')
    throw error
  }
}

function volumeJob(name: string, rows: readonly Properties[], space: Properties | undefined, now: number): Job {
  const job = snapshotJob(clip(`shadow copies of ${name}`, 128), times(rows, 'at'), rows.length, now)
  const [used, max] = [whole(space?.get('used')), whole(space?.get('max'))]
  const isBound = used !== null && max !== null && max > 0 && max < UNBOUNDED
  return {
    ...job,
    destination: clip(name, 300),
    destinationFreeRatio: isBound ? Math.floor((1 - Math.min(used, max) / max) * 20) / 20 : null,
  }
}

function times(rows: readonly Properties[], key: string): number[] {
  return rows.flatMap(row => windowsTime(row.get(key)) ?? [])
}

function snapshotJob(name: string, at: readonly number[], count: number, now: number): Job {
  const base: Job = { ...blankJob(name, 'vss'), kind: 'snapshot', snapshots: count }
  const newest = at.reduce((latest, time) => Math.max(latest, time), 0)
  if (newest === 0) return unanswered(base, new Unanswered('Windows tells no time of them'))
  if (isFuture(newest, now)) return unanswered(base, new Unanswered('the newest lies in the future', 'Set the clock right.'))
  return { ...base, lastRunAt: newest, lastSuccessAt: newest, learnedEveryMs: learnedEvery(at) }
}

/** A job only where a writer has failed, or where nobody could be asked: healthy writers are no news. @throws Denied, Absent, Error for vssadmin alone */
function writersJob(captured: Captured, isAlone: boolean): Job[] {
  const base: Job = { ...blankJob('writers', 'vss'), kind: 'snapshot' }
  try {
    const failed = failedWriters(captured)
    return failed.length === 0 ? [] : [{ ...base, lastResult: 'failed', warnings: warningList(failed) }]
  } catch (error) {
    if (isAlone) throw error
    return [unanswered(base, error)]
  }
}

/**
 * Blocks of a name in quotes and lines of which one has `[number] word`: `Writer name: 'System Writer'`, `State: [1] Stable`. The words are
 * translated, the shape is not.
 */
function failedWriters({ text, stderr, code }: Captured): string[] {
  const blocks = text
    .slice(0, 1_000_000)
    .split(/^(?=\S[^\n]{0,80}: '[^\n]{1,200}'\s*$)/m)
    .filter(block => /^\S[^\n]{0,80}: '/.test(block))
  if (blocks.length === 0) {
    if (/access|administrat|0x80070005|elevat/i.test(`${stderr} ${text.slice(0, 2_000)}`) || code === 5)
      throw new Denied('vssadmin answers administrators only', 'Run the agent as a service (LocalSystem).')
    const why = clip(stderr, 150) || (code ? `exit code ${code}` : 'no reason is told')
    throw new Unanswered(`vssadmin lists no writer: ${why}`, 'See whether the service VSS starts, and which writer hangs.')
  }
  return blocks.slice(0, 256).flatMap(block => {
    const name = clip(/: '([^\n]{1,200})'/.exec(block)?.[1] ?? '?', 120)
    const [, state, words] = /^\s{1,8}\S[^\n[]{0,60}: \[(\d{1,2})\] ?([^\n]{0,100})/m.exec(block) ?? []
    if (state === undefined) throw new Unanswered(`vssadmin tells no state of the writer ${name}`)
    const number = Number(state)
    if (number >= 1 && number <= LAST_GOOD_STATE) return []
    return [`the writer ${name} is in the state ${number}${words?.trim() ? ` (${clip(words, 80)})` : ''}: a backup that needs it fails`]
  })
}
