import type { FactTypes } from '@fettle/catalog'
import { type Host, NotInstalled } from '../../host.ts'
import { Absent, defineProbe, type Inputs, needed } from '../../probe.ts'
import { type Line, listed } from './listed.ts'

/** Packages of Arch and its kin by pacman(8). */
export default defineProbe({
  subject: 'software',
  source: 'pacman',
  platforms: ['linux'],
  every: '12h',
  timeout: '90s',
  blind: 'Architecture, and when a package was installed.',
  inputs: { list: { from: 'pacman -Q', recognise: text => text.split('\n', 5).some(line => readLine(line) !== undefined) } },
  parse: parseList,

  async read(host: Host) {
    try {
      return parseList({ list: [await host.run(['pacman', '-Q'])] })
    } catch (error) {
      if (error instanceof NotInstalled) throw new Absent('pacman is not installed')
      throw error
    }
  },
})

/** @throws Denied, Absent, or Error where it is no whole list */
export function parseList(inputs: Inputs): FactTypes['software'] {
  return listed(needed(inputs, 'list'), readLine, 'may be empty')
}

function readLine(line: string): Line | undefined {
  const [, name, version] = /^([a-z0-9@_+][\w@.+-]{0,120}) ((?:\d+:)?[\w.+~]{1,80}-[\d.]{1,12})$/.exec(line) ?? []
  return name && version ? { name, version } : undefined
}
