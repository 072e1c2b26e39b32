import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, defineProbe, type Inputs, sole } from '../../probe.ts'
import { cut } from '../gather.ts'
import { answerOf, isAnswer, partOf } from '../windows/answer.ts'
import { jsonObjects, listObjects, type Properties, tableRows } from '../windows/properties.ts'
import { manageBde } from './manage-bde.ts'

export type Volume = FactTypes['encryption']['volumes'][number]

const SCRIPT = 'encryption/bitlocker'
const MOST_VOLUMES = 128
/** ConversionStatus of Win32_EncryptableVolume and VolumeStatus of Get-BitLockerVolume: the same numbers. */
const STATUS: Readonly<Record<string, Volume['state']>> = {
  '0': 'off',
  '1': 'on',
  '2': 'encrypting',
  '3': 'decrypting',
  '4': 'encrypting',
  '5': 'decrypting',
  fullydecrypted: 'off',
  fullyencrypted: 'on',
  fullyencryptedwipeinprogress: 'on',
  fullyencryptedwipepaused: 'on',
  encryptioninprogress: 'encrypting',
  decryptioninprogress: 'decrypting',
  encryptionpaused: 'encrypting',
  decryptionpaused: 'decrypting',
  encryptionsuspended: 'encrypting',
  decryptionsuspended: 'decrypting',
}
/** EncryptionMethod of Win32_EncryptableVolume::GetEncryptionMethod. */
const METHODS = [
  '',
  'AES 128 with diffuser',
  'AES 256 with diffuser',
  'AES 128',
  'AES 256',
  'hardware',
  'XTS-AES 128',
  'XTS-AES 256',
] as const

/**
 * BitLocker on fixed volumes; see Win32_EncryptableVolume, Get-BitLockerVolume and manage-bde. A protector on a volume that is decrypted
 * protects nothing, and an encrypted volume without protection is suspended: its key lies on the disk.
 */
export default defineProbe({
  subject: 'encryption',
  source: 'bitlocker',
  platforms: ['win32'],
  shares: 'powershell',
  every: '1h',
  timeout: '1m',
  privilege: 'LocalSystem or an administrator: BitLocker tells its state to nobody else.',
  blind: 'Removable drives; how strong the protectors are and whether the recovery key is kept somewhere.',
  inputs: {
    answer: { from: `powershell ${SCRIPT}`, recognise: text => isAnswer(text, 'volumes') },
    manageBde: {
      from: 'manage-bde -status',
      recognise: text =>
        /^[ \t]+(Conversion Status|Konvertierungsstatus):/m.test(text) ||
        /manage-bde|BitLocker.{0,40}(Configuration Tool|Konfigurationstool)/.test(text),
    },
    volumes: { from: 'Get-BitLockerVolume', recognise: text => /\b(ProtectionStatus|ConversionStatus|VolumeStatus)\b/.test(text) },
  },
  parse: parseBitlocker,

  async read(host: Host) {
    return parseBitlocker({ answer: [await host.powershell(SCRIPT)] })
  },
})

/** @throws Denied, Absent (no BitLocker in this edition), Error where a volume cannot be read */
export function parseBitlocker(inputs: Inputs): FactTypes['encryption'] {
  const told = [...(inputs.manageBde ?? []).flatMap(({ text }) => manageBde(text)), ...listed(inputs), ...answered(inputs)]
  if (told.length === 0 && (inputs.manageBde || inputs.volumes)) throw new Error('Cannot read any volume of BitLocker')
  if (told.length === 0) throw new Absent('no volume can be encrypted by BitLocker')
  const order = ['system', 'home', 'swap', 'data']
  const volumes = told.sort((a, b) => order.indexOf(a.role) - order.indexOf(b.role))
  if (volumes.length <= MOST_VOLUMES) return { volumes }
  const worst = volumes.sort((a, b) => Number(a.state === 'on') - Number(b.state === 'on'))
  return { volumes: worst.slice(0, MOST_VOLUMES) }
}

function answered(inputs: Inputs): Volume[] {
  const captured = sole(inputs, 'answer')
  if (!captured) return []
  const answer = answerOf(captured)
  const drive = String(answer.systemDrive ?? '').toUpperCase()
  const volumes = partOf(answer, 'volumes')
  if (!volumes) throw new Error('Cannot read the volumes: the answer has no list')
  const objects = volumes.filter(object => object.get('volumetype') !== '2')
  return objects.map(object => volumeOf(object, drive))
}

function listed(inputs: Inputs): Volume[] {
  return (inputs.volumes ?? []).flatMap(({ text }) => {
    const found = (jsonObjects(text) ?? listObjects(text)).filter(isVolume)
    return (found.length > 0 ? found : tableRows(text).filter(isVolume)).map(object => volumeOf(object, ''))
  })
}

function isVolume(object: Properties): boolean {
  return object.has('volumestatus') || object.has('conversionstatus') || object.has('protectionstatus')
}

function volumeOf(object: Properties, systemDrive: string): Volume {
  const name = cut(object.get('mountpoint') ?? object.get('driveletter') ?? object.get('deviceid') ?? '', 128)
  if (name === '') throw new Error('Cannot tell which volume this is: wanted a mount point, drive letter or device')
  const type = (object.get('volumetype') ?? '').toLowerCase()
  // VolumeType 0 is the system's in both classes.
  const system = type === 'operatingsystem' || type === '0' || (systemDrive !== '' && name.toUpperCase().startsWith(systemDrive))
  const state = stateOf(name, object)
  return {
    name,
    role: system ? 'system' : 'data',
    state,
    method: methodOf(object.get('encryptionmethod')),
    progressRatio: state === 'encrypting' || state === 'decrypting' ? ratioOf(object.get('encryptionpercentage')) : null,
    detail: detailOf(object, state),
  }
}

/** @throws where the source says nothing of the conversion, or nothing of the protection of an encrypted volume */
function stateOf(name: string, object: Properties): Volume['state'] {
  const protection = (object.get('protectionstatus') ?? '').toLowerCase()
  const said = (object.get('volumestatus') ?? object.get('conversionstatus') ?? '').toLowerCase()
  const locked = protection === '2' || protection === 'unknown' || (object.get('lockstatus') ?? '').toLowerCase() === 'locked'
  if (said === '') {
    if (locked) return 'unknown'
    throw new Error(`Cannot read the state of ${name}: wanted its conversion status`)
  }
  const converted = STATUS[said]
  if (!converted) throw new Error(`Cannot read the state of ${name}: ${JSON.stringify(cut(said, 40))} is no conversion status`)
  if (converted !== 'on') return converted
  if (locked) return 'unknown'
  if (protection === '1' || protection === 'on') return 'on'
  if (protection === '0' || protection === 'off') return 'suspended'
  throw new Error(`Cannot read the state of ${name}: wanted its protection status`)
}

function methodOf(text: string | undefined): string | null {
  if (text === undefined || /^(none|0)$/i.test(text)) return null
  return /^\d$/.test(text) ? (METHODS[Number(text)] ?? null) || null : cut(text, 64)
}

function ratioOf(text: string | undefined): number | null {
  const percent = Number((text ?? '').replace(',', '.').replace('%', '').trim() || Number.NaN)
  return Number.isFinite(percent) && percent >= 0 && percent <= 100 ? Math.round(percent) / 100 : null
}

function detailOf(object: Properties, state: Volume['state']): string | null {
  const protectors = object.get('keyprotector')
  if (state === 'off' && protectors !== undefined && /[A-Za-z]/.test(protectors))
    return `prepared with ${cut(protectors, 80)}, and not encrypted`
  if (state === 'suspended') return 'encrypted, but protection is suspended: the key lies on the disk'
  return state === 'unknown' ? 'locked' : null
}
