import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, defineProbe, type Inputs, needed } from '../../probe.ts'
import { cut, told } from '../gather.ts'
import { CUT_SHORT, distinct, softwareOf, type Told } from './listed.ts'

/** Where Homebrew keeps formulae and casks, on Apple silicon, on Intel and on Linux: a folder each, with one of each version in it. */
const ROOTS = ['/opt/homebrew', '/usr/local', '/home/linuxbrew/.linuxbrew']
const SHELVES = ['Cellar', 'Caskroom']
/** Most folders of one shelf that are looked into. */
const MOST = 2000
const NAME = /^[\w@.+-]{1,120}$/

/** What Homebrew has installed, by its folders: `brew` itself refuses to run as root. See the Homebrew documentation, "Terminology". */
export default defineProbe({
  subject: 'software',
  source: 'homebrew',
  platforms: ['darwin', 'linux'],
  every: '12h',
  timeout: '1m',
  blind: 'Homebrew in other folders; whether a formula is linked.',
  inputs: {
    list: {
      from: 'brew list --versions',
      recognise: text => text.trim() !== '' && text.split('\n', 5).every(line => line === '' || readLine(line) !== undefined),
    },
  },
  parse: parseHomebrew,

  async read(host: Host) {
    const lines: string[] = []
    let isThere = false
    for (const shelf of ROOTS.flatMap(root => SHELVES.map(name => `${root}/${name}`))) {
      const names = await host.list(shelf, { missing: undefined })
      isThere ||= names !== undefined
      for (const name of (names ?? []).filter(one => NAME.test(one) && !one.startsWith('.')).slice(0, MOST)) {
        const versions = await host.list(`${shelf}/${name}`, { missing: [] })
        lines.push([name, ...versions.filter(version => !version.startsWith('.') && !/\s/.test(version))].join(' '))
      }
    }
    if (!isThere) throw new Absent('Homebrew is not installed')
    return parseHomebrew({ list: [{ ...told('folders of Homebrew', lines.join('\n')), code: 0 }] })
  },
})

/** A line each: the name, then every version that is kept. @throws Absent where nothing is installed, Error where a line is none */
export function parseHomebrew(inputs: Inputs): FactTypes['software'] {
  const { text, stderr, code } = needed(inputs, 'list')
  if (code !== null && code !== 0)
    throw new Error(`Cannot list what Homebrew has installed: ended with ${code}: ${cut(stderr || text, 120)}`)
  const all = text
    .split('\n')
    .filter(line => line.trim() !== '')
    .flatMap(line => {
      const read = readLine(line)
      if (!read) throw new Error(`Cannot read ${JSON.stringify(cut(line, 80))} as something that Homebrew has installed`)
      return read
    })
  if (all.length === 0 && code === null) throw new Error('Cannot tell an empty list from a failure without the exit code')
  return { ...softwareOf(distinct(all), code === null ? CUT_SHORT : null), broken: null }
}

/** A name alone is a folder of which every version was removed: still told, without one. */
function readLine(line: string): Told[] | undefined {
  const [name = '', ...versions] = line.length > 2000 ? [] : line.trim().split(/\s+/)
  if (!NAME.test(name) || !versions.every(version => /^[\w@.,:+~-]{1,100}$/.test(version) && /\d|^latest$|^HEAD/.test(version)))
    return undefined
  return versions.length === 0 ? [{ name, version: null }] : versions.map(version => ({ name, version }))
}
