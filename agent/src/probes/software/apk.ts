import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, defineProbe, type Inputs, needed, sole } from '../../probe.ts'
import { cut } from '../gather.ts'
import { type Line, listed, softwareOf, type Told } from './listed.ts'

/** Where apk keeps what is installed; apk 3 may use the second. */
const DATABASES = ['/lib/apk/db/installed', '/usr/lib/apk/db/installed']

/** Packages of Alpine by its database; see apk-db(5) and apk-list(8). */
export default defineProbe({
  subject: 'software',
  source: 'apk',
  platforms: ['linux'],
  every: '12h',
  timeout: '30s',
  watch: DATABASES,
  blind: 'When a package was installed.',
  inputs: {
    database: { from: DATABASES[0] ?? '', recognise: text => /^P:\S/m.test(text.slice(0, 4000)) && /^V:\S/m.test(text.slice(0, 4000)) },
    list: {
      from: 'apk list -I',
      recognise: text =>
        text.split('\n', 5).some(line => {
          const read = readLine(line)
          return read !== undefined && read !== 'nothing'
        }),
    },
  },
  parse: parseApk,

  async read(host: Host) {
    for (const path of DATABASES) {
      const database = await host.captured(path, { missing: undefined })
      if (database) return parseApk({ database: [database] })
    }
    throw new Absent('apk is not installed')
  },
})

/** @throws Denied, Absent, or Error where it is no whole list */
export function parseApk(inputs: Inputs): FactTypes['software'] {
  const database = sole(inputs, 'database')
  return database ? softwareOf(stanzas(database.text), null) : listed(needed(inputs, 'list'), readLine, 'empty is broken')
}

/** Stanzas of one-letter fields, each ended by an empty line. A field `f:` marks a package whose files or scripts failed. */
function stanzas(text: string): Told[] {
  if (text.trim() === '') throw new Error('Cannot believe an empty database of packages')
  if (!text.endsWith('\n\n')) throw new Error('Cannot read the database of packages: it ends in the middle of one')
  const packages = text.split(/\n\n+/).filter(stanza => stanza.trim() !== '')
  return packages.map(stanza => {
    const field = (letter: string) => new RegExp(`^${letter}:(.{1,200})$`, 'm').exec(stanza)?.[1] ?? null
    const [name, version] = [field('P'), field('V')]
    if (name === null || version === null)
      throw new Error(`Cannot read the package ${JSON.stringify(cut(stanza, 60))}: it has no name or version`)
    return { name, version, arch: field('A'), broken: /^f:[^\n]*[fsx]/m.test(stanza) }
  })
}

/** `musl-1.2.5-r0 x86_64 {musl} (MIT) [installed]`; `apk info -v` prints the first word alone, -vv a description behind it. Notes about repositories are no packages. */
function readLine(line: string): Line | undefined {
  if (/^(?:WARNING: |fetch https?:)/.test(line)) return 'nothing'
  const described = /^(\S{1,200})-([^-\s]{1,80}-r\d{1,9}) - /.exec(line)
  if (described) return { name: described[1] ?? '', version: described[2] ?? null }
  const [, name, version, arch] =
    /^(\S{1,200})-([^-\s]{1,80}-r\d{1,9})(?: (\S{1,32}) \{[^}]{0,200}\} \(.{0,300}\)(?: \[.{1,200}\])?)?$/.exec(line) ?? []
  if (!name || !version) return undefined
  if (arch !== undefined && !/\[(installed|upgradable from: )/.test(line)) return 'nothing'
  return { name, version: /\[upgradable from: \S*?-([^-\s]{1,80}-r\d{1,9})\]$/.exec(line)?.[1] ?? version, arch: arch ?? null }
}
