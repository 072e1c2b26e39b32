import type { FactTypes } from '@fettle/catalog'
import { type Host, HostError } from '../../host.ts'
import { Absent, type Captured, Denied, defineProbe, type Inputs, type ParseContext, sole } from '../../probe.ts'
import { GIVE_FULL_DISK_ACCESS } from '../full-disk-access.ts'
import { present } from '../gather.ts'
import { blankJob, isFuture, type Job, Unanswered, unanswered } from './job.ts'

const REPORTS = {
  darwin: '/Library/Backblaze.bzpkg/bzdata/bzreports',
  win32: 'C:\\ProgramData\\Backblaze\\bzdata\\bzreports',
  linux: null,
} as const
const FILES = { last: 'bzstat_lastbackupcompleted.xml', remaining: 'bzstat_remainingbackup.xml', total: 'bzstat_totalbackup.xml' } as const
/** A report is a few lines, characters. */
const LONGEST = 64 * 1024
/**
 * A pass that ends has sent what it had planned, not all that is selected: while more than this share is left, the first upload is not done and there
 * is no whole backup to speak of.
 */
const MOST_LEFT = 0.05

/**
 * Backblaze Computer Backup, by the reports that its client keeps for its own window: attributes of three small XML files. Backblaze documents none of
 * them; monitoring tools that read them agree on their meaning.
 */
export default defineProbe({
  subject: 'backups',
  source: 'backblaze',
  platforms: ['darwin', 'win32'],
  every: '30m',
  timeout: '20s',
  privilege: 'root; on Windows LocalSystem or an administrator',
  blind: 'Files that its exclusions leave out. A safety freeze, which shows as a backup that grows old. Whether a backup can be restored.',
  inputs: {
    last: { from: `${REPORTS.darwin}/${FILES.last}`, recognise: text => /<lastbackupcompleted\b/.test(text.slice(0, LONGEST)) },
    remaining: {
      from: `${REPORTS.darwin}/${FILES.remaining}`,
      recognise: text => /\bremainingnumbytesforbackup="/.test(text.slice(0, LONGEST)),
    },
    total: { from: `${REPORTS.darwin}/${FILES.total}`, recognise: text => /\btotnumbytesforbackup="/.test(text.slice(0, LONGEST)) },
  },
  parse: parseBackblaze,

  async read(host: Host) {
    const folder = REPORTS[host.platform]
    if (folder === null) throw new Absent('Backblaze has no client for this system')
    const separator = host.platform === 'win32' ? '\\' : '/'
    const report = (file: string) => reportOf(host, `${folder}${separator}${file}`)
    const last = await report(FILES.last)
    if (!last && !(await report(FILES.total))) throw new Absent('Backblaze is not installed')
    return parseBackblaze(
      { last: present(last), remaining: present(await report(FILES.remaining)), total: present(await report(FILES.total)) },
      { now: host.now(), hostname: host.hostname, options: undefined },
    )
  },
})

async function reportOf(host: Host, path: string): Promise<Captured | undefined> {
  try {
    return await host.captured(path, { missing: undefined })
  } catch (error) {
    if (error instanceof HostError && (error.code === 'EPERM' || error.code === 'EACCES'))
      throw new Denied(
        `${path} may not be read (${error.code})`,
        host.platform === 'darwin' ? GIVE_FULL_DISK_ACCESS : 'Run the agent as a service (LocalSystem).',
      )
    throw error
  }
}

/** @throws Error where no report can be read */
export function parseBackblaze(inputs: Inputs, { now }: ParseContext): FactTypes['backups'] {
  const [last, remaining, total] = ['last', 'remaining', 'total'].map(name => sole(inputs, name)?.text)
  const at = attribute(last, 'gmt_millis')
  const left = attribute(remaining, 'remainingnumbytesforbackup')
  const all = { bytes: attribute(total, 'totnumbytesforbackup'), files: attribute(total, 'totnumfilesforbackup') }
  if (at === null && left === null && all.bytes === null)
    throw new Error('Cannot read the reports of Backblaze: none of them tells anything')
  const base: Job = {
    ...blankJob('Backblaze', 'backblaze'),
    destination: 'Backblaze',
    sourceBytes: rounded(all.bytes),
    files: rounded(all.files),
  }
  try {
    return { jobs: [{ ...base, ...standing(at, left, all.bytes, now) }] }
  } catch (error) {
    return { jobs: [unanswered({ ...base, lastRunAt: at !== null && !isFuture(at, now) && at > 0 ? at : null }, error)] }
  }
}

/** @throws Unanswered where a pass that ended is not known to be a backup */
function standing(at: number | null, left: number | null, all: number | null, now: number): Partial<Job> {
  if (at === null || at <= 0)
    throw new Unanswered('no pass has ended yet: its first upload may be under way', 'See the window of Backblaze.')
  if (isFuture(at, now)) throw new Unanswered('the last pass ended in the future', 'Set the clock right.')
  if (left === null || all === null || all <= 0) throw new Unanswered('how much is left to be sent is not told')
  const share = Math.min(1, left / all)
  if (share > MOST_LEFT)
    throw new Unanswered(
      `${Math.round(share * 20) * 5} % of what is selected is still to be sent`,
      'Let it finish; see the speed in the window of Backblaze.',
    )
  return { lastRunAt: at, lastSuccessAt: at, lastResult: 'success' }
}

/** A whole number in an attribute, whose name is in no report twice; null where there is none, or the report is cut off. */
function attribute(text: string | undefined, name: string): number | null {
  if (text === undefined || text.length > LONGEST || !/<\/contents>\s*$/.test(text)) return null
  const digits = new RegExp(`\\s${name}="(\\d{1,18})"`).exec(text)?.[1]
  return digits === undefined ? null : Number(digits)
}

/** Sizes change with every file that is saved: two digits are told. */
function rounded(value: number | null): number | null {
  return value === null ? null : Number(value.toPrecision(2))
}
