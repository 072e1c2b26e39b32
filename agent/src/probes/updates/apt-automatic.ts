import type { FactTypes } from '@fettle/catalog'
import type { Captured } from '../../probe.ts'
import { isSecurity, type Release } from './apt-policy.ts'

/** `apt-config dump`: values by key; a key that ends in `::` is a list. */
export type AptConfig = ReadonlyMap<string, readonly string[]>

/** `KEY "VALUE";` a line; see apt-config(8). */
export function parseConfig(text: string): AptConfig {
  const found = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const match = /^(\S+) "(.*)";$/.exec(line)
    if (!match) continue
    const [, key = '', value = ''] = match
    const values = found.get(key)
    if (values) values.push(value)
    else found.set(key, [value])
  }
  return found
}

/** Units of `systemctl show`, by name. Empty where systemd does not answer. */
export function parseUnits(captured: Captured | undefined): Map<string, ReadonlyMap<string, string>> {
  const units = new Map<string, ReadonlyMap<string, string>>()
  for (const block of captured?.text.split(/\n\s*\n/) ?? []) {
    const fields = new Map(block.split('\n').map(line => [line.split('=', 1)[0] ?? '', line.slice(line.indexOf('=') + 1).trim()]))
    const id = fields.get('Id')
    if (id) units.set(id, fields)
  }
  return units
}

type Evidence = {
  readonly config: AptConfig | undefined
  /** Whether unattended-upgrades is there; null: not looked. */
  readonly installed: boolean | null
  readonly units: ReadonlyMap<string, ReadonlyMap<string, string>>
  readonly releases: readonly Release[]
}

/** Whether security updates install themselves: everything that has to be on is looked at, since each alone may be on and nothing happens. */
export function judgeAutomatic(evidence: Evidence): Pick<FactTypes['updates']['automatic'], 'enabled' | 'detail'> {
  if (!evidence.config) return { enabled: null, detail: null }
  const obstacle = obstacleOf(evidence.config, evidence)
  if (obstacle !== null) return { enabled: false, detail: obstacle }
  const timer = evidence.units.get('apt-daily-upgrade.timer')
  if (!timer || evidence.installed === null)
    return { enabled: null, detail: 'unattended-upgrades is set up; whether anything starts it is not known' }
  const state = timer.get('UnitFileState') ?? ''
  const runs = state === 'enabled' && timer.get('ActiveState') === 'active'
  return runs
    ? { enabled: true, detail: 'unattended-upgrades, started by apt-daily-upgrade.timer' }
    : { enabled: false, detail: `apt-daily-upgrade.timer is ${state || 'not enabled'}, ${timer.get('ActiveState') ?? 'not active'}` }
}

function obstacleOf(config: AptConfig, { installed, releases }: Evidence): string | null {
  const value = (key: string) => config.get(key)?.at(-1) ?? ''
  if (installed === false) return 'unattended-upgrades is not installed'
  if (config.has('APT::Periodic::Enable') && !isOn(value('APT::Periodic::Enable'))) return 'APT::Periodic::Enable is off'
  for (const key of ['APT::Periodic::Unattended-Upgrade', 'APT::Periodic::Update-Package-Lists'])
    if (!isOn(value(key))) return `${key} is off`
  const patterns = originPatterns(config)
  if (patterns.length === 0) return 'Unattended-Upgrade::Origins-Pattern names no origin'
  const security = releases.filter(isSecurity)
  if (security.length > 0 && !security.some(release => patterns.some(pattern => pattern(release))))
    return 'Unattended-Upgrade::Origins-Pattern matches no security source of this machine'
  return null
}

/** Periodic intervals are days, or a number with a unit, or `always`; 0 is off. */
function isOn(value: string): boolean {
  return value !== '' && !/^0+[smhd]?$/.test(value) && !/^(false|no|off)$/i.test(value)
}

type Pattern = (release: Release) => boolean

/** See 50unattended-upgrades: patterns of `key=glob` words, or the older `origin:archive`. Variables of the distribution match anything. */
function originPatterns(config: AptConfig): Pattern[] {
  const patterns = (config.get('Unattended-Upgrade::Origins-Pattern::') ?? []).map(text => text.split(',').map(word => word.trim()))
  const allowed = (config.get('Unattended-Upgrade::Allowed-Origins::') ?? []).map(text => {
    const colon = text.indexOf(':')
    return [`origin=${text.slice(0, colon)}`, `archive=${text.slice(colon + 1)}`]
  })
  return [...patterns, ...allowed].map(words => release => words.every(word => matchesWord(word, release)))
}

function matchesWord(word: string, release: Release): boolean {
  const [key = '', glob = ''] = word.split('=', 2)
  const field = fields[key.trim()]
  return field !== undefined && matchesGlob(glob.trim().replaceAll(/\$\{[a-z_]{1,30}\}/g, '*'), release[field])
}

const fields: Readonly<Record<string, keyof Release>> = {
  o: 'origin',
  origin: 'origin',
  l: 'label',
  label: 'label',
  a: 'archive',
  archive: 'archive',
  suite: 'archive',
  n: 'codename',
  codename: 'codename',
  c: 'component',
  component: 'component',
  site: 'site',
}

/** `*` stands for any text. Without a regular expression, so that no pattern can make it slow. */
function matchesGlob(glob: string, text: string): boolean {
  const [first = '', ...rest] = glob.split('*')
  const last = rest.pop()
  if (last === undefined) return glob === text
  if (!text.startsWith(first)) return false
  let at = first.length
  for (const piece of rest) {
    const found = text.indexOf(piece, at)
    if (found === -1) return false
    at = found + piece.length
  }
  return text.length - last.length >= at && text.endsWith(last)
}
