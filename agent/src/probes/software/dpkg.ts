import type { FactTypes } from '@fettle/catalog'
import { type Host, NotInstalled } from '../../host.ts'
import { Absent, defineProbe, type Inputs, needed } from '../../probe.ts'
import { type Line, listed } from './listed.ts'

/** Packages of Debian and its kin by dpkg-query(1); rows of removed packages with files left are not counted. */
export default defineProbe({
  subject: 'software',
  source: 'dpkg',
  platforms: ['linux'],
  every: '12h',
  timeout: '90s',
  blind: 'When a package was installed.',
  inputs: {
    list: {
      from: 'dpkg-query -W -f ${binary:Package}\\t${Version}\\t${Architecture}\\t${db:Status-Status}\\n',
      recognise: text => text.split('\n', 5).some(line => readLine(line) !== undefined),
    },
  },
  parse: parseList,

  async read(host: Host) {
    try {
      return parseList({
        list: [await host.run(['dpkg-query', '-W', '-f', '${binary:Package}\\t${Version}\\t${Architecture}\\t${db:Status-Status}\\n'])],
      })
    } catch (error) {
      if (error instanceof NotInstalled) throw new Absent('dpkg is not installed')
      throw error
    }
  },
})

/** @throws Denied, Absent, or Error where it is no whole list */
export function parseList(inputs: Inputs): FactTypes['software'] {
  return listed(needed(inputs, 'list'), readLine, 'empty is broken')
}

function readLine(line: string): Line | undefined {
  const [, name, version, arch, status] =
    /^([a-z0-9][\w.+:-]{0,120})\t([\w.+:~-]{0,100})\t([\w-]{0,30})\t([a-z-]{3,20})(?:\t.*)?$/.exec(line) ?? []
  if (!name || !status) return undefined
  if (status === 'config-files' || status === 'not-installed') return 'nothing'
  if (!/^(installed|half-installed|unpacked|half-configured|triggers-awaited|triggers-pending)$/.test(status)) return undefined
  return { name, version: version ?? null, arch: arch ?? null, broken: /^(half-|unpacked)/.test(status) }
}
