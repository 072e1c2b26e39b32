import type { Host } from '../../host.ts'
import { NotInstalled } from '../../host.ts'
import { Absent, type Captured, defineProbe, type Inputs } from '../../probe.ts'
import { present, readable, told } from '../gather.ts'
import { isAdvisoryRow } from './rpm-advisories.ts'
import { dnfUnits } from './rpm-automatic.ts'
import { assertOwnCache, namesIn, optional, readRpmState } from './rpm-machine.ts'
import { judgeRpm } from './rpm-pending.ts'

/** Pending updates by dnf 4 or yum, from the cache alone; see dnf(8), yum(8). */
export default defineProbe({
  subject: 'updates',
  source: 'dnf',
  platforms: ['linux'],
  every: '6h',
  timeout: '5m',
  heavy: true,
  watch: ['/var/lib/rpm', '/usr/lib/sysimage/rpm', '/var/cache/dnf/last_makecache'],
  privilege: 'Root: every user has a cache of his own, and only that of root is kept fresh for the machine.',
  blind:
    'Security, where a repository carries no advisories (CentOS, most third parties); what exclusions of a single repository hide. Needs a cache that dnf-makecache.timer keeps fresh.',
  inputs: {
    list: {
      from: 'dnf -C check-update',
      recognise: text => !isAdvisories(text) && !/^Installed packages/im.test(text) && isList(text),
    },
    advisories: {
      from: 'dnf -C updateinfo list',
      recognise: isAdvisories,
    },
    installed: {
      from: `rpm -qa --qf '%{NAME}.%{ARCH} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE} %{INSTALLTIME}\\n'`,
      recognise: text => /^Installed packages/im.test(text) || /^\S+\.\w+ \S+-\S+ \d{9,11}$/m.test(text),
    },
    locks: {
      from: 'dnf versionlock list, exclude= of /etc/dnf/dnf.conf',
      recognise: text => /^!?[\w.+-]+-\d+:[\w.+~^-]+\.\*$/m.test(text),
    },
    metadata: { from: '/var/cache/dnf/*/repodata/repomd.xml', recognise: text => /<repomd[\s>]/.test(text) },
    units: { from: `systemctl show ${dnfUnits.join(' ')}`, recognise: text => /^Id=(?:dnf|yum)/m.test(text) },
    automatic: { from: '/etc/dnf/automatic.conf', recognise: text => /^[ \t]*apply_updates\s*=/m.test(text) },
  },

  async read(host) {
    const tool = await findTool(host)
    await assertOwnCache(host)
    const state = await readRpmState(host, await cachesOf(host, tool), ['/etc/dnf/automatic.conf', '/etc/yum/yum-cron.conf'])
    // A lock or an exclusion would hide what waits: it is looked at without them, and marked as held. With -q, dnf says nothing of a cache that is not
    // there, and ends with 0.
    const list = await host.run([tool, '-C', '--disableplugin=versionlock', '--disableexcludes=main', 'check-update'], {
      timeoutMs: 120_000,
    })
    const inputs: Inputs = {
      list: [list],
      advisories: [
        await host.run([tool, '-C', '--disableplugin=versionlock', '--disableexcludes=main', 'updateinfo', 'list'], {
          timeoutMs: 120_000,
        }),
      ],
      locks: await readLocks(host, tool),
      ...state,
    }
    return judgeRpm(inputs, { now: host.now() })
  },
  parse: judgeRpm,
})

/** Rows of updates, a heading, lines of progress, or what the tool says instead. */
function isList(text: string): boolean {
  return (
    /^\S{1,200}\.(?:x86_64|noarch|aarch64|i\d86|ppc64le|s390x)\s+\S{1,200}-\S{1,100}\s+[^\s@]\S{0,100}\s*$/m.test(text) ||
    /^(?:Available|Obsoleting|Upgraded) (?:upgrades|packages)/im.test(text) ||
    /^\S.{0,60} \d+(?:\.\d+)? +[kMG]?B(?:\/s)? \| /m.test(text) ||
    /^\s*\{\s*"(?:Available|Obsoleting|Upgrad)/.test(text) ||
    /^(?:Error: |Updating and loading repositories:|Loaded plugins:|Last metadata expiration check:)/m.test(text)
  )
}

function isAdvisories(text: string): boolean {
  return /^\s*\[\s*\{\s*"(?:advisory_)?name"/.test(text) || text.split('\n', 2000).some(isAdvisoryRow)
}

/** dnf where it is dnf 4, else yum 3. @throws Absent where neither is there */
async function findTool(host: Host): Promise<'dnf' | 'yum'> {
  const where = await host.realpath('/usr/bin/dnf', { missing: '' })
  if (where.endsWith('dnf5')) throw new Absent('dnf is dnf5 here')
  if (where !== '') return 'dnf'
  if (await host.realpath('/usr/bin/yum', { missing: '' })) return 'yum'
  throw new Absent(new NotInstalled('dnf').message)
}

/** yum 3 keeps /var/cache/yum/ARCHITECTURE/RELEASE/REPOSITORY. */
async function cachesOf(host: Host, tool: 'dnf' | 'yum'): Promise<string[]> {
  if (tool === 'dnf') return ['/var/cache/dnf']
  const folders: string[] = []
  for (const arch of (await namesIn(host, '/var/cache/yum')).slice(0, 4))
    for (const release of (await namesIn(host, `/var/cache/yum/${arch}`)).slice(0, 8)) folders.push(`/var/cache/yum/${arch}/${release}`)
  return folders
}

async function readLocks(host: Host, tool: 'dnf' | 'yum'): Promise<Captured[]> {
  const listed = await optional(host, [tool, '-q', '-C', 'versionlock', 'list'])
  const config = await readable(host, tool === 'dnf' ? '/etc/dnf/dnf.conf' : '/etc/yum.conf')
  // Without the plug-in there is no such command, and nothing is locked.
  const locks = present(listed?.code === 0 ? listed : undefined, config)
  return locks.length > 0 ? [told('versionlock list, exclude=', locks.map(({ text }) => text).join('\n'))] : []
}
