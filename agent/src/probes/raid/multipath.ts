import { type Host, NotInstalled } from '../../host.ts'
import { Absent, type Captured, Denied, defineProbe, Failed, type Inputs } from '../../probe.ts'
import { linesOf } from '../lines.ts'
import { captureFile, shortText } from '../sysfs.ts'
import { blankArray, countMembers, detailOf, type Member, type RaidArray, raidFact } from './array.ts'

const TIMEOUT_MS = 30_000
/** `mpatha (3600a0b8) dm-0 IBM,2145`, also `create: mpatha …` and without an alias. */
const MAP = /^(?:[a-z]+: )?(\S{1,128})(?: \(([^)]{1,128})\))? (dm-\d+) \S/
/** `| |- 2:0:0:1 sdb 8:16 active ready running`, see multipath(8). */
const PATH = /^[\s|`-]+ ?(\d+:\d+:\d+:\d+|#:#:#:#) (\S{1,32})\s+(\S{1,16}) (active|failed|undef) (\S{1,32})(?: (\S{1,32}))?\s*$/

/** Paths to disks of a storage network, by multipath(8): with one left the next fault takes the disk away. */
export default defineProbe({
  subject: 'raid',
  source: 'multipath',
  platforms: ['linux'],
  every: '15m',
  timeout: '45s',
  privilege: 'root: only it may ask device-mapper',
  blind: 'A path that was never found, or was removed, is not missed.',
  inputs: { paths: { from: 'multipath -ll', recognise: text => /^size=\S+ features=/m.test(text) || /policy='/.test(text) } },

  parse: parseMultipath,

  async read(host: Host) {
    if (!(await hasMaps(host))) throw new Absent('no disk has several paths')
    try {
      return parseMultipath({ paths: [await host.run(['multipath', '-ll'], { timeoutMs: TIMEOUT_MS })] })
    } catch (error) {
      if (error instanceof NotInstalled)
        throw new Failed('disks have several paths, but multipath is not installed', 'Install the package multipath-tools.')
      throw error
    }
  },
})

async function hasMaps(host: Host): Promise<boolean> {
  for (const name of await host.list('/sys/block', { missing: [] as string[] })) {
    if (!name.startsWith('dm-')) continue
    if ((await captureFile(host, `/sys/block/${name}/dm/uuid`))?.text.startsWith('mpath-')) return true
  }
  return false
}

/** @throws Absent where no disk has several paths, Denied without root, Error on a path that cannot be read */
function parseMultipath(inputs: Inputs) {
  const captures = inputs.paths ?? []
  if (captures.length === 0) throw new Error('Cannot judge without the input paths')
  return raidFact(captures.flatMap(mapsOf), 'no disk has several paths')
}

function mapsOf({ text, stderr, code }: Captured): RaidArray[] {
  if (/need to be root|Permission denied/i.test(`${stderr}${text.slice(0, 300)}`))
    throw new Denied('multipath may not be asked', 'Run the agent as root.')
  if (text.trim() === '' && code !== null && code !== 0) {
    if (/device-mapper is (not )?available in the kernel|device-mapper driver/.test(stderr))
      throw new Absent('the kernel has no device-mapper')
    throw new Error(`Cannot tell of paths: multipath ended with ${code}${stderr ? `: ${shortText(stderr, 200)}` : ''}`)
  }
  if (text.trim() === '') return []
  const maps: { name: string; members: Member[]; words: string[] }[] = []
  for (const line of linesOf(text)) {
    const map = MAP.exec(line)
    if (map) maps.push({ name: map[1] ?? '', members: [], words: [] })
    else if (/^[\s|`-]+ ?(\d+:\d+:\d+:\d+|#:#:#:#)/.test(line)) maps.at(-1)?.members.push(pathOf(line))
    else if (line.trim() !== '' && !/^size=|policy='|^\S.* \| /.test(line))
      throw new Error(`Cannot read the line of multipath: ${line.slice(0, 120)}`)
  }
  if (maps.length === 0) throw new Error('Cannot find a disk in the output of multipath')
  return maps.map(({ name, members }) => mapOf(name, members))
}

function pathOf(line: string): Member {
  const [, address, device, , mapped, checked, online] = PATH.exec(line) ?? []
  if (!device) throw new Error(`Cannot read the path: ${line.trim().slice(0, 120)}`)
  const failed = mapped === 'failed' || /^(faulty|offline|shaky|timeout|down|removed|delayed)$/.test(checked ?? '') || online === 'offline'
  const fine = mapped === 'active' && /^(ready|ghost|undef)$/.test(checked ?? '')
  return { name: `${device} ${address}`, state: failed ? 'failed' : fine ? 'active' : 'unknown' }
}

function mapOf(name: string, members: readonly Member[]): RaidArray {
  const working = members.filter(member => member.state === 'active').length
  const failed = members.filter(member => member.state === 'failed').length
  const unread = members.length - working - failed
  return {
    ...blankArray('multipath', name),
    level: 'multipath',
    state: working === 0 && unread === 0 ? 'failed' : failed > 0 ? 'degraded' : unread > 0 ? 'unknown' : 'ok',
    disks: countMembers(members, members.length),
    members: [...members],
    detail: detailOf(working < members.length && `${working} of ${members.length} paths work`),
  }
}
