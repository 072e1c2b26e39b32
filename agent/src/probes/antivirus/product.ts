import type { FactTypes } from '@fettle/catalog'

export type AntivirusProduct = FactTypes['antivirus']['products'][number]

/** A product of which nothing is known but its name; few sources tell of scans. */
export function unknownProduct(name: string): AntivirusProduct {
  return {
    name,
    vendor: null,
    version: null,
    kind: 'antivirus',
    running: null,
    realtime: null,
    passive: null,
    signaturesVersion: null,
    signaturesAt: null,
    signaturesCurrent: null,
    updaterRunning: null,
    tamperProtection: null,
    degraded: null,
    tellsScans: false,
    quickScanAt: null,
    fullScanAt: null,
    activeThreats: null,
    detections: null,
  }
}
