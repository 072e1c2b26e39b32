import type { FactTypes } from '@fettle/catalog'
import { type Host, NotInstalled } from '../../host.ts'
import { Absent, defineProbe, type Inputs, needed } from '../../probe.ts'
import { type Line, listed } from './listed.ts'

/** Packages of Red Hat, SUSE and their kin by rpm(8). */
export default defineProbe({
  subject: 'software',
  source: 'rpm',
  platforms: ['linux'],
  every: '12h',
  timeout: '90s',
  blind: 'Whether a package is whole.',
  inputs: {
    list: {
      from: 'rpm -qa --qf %{NAME}\\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\\t%{ARCH}\\t%{INSTALLTIME}\\n',
      recognise: text => text.split('\n', 5).some(line => readLine(line) !== undefined),
    },
  },
  parse: parseList,

  async read(host: Host) {
    try {
      return parseList({
        list: [await host.run(['rpm', '-qa', '--qf', '%{NAME}\\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\\t%{ARCH}\\t%{INSTALLTIME}\\n'])],
      })
    } catch (error) {
      if (error instanceof NotInstalled) throw new Absent('rpm is not installed')
      throw error
    }
  },
})

/** @throws Denied, Absent, or Error where it is no whole list */
export function parseList(inputs: Inputs): FactTypes['software'] {
  return listed(needed(inputs, 'list'), readLine, 'may be empty')
}

function readLine(line: string): Line | undefined {
  const [, name, version, arch, at] = /^([A-Za-z0-9][\w.+-]{0,120})\t([\w.+:~^-]{1,100})\t([\w()-]{1,30})\t(\d{1,12})$/.exec(line) ?? []
  if (!name || !version) return undefined
  return { name, version: version.replace(/^0:/, ''), arch: arch ?? null, installedAt: Number(at) > 0 ? Number(at) * 1000 : null }
}
