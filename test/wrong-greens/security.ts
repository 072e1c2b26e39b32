import { expect } from 'vitest'
import type { Host } from '../../agent/src/host.ts'
import clamav from '../../agent/src/probes/antivirus/clamav.ts'
import defender from '../../agent/src/probes/antivirus/defender.ts'
import securityCenter from '../../agent/src/probes/antivirus/security-center.ts'
import {
  antivirusMissing,
  antivirusRealtime,
  antivirusRunning,
  antivirusScan,
  antivirusSignatures,
} from '../../packages/catalog/src/subjects/antivirus/checks.ts'
import type { AntivirusFact } from '../../packages/catalog/src/subjects/antivirus/facts.ts'
import { encryptionOff, encryptionSuspended } from '../../packages/catalog/src/subjects/encryption/checks.ts'
import type { EncryptionFact } from '../../packages/catalog/src/subjects/encryption/facts.ts'
import { firewallOff } from '../../packages/catalog/src/subjects/firewall/checks.ts'
import { hostOf, machine } from '../kit/machine.ts'
import { DAY, dataOf, HOUR, isFact, looked, NOW, parsed, says, type WrongGreen } from './see.ts'

/** As ClamAV's documentation of signatures describes the header of a database. */
const database = (version: number, at: number) =>
  `ClamAV-VDB:x:${version}:2000000:90:d41d8cd98f00b204e9800998ecf8427e:sig:builder:${at / 1000}`.padEnd(512)

const product = (more: Partial<AntivirusFact['products'][number]>): { antivirus: AntivirusFact } => ({
  antivirus: {
    products: [
      {
        name: 'Defender',
        vendor: null,
        version: null,
        kind: 'antivirus',
        running: true,
        realtime: true,
        passive: false,
        signaturesVersion: null,
        signaturesAt: NOW - HOUR,
        signaturesCurrent: null,
        updaterRunning: null,
        tamperProtection: true,
        degraded: null,
        quickScanAt: NOW - HOUR,
        fullScanAt: null,
        activeThreats: 0,
        detections: 0,
        ...more,
      },
    ],
  },
})
const volume = (state: EncryptionFact['volumes'][number]['state'], detail: string): { encryption: EncryptionFact } => ({
  encryption: { volumes: [{ name: 'C:', role: 'system', state, method: 'xts_aes_128', progressRatio: null, detail }] },
})

export const securityGreens: readonly WrongGreen[] = [
  {
    title: 'wrong green 10: a server has no SecurityCenter2 → Defender itself is asked, and a missing namespace is no "no antivirus"',
    see() {
      const gone = '{"error":{"hr":"0x80131500","msg":"Invalid namespace","id":"HRESULT 0x8004100e,GetCimInstanceCommand"}}'
      const none = parsed(securityCenter, { answer: gone })
      expect(none['antivirus/security-center']).toMatchObject({ outcome: 'absent' })
      const status = { AMServiceEnabled: 'True', AntivirusEnabled: 'True', RealTimeProtectionEnabled: 'True', AMRunningMode: 'Normal' }
      const own = parsed(defender, { answer: JSON.stringify({ status }) })
      says(antivirusRealtime, { ...none, ...own }, 'ok')
      const off = parsed(defender, { answer: JSON.stringify({ status: { ...status, RealTimeProtectionEnabled: 'False' } }) })
      says(antivirusRealtime, { ...none, ...off }, 'warning')
    },
  },
  {
    title: 'wrong green 11: Defender gives 4294967295 as the age of a scan → never, no date of four billion days ago',
    see() {
      const naive = NOW - 4_294_967_295 * DAY
      expect(isFact('antivirus', product({ quickScanAt: naive }).antivirus)).toBe(false)
      expect(isFact('antivirus', product({ signaturesAt: naive }).antivirus)).toBe(false)
      says(antivirusScan, product({ quickScanAt: null, fullScanAt: null }), 'unknown')
      says(antivirusSignatures, product({ signaturesAt: null }), 'unknown')
    },
  },
  {
    title: 'wrong green 12: a product calls itself healthy while real-time protection is off or passive → not protected',
    see() {
      says(antivirusRealtime, product({ name: 'mdatp', realtime: false }), 'warning')
      says(antivirusRealtime, product({ name: 'mdatp', realtime: true, passive: true }), 'warning')
      says(antivirusRealtime, product({ name: 'mdatp', realtime: true, running: false }), 'warning')
    },
  },
  {
    title: 'wrong green 13: a sensor is active in reduced functionality mode → degraded',
    see() {
      says(antivirusRunning, product({ name: 'falcon-sensor', kind: 'edr', degraded: 'reduced functionality mode' }), 'warning')
    },
  },
  {
    title: 'wrong green 14: main.cvd of ClamAV is three years old → judged by the daily database alone',
    async see() {
      const files = (daily: number): Record<string, string> => ({
        '/var/lib/clamav/main.cvd': database(62, NOW - 1100 * DAY),
        '/var/lib/clamav/daily.cvd': database(27_455, NOW - daily),
      })
      const host = (daily: number): Host => {
        const held = files(daily)
        const commands = { 'clamscan --database=/var/lib/clamav --version': { text: 'ClamAV 1.4.6/27455/Mon Jun 15 07:00:00 2026\n' } }
        const base = hostOf(machine({ now: NOW, files: held, commands }))
        return { ...base, bytes: async (path, length) => Buffer.from(held[path] ?? '').subarray(0, length) }
      }
      const fresh = await looked(clamav, host(12 * HOUR))
      expect(dataOf(fresh)).toMatchObject({ products: [{ signaturesVersion: '27455', signaturesAt: NOW - 12 * HOUR }] })
      says(antivirusSignatures, fresh, 'ok')
      says(antivirusSignatures, await looked(clamav, host(9 * DAY)), 'critical')
    },
  },
  {
    title: 'wrong green 15: BitLocker has a protector, and the volume is FullyDecrypted → not encrypted',
    see() {
      says(encryptionOff, volume('off', 'FullyDecrypted, protectors: Tpm'), 'critical', { role: 'laptop' })
    },
  },
  {
    title: 'wrong green 16: BitLocker is encrypted with ProtectionStatus 0 → suspended',
    see() {
      says(encryptionSuspended, volume('suspended', 'FullyEncrypted, ProtectionStatus 0'), 'warning')
    },
  },
  {
    title: 'wrong green 39: PowerShell is blocked and prints nothing → unknown, neither 0 nor none',
    see() {
      const failed = { outcome: 'failed' as const, reason: 'powershell.exe printed nothing' }
      const windows = { 'antivirus/defender': failed, 'firewall/windows': failed, 'encryption/bitlocker': failed }
      says(antivirusMissing, windows, 'unknown')
      says(firewallOff, windows, 'unknown')
      says(encryptionOff, windows, 'unknown')
    },
  },
]
