import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { type Captured, Denied, defineProbe, type Inputs, sole } from '../../probe.ts'
import { cut, present, told, untilHostError } from '../gather.ts'
import { type Dict, textIn } from '../property-list.ts'
import { isProfile, profileOf } from '../system-profiler.ts'
import { CUT_SHORT, softwareOf, sorted, type Told } from './listed.ts'

const TYPE = 'SPApplicationsDataType'
/** Where applications lie that belong to everybody; what is in them must be in the report. */
const FOLDERS = ['/Applications', '/Applications/Utilities']
/** Words for "version" in reports for people; a language that is not among them leaves versions unknown. */
const VERSION = /^(version|versión|versione|versie|versão|версия|バージョン|版本|버전|wersja|verze)$/i

/**
 * Applications of macOS; see system_profiler(8). It asks Spotlight, which may be switched off or behind: the folders of applications are listed
 * beside it, and what it lacks is added without a version.
 */
export default defineProbe({
  subject: 'software',
  source: 'macos',
  platforms: ['darwin'],
  every: '1d',
  timeout: '5m',
  heavy: true,
  cost: '10 to 60 s of one core for some hundred applications, as others report',
  blind: 'When an application was installed; applications in folders of users where Spotlight does not look; command-line tools.',
  inputs: {
    profile: {
      from: `system_profiler -json ${TYPE}`,
      recognise: text => isProfile(text, TYPE) || /^Applications:\s*$/m.test(text.slice(0, 2000)),
    },
    folders: { from: `ls ${FOLDERS.join(' ')}`, recognise: text => /^\/[^\n]{1,400}\.app$/m.test(text.slice(0, 20_000)) },
  },
  parse: parseApplications,

  async read(host: Host) {
    const profile = await host.run(['system_profiler', '-json', TYPE], { timeoutMs: 270_000 })
    return parseApplications({ profile: [profile], folders: present(await foldersOf(host)) })
  },
})

/** Paths of applications, one a line; undefined where a folder could not be listed. */
async function foldersOf(host: Host): Promise<Captured | undefined> {
  const paths: string[] = []
  for (const folder of FOLDERS) {
    const names = await untilHostError(host.list(folder, { missing: [] }))
    if (!names) return undefined
    paths.push(...names.filter(name => name.endsWith('.app')).map(name => `${folder}/${name}`))
  }
  return told('applications', paths.join('\n'))
}

/** @throws Denied, Absent, Error where neither report nor folders can be read */
export function parseApplications(inputs: Inputs): FactTypes['software'] {
  const profile = sole(inputs, 'profile')
  const folders = sole(inputs, 'folders')
  const found = profile ? reported(profile) : { applications: [], unseen: 'what system_profiler reports' }
  // By the last part of their paths: what macOS keeps elsewhere (Safari) is listed in this folder as well.
  const bundles = new Set(found.applications.map(({ path }) => bundleOf(path ?? '')))
  const missed = (folders?.text ?? '')
    .split('\n')
    .map(line => line.trim())
    .filter(path => path.endsWith('.app') && path.length < 1000 && !bundles.has(bundleOf(path)))
    .map(path => ({ name: bundleOf(path).slice(0, -'.app'.length), version: null }))
  const all = [...found.applications, ...missed]
  if (all.length === 0) throw new Error('Cannot believe a Mac without any application')
  const lacking = missed.length > 0 && profile ? `the report lacks ${missed.length} applications: Spotlight may be switched off` : null
  const unlisted = profile && !folders ? 'whether the report of Spotlight is whole is not known' : null
  return { ...softwareOf(sorted(all), found.unseen ?? lacking ?? unlisted), broken: null }
}

const bundleOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

type Application = Told & { readonly path: string | null }

function reported(captured: Captured): { readonly applications: readonly Application[]; readonly unseen: string | null } {
  const { text, stderr, code } = captured
  if (/not permitted|permission denied/i.test(stderr.slice(0, 2000)))
    throw new Denied(`the applications may not be listed: ${cut(stderr, 120)}`, 'Give the agent Full Disk Access.')
  if (code !== null && code !== 0) throw new Error(`Cannot list the applications: system_profiler ended with ${code}: ${cut(stderr, 120)}`)
  if (!/^\s*\{|<plist[\s>]/.test(text.slice(0, 4000))) return { applications: printed(text), unseen: CUT_SHORT }
  const items = profileOf(text, TYPE)
  if (!items) throw new Error(`Cannot read the report: it was not asked for ${TYPE}`)
  return { applications: items.map(applicationOf), unseen: null }
}

function applicationOf(item: Dict): Application {
  const name = textIn(item._name)
  if (name === null) throw new Error('Cannot read an application of the report: it has no name')
  return {
    name,
    path: textIn(item.path),
    version: textIn(item.version),
    arch: archOf(textIn(item.arch_kind) ?? textIn(item.runtime_environment)),
    origin: signerOf(Array.isArray(item.signed_by) ? textIn(item.signed_by[0]) : null) ?? sourceOf(textIn(item.obtained_from)),
  }
}

/** Names stand four spaces in and end in a colon; what is told of them stands two further. */
function printed(text: string): Application[] {
  const applications: (Application & { version: string | null; path: string | null })[] = []
  if (!/^Applications:\s*$/m.test(text.slice(0, 2000)))
    throw new Error(`Cannot read a report without applications: ${cut(text.slice(0, 500), 80)}`)
  for (const raw of text.split('\n')) {
    const line = raw.slice(0, 2000).trimEnd()
    const heading = /^ {4}(\S.*):$/.exec(line)?.[1]
    if (heading !== undefined) applications.push({ name: heading, version: null, path: null })
    const current = applications.at(-1)
    const [, key = '', value = ''] = /^ {6}([^:]{1,60}): (\S.*)$/.exec(line) ?? []
    if (current === undefined || value === '') continue
    if (VERSION.test(key)) current.version = value
    if (value.startsWith('/') && value.endsWith('.app')) current.path = value
  }
  return applications
}

const ARCHITECTURES: { readonly [kind: string]: string } = {
  arch_arm: 'arm64',
  arch_arm_i64: 'universal',
  arch_i64: 'x86_64',
  arch_i32: 'i386',
  arch_i32_i64: 'x86',
  arch_x86: 'x86',
  arch_ppc: 'ppc',
  arch_ios: 'ios',
}
const archOf = (kind: string | null): string | null => (kind === null ? null : (ARCHITECTURES[kind] ?? kind.replace(/^arch_/, '')))
/** `Developer ID Application: Microsoft Corporation (UBF8T346G9)`; Apple's own is called Software Signing. */
const signerOf = (signer: string | null): string | null =>
  signer === 'Software Signing' ? 'Apple' : (signer?.replace(/^Developer ID Application: /, '') ?? null)
const sourceOf = (source: string | null): string | null => (source === null ? null : source.replaceAll('_', ' '))
