import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, type Captured, defineProbe, type Inputs, type ParseContext, sole } from '../../probe.ts'
import { present, told } from '../gather.ts'
import { parseUnits } from './apt-automatic.ts'
import { parseInstalled } from './rpm-lists.ts'
import { namesIn, optional, readInstalled } from './rpm-machine.ts'
import { newestOf, timeOf, updatesOf } from './waiting.ts'
import { parseZypper } from './zypper-lists.ts'

const zypper = ['zypper', '-x', '-n', '--no-refresh']
const units = ['transactional-update.timer', 'os-update.timer']

/** Pending patches and packages of SUSE's systems, from what was refreshed last; see zypper(8). */
export default defineProbe({
  subject: 'updates',
  source: 'zypper',
  platforms: ['linux'],
  every: '6h',
  timeout: '5m',
  heavy: true,
  watch: ['/var/lib/rpm', '/usr/lib/sysimage/rpm', '/var/cache/zypp/raw'],
  blind:
    'Security on systems without patches (Tumbleweed, MicroOS), what `zypper addlock` hides. Needs repositories that something else refreshes.',
  inputs: {
    patches: {
      from: `${zypper.join(' ')} list-patches`,
      recognise: text =>
        /<update\s[^>]{0,1000}\bkind="patch"|^Repository +\| Name +\| Category|no-update-repositories/m.test(text.slice(0, 65_536)),
    },
    packages: {
      from: `${zypper.join(' ')} list-updates`,
      recognise: text =>
        /<update-status[\s>]/.test(text) || /^(?:Loading repository data|Reading installed packages|S +\| Repo)/m.test(text),
    },
    installed: {
      from: `rpm -qa --qf '%{NAME}.%{ARCH} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE} %{INSTALLTIME}\\n'`,
      recognise: text => /^\S+\.\w+ \S+-\S+ \d{9,11}$/m.test(text),
    },
    refreshed: { from: 'times of /var/cache/zypp/raw/*/repodata/repomd.xml' },
    units: { from: `systemctl show ${units.join(' ')}`, recognise: text => /^Id=(?:transactional|os)-update/m.test(text) },
  },

  async read(host) {
    if (!(await host.realpath('/usr/bin/zypper', { missing: '' }))) throw new Absent('zypper is not installed')
    const installed = await readInstalled(host)
    const inputs: Inputs = {
      patches: [await host.run([...zypper, 'list-patches'], { timeoutMs: 120_000 })],
      packages: [await host.run([...zypper, 'list-updates'], { timeoutMs: 120_000 })],
      refreshed: await readIndexes(host),
      installed: [installed],
      units: present(
        await optional(host, ['systemctl', 'show', '--property=Id', '--property=UnitFileState', '--property=ActiveState', ...units]),
      ),
    }
    return parse(inputs, { now: host.now() })
  },
  parse,
})

/** @throws Failed where zypper did or knows no repository, Error where a list is cut: never "nothing pending" */
export function parse(inputs: Inputs, { now }: Pick<ParseContext, 'now'>): FactTypes['updates'] {
  const captures = [...(inputs.patches ?? []), ...(inputs.packages ?? [])]
  if (captures.length === 0) throw new Error('Cannot judge without the list of patches or of updates')
  const lists = captures.map(captured => parseZypper(captured, now))
  const patches = lists.flatMap(list => list.patches)
  const installed = parseInstalled(sole(inputs, 'installed')?.text ?? '')
  const packages = lists.flatMap(list => list.packages)
  return updatesOf({
    pending: [...new Map([...patches, ...packages].map(update => [`${update.name} ${update.candidate}`, update])).values()],
    // Packages beside patches are those patches' own, or of repositories that have none.
    classified: (inputs.patches ?? []).length > 0 && (patches.length > 0 || packages.length === 0),
    lastCheckAt: newestOf(inputs.refreshed, now),
    lastInstallAt: timeOf(installed.lastAt, now),
    automatic: automaticOf(sole(inputs, 'units')),
    badSources: lists.flatMap(list => list.badSources),
  })
}

/** A timer that is off does not tell that nothing installs: YaST's online update comes from cron. */
function automaticOf(captured: Captured | undefined): FactTypes['updates']['automatic'] {
  const shown = parseUnits(captured)
  const running = units.find(id => shown.get(id)?.get('UnitFileState') === 'enabled' && shown.get(id)?.get('ActiveState') === 'active')
  return { enabled: running ? true : null, detail: running ?? null, lastRunAt: null }
}

/** libzypp touches the index of a repository whenever it has asked for a newer one; see zypp's RepoManager. */
async function readIndexes(host: Host): Promise<Captured[]> {
  const folder = '/var/cache/zypp/raw'
  const names = (await namesIn(host, folder)).slice(0, 100)
  const paths = names.flatMap(name => ['repodata/repomd.xml', 'content', 'cookie'].map(file => `${folder}/${name}/${file}`))
  const stats = await Promise.all(paths.map(path => host.stat(path, { missing: undefined })))
  return paths.flatMap((path, at) => (stats[at] ? [{ ...told(path, ''), modifiedAt: stats[at]?.modifiedAt ?? null }] : []))
}
