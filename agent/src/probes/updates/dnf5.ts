import type { Host } from '../../host.ts'
import { Absent, type Captured, defineProbe, type Inputs } from '../../probe.ts'
import { present } from '../gather.ts'
import dnf from './dnf.ts'
import { assertOwnCache, firstReadable, readRpmState } from './rpm-machine.ts'
import { judgeRpm } from './rpm-pending.ts'

const base = ['dnf5', '-q', '-C', '--setopt=disable_excludes=main']

/** Pending updates by dnf 5 (Fedora 41 and later), from the cache alone; see dnf5-check-upgrade(8), dnf5-advisory(8). */
export default defineProbe({
  subject: 'updates',
  source: 'dnf5',
  platforms: ['linux'],
  every: '6h',
  timeout: '5m',
  heavy: true,
  watch: ['/usr/lib/sysimage/rpm', '/usr/lib/sysimage/libdnf5'],
  privilege: 'Root: every user has a cache of his own, and only that of root is kept fresh for the machine.',
  blind:
    'Security, where a repository carries no advisories; what `dnf5 versionlock` hides. Needs a cache that dnf5-makecache.timer keeps fresh.',
  inputs: {
    ...dnf.inputs,
    list: { ...dnf.inputs.list, from: 'dnf5 -q -C check-upgrade --json' },
    advisories: { ...dnf.inputs.advisories, from: 'dnf5 -q -C advisory list --json' },
    locks: { from: 'exclude= of /etc/dnf/dnf.conf' },
    metadata: { ...dnf.inputs.metadata, from: '/var/cache/libdnf5/*/repodata/repomd.xml' },
  },

  async read(host) {
    if (!(await host.realpath('/usr/bin/dnf5', { missing: '' }))) throw new Absent('dnf5 is not installed')
    await assertOwnCache(host)
    const state = await readRpmState(host, ['/var/cache/libdnf5'], ['/etc/dnf/automatic.conf', '/etc/dnf/dnf5-plugins/automatic.conf'])
    const first = await host.run([...base, 'check-upgrade', '--json'], { timeoutMs: 120_000 })
    const inputs: Inputs = {
      list: [await asText(host, first, ['check-upgrade'])],
      advisories: [
        await asText(host, await host.run([...base, 'advisory', 'list', '--json'], { timeoutMs: 120_000 }), ['advisory', 'list']),
      ],
      locks: present(await firstReadable(host, ['/etc/dnf/dnf.conf'])),
      ...state,
    }
    return judgeRpm(inputs, { now: host.now() })
  },
  parse: judgeRpm,
})

/** Older versions know no `--json` there: then the table is read. */
async function asText(host: Host, captured: Captured, words: readonly string[]): Promise<Captured> {
  const isUnknown = captured.code === 2 && /--json/.test(`${captured.stderr}${captured.text}`)
  return isUnknown ? host.run([...base, ...words], { timeoutMs: 120_000 }) : captured
}
