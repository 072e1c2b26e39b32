import { type Host, NotInstalled, TimedOut } from '../../host.ts'
import { Absent, type Captured, Denied, defineProbe, Failed, type Inputs } from '../../probe.ts'
import { captureFile } from '../sysfs.ts'
import { blankArray, detailOf, type RaidArray, raidFact, worse } from './array.ts'
import { parseStatusJson, parseStatusText, poolState } from './zfs-status.ts'

const KSTAT = '/proc/spl/kstat/zfs'
const STATUS_TIMEOUT_MS = 30_000
const LIST_ROW = /^\S+\t(ONLINE|DEGRADED|FAULTED|UNAVAIL|SUSPENDED|OFFLINE|REMOVED)\b|^\S+\t\d+\t\d+\t/

/** ZFS pools by zpool-status(8). A suspended pool lets every zpool command hang for ever: the kernel's state files are looked at first. */
export default defineProbe({
  subject: 'raid',
  source: 'zfs',
  platforms: ['linux'],
  every: '15m',
  timeout: '60s',
  blind: 'A pool that is not imported is not listed. The time of a scrub is not told after a resilver or a scrub that was stopped.',
  inputs: {
    status: {
      from: 'zpool status -j --json-int',
      recognise: text => /"vers_major"/.test(text) || /^[ \t]*pool: \S/m.test(text) || /no pools available/.test(text),
    },
    list: { from: 'zpool list -Hp', recognise: text => text.split('\n', 2).some(row => LIST_ROW.test(row)) },
    kstat: { from: `${KSTAT}/*/state`, recognise: text => /^[A-Z]{4,12}\s*$/.test(text) && poolState(text.trim()) !== 'unknown' },
  },

  parse: parseZfs,

  async read(host: Host) {
    const pools = await host.list(KSTAT, { missing: new Absent('the ZFS module is not loaded') })
    const kstat: Captured[] = []
    for (const pool of pools) {
      const state = await captureFile(host, `${KSTAT}/${pool}/state`)
      if (state) kstat.push(state)
    }
    if (kstat.some(({ text }) => /SUSPENDED/.test(text))) return parseZfs({ kstat })
    return parseZfs({ kstat, status: [await status(host)] })
  },
})

async function status(host: Host): Promise<Captured> {
  try {
    const printed = await host.run(['zpool', 'status', '-j', '--json-int'], { timeoutMs: STATUS_TIMEOUT_MS })
    return /invalid option|unrecognized option|usage:/i.test(printed.stderr)
      ? await host.run(['zpool', 'status', '-p'], { timeoutMs: STATUS_TIMEOUT_MS })
      : printed
  } catch (error) {
    if (error instanceof TimedOut)
      throw new Failed(
        'zpool status hangs: a pool may be suspended',
        'See whether a pool has lost its devices; look for I/O errors in the kernel log.',
      )
    if (error instanceof NotInstalled)
      throw new Failed('the ZFS module is loaded, but zpool is not installed', 'Install the package zfsutils-linux.')
    throw error
  }
}

/** @throws Absent where no pool is imported, Denied where zpool may not be asked, Error where an output cannot be read */
export function parseZfs(inputs: Inputs) {
  const kstat = (inputs.kstat ?? []).map(kstatPool)
  const troubled = kstat.some(pool => pool.state !== 'ok')
  const asked = [...(inputs.status ?? []), ...(inputs.list ?? [])]
  if (asked.length === 0 && kstat.length === 0 && !inputs.kstat) throw new Error('Cannot judge without the input status')
  const pools = new Map<string, RaidArray>()
  for (const captured of asked) {
    for (const pool of tolerated(captured, troubled)) pools.set(pool.name, merged(pool, pools.get(pool.name)))
  }
  for (const pool of kstat) pools.set(pool.name, merged(pool, pools.get(pool.name)))
  return raidFact([...pools.values()], 'no ZFS pool is imported')
}

/** A pool that both tell of: the fuller telling with the worse state. */
function merged(pool: RaidArray, known: RaidArray | undefined): RaidArray {
  if (!known) return pool
  const [full, other] = pool.members.length > known.members.length ? [pool, known] : [known, pool]
  const state = worse(full.state, other.state)
  return { ...full, state, detail: state === full.state ? full.detail : other.detail }
}

function kstatPool({ name, text }: Captured): RaidArray {
  const pool = /\/([^/]+)\/state$/.exec(name)?.[1] ?? 'pool'
  const word = text.trim()
  if (poolState(word) === 'unknown') throw new Error(`Cannot read the state of the pool ${pool.slice(0, 64)}: found "${word.slice(0, 40)}"`)
  return { ...blankArray('zfs', pool), state: poolState(word), detail: detailOf(`the kernel calls it ${word}`) }
}

/** Where the kernel already told of a lost pool, that counts more than that zpool could not be asked. */
function tolerated(captured: Captured, troubled: boolean): RaidArray[] {
  if (captured.text.trim() === '' && troubled) return []
  return poolsOf(captured)
}

function poolsOf({ text, stderr, code }: Captured): RaidArray[] {
  if (/no pools available/.test(`${text.slice(0, 200)}${stderr}`)) return []
  if (text.trim() === '') {
    if (/permission denied|must be run as root|\/dev\/zfs/i.test(stderr))
      throw new Denied('zpool may not open /dev/zfs', 'Give the agent access to /dev/zfs, or run it as root.')
    throw new Error(
      `Cannot read zpool: it printed nothing${code === null ? '' : ` and ended with ${code}`}${stderr ? `: ${stderr.trim().slice(0, 200)}` : ''}`,
    )
  }
  if (/"vers_major"|^[ \t]*\{/m.test(text)) return parseStatusJson(text)
  if (/^[ \t]*pool: /m.test(text)) return parseStatusText(text)
  return parseList(text)
}

/** `zpool list -Hp`: columns by tabs, as the caller chose them; the health is the one that is a word of states. */
function parseList(text: string): RaidArray[] {
  return text
    .split('\n')
    .filter(row => row.trim() !== '')
    .map(row => {
      const [name = '', ...cells] = row.split('\t')
      const word = cells.find(cell => poolState(cell.trim()) !== 'unknown')?.trim()
      if (cells.length < 2 || !word) throw new Error(`Cannot read the line of zpool list: ${row.slice(0, 120)}`)
      return { ...blankArray('zfs', name), state: poolState(word), detail: detailOf(`${word} by zpool list; errors are not told`) }
    })
}
