import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, Denied, defineProbe, type Inputs, type ParseContext } from '../../probe.ts'
import { cut } from '../gather.ts'
import { eventsOf, isEventXml, type LogEvent } from '../windows/events.ts'
import { whole } from '../windows/properties.ts'
import { windowsTime } from '../windows/time.ts'
import { blankJob, type Job, learnedEvery } from './job.ts'

const LOG = 'Veeam Agent'
const FINISHED = 190
const ARGV = ['wevtutil.exe', 'qe', LOG, `/q:*[System[(EventID=${FINISHED})]]`, '/f:xml', '/rd:true', '/c:100'] as const

/**
 * Veeam Agent for Windows: event 190 of its own log says how a job ended, by the level of the event, since its text is translated. The rows that a
 * monitoring plug-in makes of a job (`Status`, `JobName`, `LastBackupAge`) are read too; a success without an end is none.
 */
export default defineProbe({
  subject: 'backups',
  source: 'veeam',
  platforms: ['win32'],
  every: '1h',
  timeout: '1m',
  privilege: 'LocalSystem or an administrator.',
  blind: 'Which of several jobs ended, since the log names them in translated text only; jobs of a Veeam Backup & Replication server.',
  inputs: {
    events: { from: ARGV.join(' '), recognise: isEventXml },
    job: { from: 'rows of a job: Status, JobName, StartTime, LastBackupAge', recognise: text => /^(Status|JobName)\t/m.test(text) },
  },
  parse: parseVeeam,

  async read(host: Host) {
    return parseVeeam({ events: [await host.run(ARGV)] }, { now: host.now(), hostname: host.hostname, options: undefined })
  },
})

/** @throws Absent where there is no such log, Denied, Error */
export function parseVeeam(inputs: Inputs, { now }: ParseContext): FactTypes['backups'] {
  const jobs = [...(inputs.job ?? []).map(({ text }) => rowJob(text, now)), ...(inputs.events ?? []).map(logJob)]
  if (jobs.length === 0) throw new Error('Cannot judge without the input events')
  return { jobs }
}

function logJob({ text, stderr, code }: { readonly text: string; readonly stderr: string; readonly code: number | null }): Job {
  // 15007 ERROR_EVT_CHANNEL_NOT_FOUND
  if (code === 15007 || /channel could not be found/i.test(stderr)) throw new Absent('Veeam Agent is not installed')
  if (code === 5 || /Access is denied/i.test(stderr))
    throw new Denied('the log of Veeam Agent may not be read', 'Run the agent as a service (LocalSystem).')
  if (code !== null && code !== 0) throw new Error(`Cannot read the log of Veeam Agent: wevtutil ended with ${code} ${cut(stderr, 120)}`)
  const ended = eventsOf(text).filter(event => event.provider.startsWith('Veeam') && event.id === FINISHED && event.at !== null)
  if (text.trim() !== '' && ended.length === 0) throw new Error('Cannot read the log of Veeam Agent: no event 190 of Veeam in it')
  const newest = ended.sort((a, b) => (b.at ?? 0) - (a.at ?? 0))
  const good = newest.filter(event => event.level === 4 || event.level === 3)
  return {
    ...blankJob('Veeam Agent', 'veeam'),
    lastRunAt: newest[0]?.at ?? null,
    lastResult: newest[0] ? resultOf(newest[0]) : null,
    lastSuccessAt: good[0]?.at ?? null,
    learnedEveryMs: learnedEvery(good.flatMap(event => event.at ?? [])),
  }
}

function resultOf(event: LogEvent): Job['lastResult'] {
  return event.level === 4 ? 'success' : event.level === 3 ? 'warnings' : event.level === 1 || event.level === 2 ? 'failed' : null
}

function rowJob(text: string, now: number): Job {
  const rows = new Map(
    text
      .slice(0, 20_000)
      .split(/\r?\n/)
      .map(line => [line.split('\t')[0]?.trim() ?? '', line.split('\t')[1]?.trim() ?? ''] as const),
  )
  const status = rows.get('Status') ?? ''
  const name = cut(rows.get('JobName') ?? '', 128)
  if (status === '' || name === '') throw new Error('Cannot read the job: wanted Status and JobName')
  const age = whole(rows.get('LastBackupAge'))
  const runs = /^(InProgress|Running|Starting|Working|Pending)$/i.test(status)
  const good = /^(Success|Warning)$/i.test(status)
  const endless = good && age === null
  const ended = age === null ? null : now - age * 1000
  return {
    ...blankJob(name, 'veeam'),
    lastRunAt: windowsTime(rows.get('StartTime')),
    lastResult: runs
      ? 'running'
      : endless
        ? null
        : /^Success$/i.test(status)
          ? 'success'
          : /^Warning$/i.test(status)
            ? 'warnings'
            : 'failed',
    lastSuccessAt: good ? ended : null,
    sourceBytes: whole(rows.get('TotalSizeByte')),
    warnings: endless ? [`it says ${cut(status, 20)} and has no end: the backup is not complete`] : [],
    ...(runs ? { standing: 'unknown' as const, reason: 'a job runs, and its source tells no earlier success' } : {}),
  }
}
