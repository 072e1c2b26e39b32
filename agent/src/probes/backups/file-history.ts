import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, defineProbe, type Inputs, needed } from '../../probe.ts'
import { cut } from '../gather.ts'
import { answerOf, isAnswer, partIfThere, partOf } from '../windows/answer.ts'
import type { Properties } from '../windows/properties.ts'
import { windowsTime } from '../windows/time.ts'
import { blankJob, type Job } from './job.ts'

const SCRIPT = 'backups/file-history'
const MOST_USERS = 64

/** File History of the users that are logged in: up to when their files are protected, by the value `ProtectedUpToTime` of each user's registry. */
export default defineProbe({
  subject: 'backups',
  source: 'file-history',
  platforms: ['win32'],
  shares: 'powershell',
  every: '1h',
  timeout: '1m',
  privilege: 'LocalSystem: the registry of the users is readable by nobody else.',
  blind:
    'Users who are not logged in. The value is said to be empty while a cycle runs, so an empty one is told as unknown and never as "never".',
  inputs: { answer: { from: `powershell ${SCRIPT}`, recognise: text => isAnswer(text, 'users') } },
  parse: parseFileHistory,

  async read(host: Host) {
    return parseFileHistory({ answer: [await host.powershell(SCRIPT)] })
  },
})

/** @throws Absent where no user that is logged in has it, Denied, Error */
export function parseFileHistory(inputs: Inputs): FactTypes['backups'] {
  const answer = answerOf(needed(inputs, 'answer'))
  const users = partOf(answer, 'users')
  if (!users) throw new Error('Cannot read the users: the answer has no list')
  if (users.length === 0) throw new Absent('no user that is logged in has set up File History')
  const disabled = /^disabled$/i.test(partIfThere(answer, 'service')?.[0]?.get('start') ?? '')
  return { jobs: users.slice(0, MOST_USERS).map(user => jobOf(user, disabled)) }
}

function jobOf(user: Properties, disabled: boolean): Job {
  const at = windowsTime(user.get('protectedupto'))
  const job = { ...blankJob(`File History of user ${cut(user.get('relative') ?? '?', 20)}`, 'file-history'), lastSuccessAt: at }
  const warnings = disabled ? ['the service fhsvc is disabled: nothing is copied any more'] : []
  if (at !== null) return { ...job, warnings }
  return {
    ...job,
    warnings,
    standing: 'unknown',
    reason: 'Windows does not tell up to when the files are protected',
    hint: 'See File History in the control panel of that user.',
  }
}
