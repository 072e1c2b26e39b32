import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, defineProbe, type Inputs, needed } from '../../probe.ts'
import { cut } from '../gather.ts'
import { answerOf, isAnswer, partIfThere, partOf } from '../windows/answer.ts'
import { type Properties, truth, whole } from '../windows/properties.ts'
import { blankJob, type Job } from './job.ts'

const SCRIPT = 'backups/onedrive'
const MOST_ACCOUNTS = 64
/** Bits of `KfmFoldersProtectedNow`; Microsoft names none, scripts that audit it agree on these three. */
const FOLDERS = [
  { name: 'Desktop', key: 'desktop', bit: 512 },
  { name: 'Documents', key: 'documents', bit: 1024 },
  { name: 'Pictures', key: 'pictures', bit: 2048 },
] as const

/**
 * Known Folder Move: whether Desktop, Documents and Pictures of the users that are logged in lie in their OneDrive; see "Redirect and move Windows
 * known folders to OneDrive". It follows deletions, so it is synchronization and no backup.
 */
export default defineProbe({
  subject: 'backups',
  source: 'onedrive',
  platforms: ['win32'],
  shares: 'powershell',
  every: '6h',
  timeout: '1m',
  privilege: 'LocalSystem: the registry of the users is readable by nobody else.',
  blind:
    'Users who are not logged in: their registry is not loaded. Whether OneDrive runs, and when it last synchronized: its registry does not tell, so every such job is unknown.',
  inputs: { answer: { from: `powershell ${SCRIPT}`, recognise: text => isAnswer(text, 'accounts') } },
  parse: parseOneDrive,

  async read(host: Host) {
    return parseOneDrive({ answer: [await host.powershell(SCRIPT)] })
  },
})

/** @throws Absent where no user that is logged in has an account, Denied, Error where the accounts cannot be read */
export function parseOneDrive(inputs: Inputs): FactTypes['backups'] {
  const answer = answerOf(needed(inputs, 'answer'))
  const accounts = partOf(answer, 'accounts')
  if (!accounts) throw new Error('Cannot read the accounts of OneDrive: the answer has no list')
  if (accounts.length === 0)
    throw new Absent(
      answer.users === 0 ? 'no user is logged in whose registry would tell of OneDrive' : 'no user that is logged in has set up OneDrive',
    )
  const policy = partIfThere(answer, 'policy')?.[0]
  return { jobs: accounts.slice(0, MOST_ACCOUNTS).map((account, index) => jobOf(account, index, policy)) }
}

function jobOf(account: Properties, index: number, policy: Properties | undefined): Job {
  const who = `user ${cut(account.get('relative') ?? `${index + 1}`, 20)}, ${cut(account.get('account') ?? 'account', 40)}`
  return {
    ...blankJob(`OneDrive of ${who}`, 'onedrive'),
    kind: 'sync',
    destination: 'OneDrive',
    standing: 'unknown',
    reason: 'OneDrive does not tell in the registry when it last synchronized',
    hint: "See the sync health of the Microsoft 365 Apps admin center, or OneDrive's icon.",
    warnings: warningsOf(account, policy),
  }
}

/** A folder counts as held where neither its own path nor OneDrive's bit says otherwise, and one of them says so. */
function warningsOf(account: Properties, policy: Properties | undefined): string[] {
  const mask = whole(account.get('protected'))
  const states = FOLDERS.map(({ name, key, bit }) => {
    const words = [truth(account.get(key)), mask === null ? null : (mask & bit) !== 0]
    return { name, held: words.includes(false) ? false : words.includes(true) ? true : null }
  })
  const named = (held: boolean | null) => states.flatMap(state => (state.held === held ? [state.name] : [])).join(', ')
  const demanded = truth(policy?.get('optin')) === true ? ', although policy moves them there' : ''
  const isBlocked = whole(policy?.get('blocked')) ?? 0
  return [
    ...(named(false) === '' ? [] : [`not in OneDrive: ${named(false)}${demanded}`]),
    ...(named(null) === '' ? [] : [`whether they are in OneDrive is not told: ${named(null)}`]),
    ...(isBlocked > 0 ? ['policy keeps users from moving known folders to OneDrive'] : []),
  ]
}
