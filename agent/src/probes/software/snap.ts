import type { FactTypes } from '@fettle/catalog'
import { type Host, NotInstalled, TimedOut } from '../../host.ts'
import { Absent, type Captured, defineProbe, Failed, type Inputs, type ParseContext, sole } from '../../probe.ts'
import { cut, present, told } from '../gather.ts'
import { type Line, listed, softwareOf } from './listed.ts'

const LIST = ['snap', 'list', '--color=never', '--unicode=never'] as const
const FOLDER = '/var/lib/snapd/snaps'
const SOCKET = '/run/snapd.socket'
const FILE = /^([a-z0-9][a-z0-9_-]{0,100})_(x?\d{1,9})\.snap$/

/** Snaps by snapd's word; where it does not answer, by the files that it keeps of them, which tell no version. See snap(8). */
export default defineProbe({
  subject: 'software',
  source: 'snap',
  platforms: ['linux'],
  every: '12h',
  timeout: '1m',
  watch: [FOLDER],
  blind: 'When a snap was installed; its version, where snapd does not answer.',
  inputs: {
    list: { from: LIST.join(' '), recognise: text => /^Name +Version +Rev/m.test(text) || /^(error: |No snaps are installed)/m.test(text) },
    files: { from: `ls ${FOLDER}`, recognise: text => text.split('\n', 20).some(line => FILE.test(line.trim())) },
  },
  parse: parseSnaps,

  async read(host: Host) {
    const names = await host.list(FOLDER, { missing: new Absent('snapd is not there') })
    return parseSnaps({ list: present(await asked(host)), files: [told(FOLDER, names.join('\n'))] })
  },
})

/** What snapd says; undefined where it does not listen or answer. Without its socket snap(8) would try again for more than a minute. */
async function asked(host: Host): Promise<Captured | undefined> {
  if (!(await host.stat(SOCKET, { missing: undefined }))) return undefined
  return host.run(LIST, { timeoutMs: 30_000 }).catch(error => {
    if (error instanceof NotInstalled || error instanceof TimedOut) return undefined
    throw error
  })
}

/** @throws Absent where no snap is installed, Failed where snapd does not answer and its files are not known, Error */
export function parseSnaps(inputs: Inputs, _context?: ParseContext): FactTypes['software'] {
  const list = sole(inputs, 'list')
  const files = sole(inputs, 'files')
  if (list && !isDown(list)) return listing(list)
  if (!files) throw new Failed(cut(list?.stderr || list?.text || 'snapd did not answer', 200), 'See journalctl -u snapd.')
  const names = new Set(files.text.split('\n').flatMap(line => FILE.exec(line.trim())?.[1] ?? []))
  if (names.size === 0) throw new Absent('no snap is installed')
  return {
    ...softwareOf(
      [...names].sort().map(name => ({ name, version: null })),
      null,
    ),
    broken: null,
  }
}

function isDown({ text, stderr, code }: Captured): boolean {
  return (code !== null && code !== 0) || /^error: /m.test(`${stderr}\n${text}`.slice(0, 4000))
}

/** `Name Version Rev Tracking Publisher Notes` under headings that are translated. A snap whose notes say `broken` is not mounted. */
function listing(captured: Captured): FactTypes['software'] {
  const lines = captured.text.split('\n').filter(line => line.trim() !== '')
  if (lines.length === 0 && /No snaps are installed/i.test(captured.stderr)) throw new Absent('no snap is installed')
  if (/^No snaps are installed/i.test(lines[0] ?? '')) throw new Absent('no snap is installed')
  return listed({ ...captured, text: lines.slice(1).join('\n') }, readLine, 'empty is broken')
}

function readLine(line: string): Line | undefined {
  const [, name, version, rest = ''] = /^([a-z0-9][a-z0-9_-]{0,100}) +(\S{1,100}) +x?\d{1,9}(?: +(.*))?$/.exec(line) ?? []
  const words = rest.split(/ +/)
  if (!name || !version || words.length < 3) return undefined
  return {
    name,
    version: version === '-' ? null : version,
    origin: words[1]?.replace(/[*✓✪]+$/, '') ?? null,
    broken: /\bbroken\b/.test(words[2] ?? ''),
  }
}
