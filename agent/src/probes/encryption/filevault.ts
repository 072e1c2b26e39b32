import type { FactTypes } from '@fettle/catalog'
import { type Host, NotInstalled } from '../../host.ts'
import { Absent, Denied, defineProbe, type Inputs, sole } from '../../probe.ts'
import { cut } from '../gather.ts'
import { dictsOf, flagIn, isPlistWith, numberIn, parsePlistDict, textIn } from '../property-list.ts'

type EncryptionFact = FactTypes['encryption']
type Volume = EncryptionFact['volumes'][number]

const MOST_VOLUMES = 127
/** Volumes that macOS keeps for itself; they are never encrypted with a user's key, and hold none of a user's data. */
const OWN_ROLES = new Set(['Preboot', 'Recovery', 'VM', 'Update', 'xART', 'Hardware', 'Prelogin', 'Installer', 'Sidecar', 'Enterprise'])

/**
 * FileVault; see fdesetup(8). A Mac's own SSD is always encrypted by its hardware, but without FileVault the key opens to whoever starts it: off is
 * off.
 */
export default defineProbe({
  subject: 'encryption',
  source: 'filevault',
  platforms: ['darwin'],
  every: '1h',
  timeout: '60s',
  blind: 'Whether the recovery key is stored where it can be found. Encrypted disk images, and disks that are not attached.',
  inputs: {
    status: {
      from: 'fdesetup status',
      recognise: text => /^(FileVault (is|master)|(En|De)cryption in progress|Deferred enablement)/m.test(text),
    },
    apfs: { from: 'diskutil apfs list -plist', recognise: text => isPlistWith(text, 'Containers') },
  },
  parse: parseFileVault,

  async read(host: Host) {
    try {
      const status = await host.run(['fdesetup', 'status'], { timeoutMs: 20_000 })
      const apfs = await host.run(['diskutil', 'apfs', 'list', '-plist'], { timeoutMs: 30_000 })
      return parseFileVault({ status: [status], ...(apfs.code === 0 ? { apfs: [apfs] } : {}) })
    } catch (error) {
      if (error instanceof NotInstalled) throw new Absent('this macOS has no FileVault')
      throw error
    }
  },
})

/** @throws Denied where fdesetup wants more rights, Error where the state is not told */
export function parseFileVault(inputs: Inputs): EncryptionFact {
  const status = sole(inputs, 'status')
  const apfs = sole(inputs, 'apfs')
  if (!status && !apfs) throw new Error('Cannot tell of FileVault without what `fdesetup status` prints')
  const others = apfs ? apfsVolumes(apfs.text) : []
  const system = status ? systemVolume(`${status.text}\n${status.stderr}`) : undefined
  const volumes = system ? [system, ...others.filter(volume => volume.role !== 'system')] : others
  if (volumes.length === 0) throw new Error('Cannot tell of FileVault: no APFS volume is listed')
  return { volumes: volumes.slice(0, MOST_VOLUMES) }
}

/** The sentences of fdesetup(8); a conversion under way is told on a line of its own after the state it goes to. */
function systemVolume(text: string): Volume {
  const base = { name: '/', role: 'system', method: 'FileVault' } as const
  const [, direction, percent] = /^(Encryption|Decryption) in progress(?:: Percent completed = ([\d.]{1,8}))?/m.exec(text) ?? []
  const deferred = /^Deferred enablement appears to be active.{0,100}/m.exec(text)?.[0]
  const [, word, more] = /^FileVault is (On|Off)(?:\.|, ([^\n]{1,200}))/m.exec(text) ?? []
  if (direction) {
    const ratio = Number(percent) / 100
    const progressRatio = percent !== undefined && ratio >= 0 && ratio <= 1 ? Math.floor(ratio * 20) / 20 : null
    return { ...base, state: direction === 'Encryption' ? 'encrypting' : 'decrypting', progressRatio, detail: null }
  }
  if (word) {
    const said = more ?? deferred
    return { ...base, state: word === 'On' ? 'on' : 'off', progressRatio: null, detail: said === undefined ? null : cut(said, 300) }
  }
  if (deferred) return { ...base, state: 'off', progressRatio: null, detail: cut(deferred, 300) }
  if (text.length < 1_000 && /must be (run as )?root|not authorized|permission denied/i.test(text))
    throw new Denied('fdesetup refuses to tell', 'Run the agent as root.')
  throw new Error(`Cannot read the state of FileVault: ${cut(text, 200) || 'fdesetup printed nothing'}`)
}

/** Volumes of the containers that macOS is installed on; other containers are disk images and external disks, for which nobody promised anything. */
function apfsVolumes(text: string): Volume[] {
  const containers = parsePlistDict(text).Containers
  if (!Array.isArray(containers)) throw new Error('Cannot read what diskutil apfs list -plist printed: no Containers in it')
  return dictsOf(containers).flatMap(container => {
    const volumes = dictsOf(container.Volumes)
    const roles = volumes.map(volume => new Set(Array.isArray(volume.Roles) ? volume.Roles.flatMap(role => textIn(role) ?? []) : []))
    const isSystem = roles.map(of => of.has('Data') || of.has('System'))
    if (!isSystem.includes(true)) {
      // Before 10.15 the volume that macOS is on has no role; its container is the one with Preboot and VM.
      if (!roles.some(of => of.has('VM'))) return []
    }
    return volumes.flatMap((volume, at) => {
      const of = roles[at] ?? new Set()
      if ([...of].some(role => OWN_ROLES.has(role))) return []
      const role = isSystem[at] || (!isSystem.includes(true) && of.size === 0) ? ('system' as const) : ('data' as const)
      return [apfsVolume(volume, role)]
    })
  })
}

function apfsVolume(volume: { readonly [key: string]: unknown }, role: 'system' | 'data'): Volume {
  const on = flagIn(volume.FileVault) ?? flagIn(volume.Encryption)
  const moving = flagIn(volume.CryptoMigrationOn) === true
  const percent = numberIn(volume.CryptoMigrationProgressPercent)
  const direction = textIn(volume.CryptoMigrationDirection)
  const state = on === null ? 'unknown' : moving ? (/decrypt/i.test(direction ?? '') ? 'decrypting' : 'encrypting') : on ? 'on' : 'off'
  return {
    name: cut(textIn(volume.Name) ?? textIn(volume.DeviceIdentifier) ?? 'APFS volume', 128),
    role,
    state,
    method: 'FileVault',
    progressRatio: moving && percent !== null && percent >= 0 && percent <= 100 ? Math.floor(percent / 5) / 20 : null,
    detail: on === null ? 'diskutil does not tell' : null,
  }
}
