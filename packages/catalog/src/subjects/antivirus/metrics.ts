import { counter, gauge, type Metric, type Sample, scalar, timestamp, word } from '../../metric.ts'
import type { HostView } from '../../view.ts'
import type { AntivirusFact } from './facts.ts'

type Product = AntivirusFact['products'][number]

const kind = { tier: 'core', life: 'state', domain: 'security', from: 'antivirus', labels: ['product'] } as const
const products = (host: HostView) => host.facts.antivirus.flatMap(fact => fact.data.products)
const perProduct =
  (wanted: Product['kind'] | 'any', of: (product: Product) => number | boolean | null) =>
  (host: HostView): Sample[] =>
    products(host).flatMap(product => (wanted === 'any' || product.kind === wanted ? scalar(of(product), product.name) : []))

export const securityProductInfo = gauge('security_product_info', {
  ...kind,
  help: 'Identity of a security product, value is always 1.',
  labels: ['product', 'kind', 'vendor', 'version'],
  samples: host => products(host).flatMap(({ name, kind, vendor, version }) => scalar(1, name, kind, word(vendor), word(version))),
})

export const antivirusEnabled = gauge('antivirus_enabled', {
  ...kind,
  help: 'Whether the antivirus engine runs.',
  samples: perProduct('antivirus', product => product.running),
})

export const antivirusRealtimeProtectionEnabled = gauge('antivirus_realtime_protection_enabled', {
  ...kind,
  help: 'Whether the product protects on access; 0 too while it stands aside in passive mode.',
  samples: perProduct('any', product => (product.passive ? false : product.realtime)),
})

export const antivirusSignaturesTimestampSeconds = gauge('antivirus_signatures_timestamp_seconds', {
  ...kind,
  help: 'Unix time at which the signature set in use was published.',
  samples: host => products(host).flatMap(product => timestamp(product.signaturesAt, product.name)),
})

export const antivirusActiveThreats = gauge('antivirus_active_threats', {
  ...kind,
  help: 'Detected threats that have not been remediated.',
  samples: perProduct('any', product => product.activeThreats),
})

export const antivirusLastScanTimestampSeconds = gauge('antivirus_last_scan_timestamp_seconds', {
  ...kind,
  tier: 'detail',
  help: 'Unix time at which the last scan finished by kind of scan (quick, full).',
  labels: ['product', 'scan'],
  samples: host =>
    products(host).flatMap(({ name, quickScanAt, fullScanAt }) => [
      ...timestamp(quickScanAt, name, 'quick'),
      ...timestamp(fullScanAt, name, 'full'),
    ]),
})

export const antivirusDetectionsTotal = counter('antivirus_detections_total', {
  ...kind,
  tier: 'detail',
  help: 'Threats detected since the product was installed.',
  samples: perProduct('any', product => product.detections),
})

export const edrSensorRunning = gauge('edr_sensor_running', {
  ...kind,
  help: 'Whether an endpoint detection sensor runs with its full function.',
  samples: perProduct('edr', product => (product.running === null ? null : product.running && product.degraded === null)),
})

export const antivirusMetrics: readonly Metric[] = [
  securityProductInfo,
  antivirusEnabled,
  antivirusRealtimeProtectionEnabled,
  antivirusSignaturesTimestampSeconds,
  antivirusActiveThreats,
  antivirusLastScanTimestampSeconds,
  antivirusDetectionsTotal,
  edrSensorRunning,
]
