import { gauge, type Metric, scalar } from '../../metric.ts'

export const volumeEncrypted = gauge('volume_encrypted', {
  tier: 'core',
  life: 'state',
  domain: 'security',
  from: 'encryption',
  help: 'Whether a volume is fully encrypted and protection is on; no sample where it could not be read.',
  labels: ['volume'],
  samples: host =>
    host.facts.encryption.flatMap(fact =>
      fact.data.volumes.flatMap(volume => scalar(volume.state === 'unknown' ? null : volume.state === 'on', volume.name)),
    ),
})

export const encryptionMetrics: readonly Metric[] = [volumeEncrypted]
