import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { defineProbe, type Inputs, sole } from '../../probe.ts'
import { cut } from '../gather.ts'
import { answerOf, isAnswer, partOf } from '../windows/answer.ts'
import { jsonObjects, listObjects, type Properties, whole } from '../windows/properties.ts'
import { windowsTime } from '../windows/time.ts'
import { blankJob, type Job } from './job.ts'

const SCRIPT = 'backups/windows-server-backup'

/** Windows Server Backup; see Get-WBSummary. A last run that is newer than the last success has failed, or runs now. */
export default defineProbe({
  subject: 'backups',
  source: 'windows-server-backup',
  platforms: ['win32'],
  shares: 'powershell',
  every: '1h',
  timeout: '2m',
  privilege: 'LocalSystem, an administrator or a backup operator.',
  blind: 'Which volumes are in the backup, and whether it can be restored.',
  inputs: {
    answer: { from: `powershell ${SCRIPT}`, recognise: text => isAnswer(text, 'summary') },
    summary: { from: 'Get-WBSummary', recognise: text => /\b(LastSuccessfulBackupTime|LastBackupResultHR)\b/.test(text) },
  },
  parse: parseWsb,

  async read(host: Host) {
    return parseWsb({ answer: [await host.powershell(SCRIPT)] })
  },
})

/** @throws Absent where the feature is not installed, Denied, Error where the summary cannot be read */
export function parseWsb(inputs: Inputs): FactTypes['backups'] {
  const printed = sole(inputs, 'summary')
  const captured = sole(inputs, 'answer')
  const [summary] = printed
    ? (jsonObjects(printed.text) ?? listObjects(printed.text))
    : captured
      ? (partOf(answerOf(captured), 'summary') ?? [])
      : []
  if (!summary || !(summary.has('lastbackupresulthr') || summary.has('numberofversions')))
    throw new Error('Cannot read the summary of Windows Server Backup: wanted LastBackupResultHR and NumberOfVersions')
  return { jobs: [jobOf(summary)] }
}

function jobOf(summary: Properties): Job {
  const lastRunAt = windowsTime(summary.get('lastbackuptime'))
  const lastSuccessAt = windowsTime(summary.get('lastsuccessfulbackuptime'))
  // A date that is there and cannot be read must not pass for "never".
  for (const name of ['lastbackuptime', 'lastsuccessfulbackuptime']) {
    const text = summary.get(name)
    if (text !== undefined && windowsTime(text) === null && !/\b(0001|1601|1899)\b/.test(text))
      throw new Error(`Cannot read the time ${JSON.stringify(cut(text, 40))} of ${name}`)
  }
  const running = summary.get('currentoperationstatus')
  const runs = running !== undefined && !/^(NoOperationInProgress|0)$/i.test(running)
  const code = whole(summary.get('lastbackupresulthr'))
  const failed = (code !== null && code !== 0) || (lastRunAt !== null && lastSuccessAt !== null && lastRunAt > lastSuccessAt)
  const message = summary.get('detailedmessage')
  return {
    ...blankJob('Windows Server Backup', 'windows-server-backup'),
    destination: cut(summary.get('lastbackuptarget') ?? summary.get('lastsuccessfulbackuptargetlabel') ?? '', 500) || null,
    lastRunAt,
    lastResult: runs ? 'running' : lastRunAt === null && lastSuccessAt === null ? null : failed ? 'failed' : code === 0 ? 'success' : null,
    lastSuccessAt,
    snapshots: whole(summary.get('numberofversions')),
    warnings: failed ? [cut(`${message ?? 'the last backup failed'}${code ? ` (0x${code.toString(16)})` : ''}`, 500)] : [],
  }
}
