import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { defineProbe, type Inputs, sole } from '../../probe.ts'
import { answerOf, isAnswer, partOf } from '../windows/answer.ts'
import { jsonObjects, type Properties, whole } from '../windows/properties.ts'
import { isRegistry, registryOf } from '../windows/registry.ts'
import { CUT_SHORT, distinct, softwareOf, type Told } from './listed.ts'

const SCRIPT = 'software/registry'
const KEY = /\\(wow6432node\\)?microsoft\\windows\\currentversion\\uninstall\\[^\\]+$/
/** Views of the registry as an architecture; what a user installed for himself tells none. */
const VIEWS: { readonly [view: string]: string } = { Registry64: '64-bit', Registry32: '32-bit' }

/**
 * Programs by the Uninstall keys of the registry: of the machine in both views, and of each user who is logged in. Also those that hide from the
 * settings (SystemComponent): they are installed no less. Updates of a program are not programs. Win32_Product is never asked: it repairs what it lists.
 */
export default defineProbe({
  subject: 'software',
  source: 'registry',
  platforms: ['win32'],
  every: '12h',
  timeout: '2m',
  shares: 'powershell',
  privilege: 'LocalSystem or an administrator: the hives of other users are readable by nobody else.',
  blind: 'Programs of users who are not logged in (the fact says how many they are), and programs that were only copied.',
  inputs: {
    answer: { from: `powershell ${SCRIPT}`, recognise: text => isAnswer(text, 'entries', 'users') },
    registry: {
      from: 'reg.exe query HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall /s',
      recognise: text => isRegistry(text) && /\\uninstall/i.test(text.slice(0, 20_000)),
    },
    objects: {
      from: 'Get-ItemProperty HKLM:\\…\\Uninstall\\* | Select-Object DisplayName, DisplayVersion, Publisher, InstallDate | ConvertTo-Json',
      recognise: text =>
        /^\s*(?:\[\s*)?\{/.test(text) && /"DisplayName"\s*:|"name"\s*:\s*"[^"]{0,300}",\s*"version"\s*:/.test(text.slice(0, 4000)),
    },
  },
  parse: parseRegistry,

  async read(host: Host) {
    return parseRegistry({ answer: [await host.powershell(SCRIPT, { timeoutMs: 90_000 })] })
  },
})

/** @throws Denied, Error where nothing tells what is installed: an empty list is never believed */
export function parseRegistry(inputs: Inputs): FactTypes['software'] {
  const captured = sole(inputs, 'answer')
  const { programs, unseen } = captured ? answered(answerOf(captured)) : exported(inputs)
  if (programs.length === 0) throw new Error('Cannot believe that no program is registered as installed')
  return { ...softwareOf(distinct(programs), unseen), broken: null }
}

type Read = { readonly programs: readonly Told[]; readonly unseen: string | null }

function answered(answer: ReturnType<typeof answerOf>): Read {
  const entries = partOf(answer, 'entries')
  if (!entries) throw new Error('Cannot read what is installed: the answer has no entries')
  const absent = whole(partOf(answer, 'users')?.[0]?.get('absent'))
  const programs = entries.flatMap(entry => programOf(entry, VIEWS[entry.get('view') ?? ''] ?? null))
  return { programs, unseen: absent === null ? 'which users there are is not told' : unseenUsers(absent) }
}

function unseenUsers(count: number): string | null {
  if (count === 0) return null
  return count === 1 ? 'programs of a user who is not logged in' : `programs of ${count} users who are not logged in`
}

/** What was captured by hand: of which registry, and whether to its end, nothing tells. */
function exported(inputs: Inputs): Read {
  const keys = [...registryOf(inputs.registry ?? [])].filter(([key]) => KEY.test(key))
  const objects = (inputs.objects ?? []).flatMap(({ text }) => jsonObjects(text) ?? [])
  const programs = [
    ...keys.flatMap(([key, values]) => programOf(values, key.includes('\\wow6432node\\') ? '32-bit' : null)),
    ...objects.flatMap(object => programOf(object, null)),
  ]
  return { programs, unseen: `programs of users, and of the other view of the registry; ${CUT_SHORT}` }
}

/** Nothing for a key without a name, and for an update of something that has a key of its own. */
function programOf(entry: Properties, arch: string | null): Told[] {
  const name = entry.get('displayname') ?? entry.get('name')
  if (name === undefined || name.trim() === '') return []
  if (entry.has('parentkeyname') || /update|hotfix|service ?pack/i.test(entry.get('releasetype') ?? '')) return []
  const version = entry.get('displayversion') ?? entry.get('version')
  const known = version !== undefined && /\d/.test(version)
  return [
    { name, version: known ? version : null, arch, origin: entry.get('publisher') ?? null, installedAt: dayOf(entry.get('installdate')) },
  ]
}

/** `20210724`, the form that MSI writes; other installers write dates whose order nobody can tell. */
function dayOf(text: string | undefined): number | null {
  const [, year, month, day] = /^(\d{4})(\d\d)(\d\d)$/.exec(text ?? '') ?? []
  const at = Date.parse(`${year}-${month}-${day}T00:00:00Z`)
  return Number.isFinite(at) && at > Date.UTC(1995, 0, 1) ? at : null
}
