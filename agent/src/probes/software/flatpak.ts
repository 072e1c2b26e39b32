import type { FactTypes } from '@fettle/catalog'
import { type Host, NotInstalled, TimedOut } from '../../host.ts'
import { Absent, type Captured, Denied, defineProbe, type Inputs, needed, sole } from '../../probe.ts'
import { cut, told } from '../gather.ts'
import { CUT_SHORT, distinct, softwareOf, type Told } from './listed.ts'

const LIST = ['flatpak', 'list', '--system', '--columns=application,version,arch,origin'] as const
const HOME = '/home/[^/]*'
const STEPS = ['', '/\\.local', '/\\.local/share', '/\\.local/share/flatpak', '/\\.local/share/flatpak/app']
/** Names of what users have installed for themselves, without a look at anything else of theirs: find(1) goes into no other folder and no other file system. */
const OWN = [
  'find',
  '/home',
  '-xdev',
  '-mindepth',
  '1',
  '(',
  ...STEPS.flatMap((step, i) => [...(i === 0 ? [] : ['-o']), '-regex', `${HOME}${step}`]),
  ')',
  '-o',
  '-regex',
  `${HOME}${STEPS.at(-1)}/[^/]*`,
  '-printf',
  '%f\\n',
  '-prune',
  '-o',
  '-prune',
] as const
const APPLICATION = /^[\w-]{1,100}(?:\.[\w-]{1,100}){1,20}$/

/** Applications and runtimes of flatpak for all users, and the names of what users installed for themselves; see flatpak-list(1). */
export default defineProbe({
  subject: 'software',
  source: 'flatpak',
  platforms: ['linux'],
  every: '12h',
  timeout: '90s',
  privilege: 'Root, to see what users have installed for themselves.',
  watch: ['/var/lib/flatpak/.changed'],
  blind: 'Versions of what users installed for themselves; home folders outside of /home.',
  inputs: {
    list: {
      from: LIST.join(' '),
      recognise: text => text.split('\n', 20).some(line => line.includes('\t') && line.split('\t', 2).some(cell => APPLICATION.test(cell))),
    },
    own: { from: OWN.join(' ') },
  },
  parse: parseFlatpak,

  async read(host: Host) {
    const list = await host.run(LIST, { timeoutMs: 30_000 }).catch(error => {
      if (error instanceof NotInstalled) throw new Absent('flatpak is not installed')
      throw error
    })
    return parseFlatpak({ list: [list], own: [await ownOf(host)] })
  },
})

/** A home folder that hangs or may not be entered leaves it open what is in it. */
async function ownOf(host: Host): Promise<Captured> {
  try {
    if (!(await host.stat('/home', { missing: undefined }))) return { ...told('/home', ''), code: 0 }
    return await host.run(OWN, { timeoutMs: 20_000 })
  } catch (error) {
    if (error instanceof TimedOut || error instanceof NotInstalled)
      return { text: '', stderr: error.message, code: 1, name: 'find', modifiedAt: null }
    throw error
  }
}

/** @throws Absent where nothing is installed, Denied, Error where a line is none */
export function parseFlatpak(inputs: Inputs): FactTypes['software'] {
  const list = needed(inputs, 'list')
  const own = sole(inputs, 'own')
  const said = cut(/^error: (.{1,300})/im.exec(`${list.stderr}\n${list.text}`.slice(0, 20_000))?.[1] ?? '', 200)
  if (/permission denied/i.test(said)) throw new Denied(`flatpak may not list: ${said}`, 'Run the agent as root.')
  if (said !== '' || (list.code !== null && list.code !== 0)) throw new Error(`Cannot list flatpaks: ${said || `ended with ${list.code}`}`)
  const lines = list.text.split('\n').filter(line => line.trim() !== '' && !/^(?:Application ID|Name)\t/.test(line))
  if (lines.length === 0 && list.code === null) throw new Error('Cannot tell an empty list from a failure without the exit code')
  const names = new Set((own?.text ?? '').split('\n').filter(name => name.length < 200 && APPLICATION.test(name)))
  const unseen = own?.code === 0 ? null : 'what users have installed for themselves'
  const all = [...lines.map(readLine), ...[...names].map(name => ({ name, version: null, origin: 'of a user' }))]
  if (all.length === 0 && unseen !== null) return { packages: [], total: 0, broken: null, unseen }
  return { ...softwareOf(distinct(all), list.code === null ? CUT_SHORT : unseen), broken: null }
}

/** `APPLICATION\tVERSION\tARCH\tORIGIN`, of which only the first is always told; without --columns a name for people stands before, and a branch behind. */
function readLine(line: string): Told {
  const cells = line.length > 2000 ? [] : line.split('\t').map(cell => cell.trim())
  const at = cells.findIndex(cell => APPLICATION.test(cell))
  if (at !== 0 && at !== 1) throw new Error(`Cannot read ${JSON.stringify(cut(line, 80))} as a flatpak`)
  const [name = '', version = '', third = '', fourth = ''] = cells.slice(at)
  const isArch = /^(x86_64|aarch64|i386|arm)$/.test(third)
  return { name, version: version || null, arch: isArch ? third : null, origin: at === 0 ? fourth || null : null }
}
