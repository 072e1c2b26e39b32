import { bad, type Check, defineCheck, lasting } from '../../check.ts'
import { days, hours } from '../../duration.ts'
import { type Answer, notApplicable, ok, unknown, worst, worstOr } from '../../finding.ts'
import type { FactsBySubject } from '../../view.ts'

const volumes = ({ encryption }: FactsBySubject) => encryption.flatMap(fact => fact.data.volumes)

export const encryptionOff = defineCheck({
  name: 'encryption-off',
  subject: 'encryption',
  title: 'The system disk is not encrypted',
  unit: 'state',
  thresholds: { default: { critical: 1 }, server: { warning: 1 } },
  whenAbsent: 'evaluate',
  why: 'Who finds or steals the machine reads everything on it. Encryption that is still under way does not protect yet.',
  remedy: 'Switch on BitLocker, FileVault or LUKS, and store the recovery key in the directory.',
  blind:
    'Disks that encrypt themselves, and storage encrypted under a virtual machine, look like clear ones. Volumes that hold only data are shown, not judged.',

  evaluate(facts, limit) {
    if (facts.system[0]?.data.virtualization?.kind === 'container') return notApplicable('a container lives on the disks of its host')
    if (facts.encryption.length === 0) return bad(limit, 'no disk encryption was found')
    const own = volumes(facts).filter(volume => volume.role === 'system' || volume.role === 'home')
    if (!own.some(volume => volume.role === 'system')) return unknown('the system volume is not among those reported')
    return worst(
      own.map(volume => {
        const { name, state, progressRatio, detail } = volume
        const done = progressRatio === null ? '' : ` (${Math.floor(progressRatio * 100)} %)`
        if (state === 'on') return ok('the system is encrypted')
        if (state === 'suspended') return ok(`${name} is encrypted, its protection suspended: see encryption-suspended`)
        if (state === 'unknown') return unknown(`${name}: ${detail ?? 'its encryption could not be read'}`)
        if (state === 'encrypting') return { status: 'warning', reason: `${name} is being encrypted${done}`, evidence: volume }
        return bad(limit, state === 'decrypting' ? `${name} is being decrypted${done}` : `${name} is not encrypted`, volume)
      }),
    )
  },
})

export const encryptionSuspended = defineCheck({
  name: 'encryption-suspended',
  subject: 'encryption',
  title: 'Disk encryption is suspended',
  unit: 'milliseconds',
  thresholds: { warning: hours(24), critical: days(7) },
  why: 'A suspended volume is encrypted with a key that lies open beside it. Updates suspend it for one restart; forgotten, it stays so.',
  remedy: 'Resume protection (`manage-bde -protectors -enable C:`, `Resume-BitLocker`).',

  evaluate: (facts, limit, now, { previous }) =>
    worstOr(
      'no volume is encrypted',
      volumes(facts).map((volume): Answer => {
        if (volume.state === 'unknown') return unknown(`${volume.name}: ${volume.detail ?? 'its encryption could not be read'}`)
        if (volume.state !== 'suspended')
          return volume.state === 'off' ? notApplicable(`${volume.name} is not encrypted`) : ok('no protection is suspended')
        const reason = (value: string) => `protection of ${volume.name} is suspended since ${value}`
        return lasting(volume.name, limit, now, previous, { reason, evidence: volume })
      }),
    ),
})

export const encryptionChecks: readonly Check[] = [encryptionOff, encryptionSuspended]
