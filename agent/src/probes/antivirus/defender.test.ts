import type { FactTypes } from '@fettle/catalog'
import { describe, expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import defender from './defender.ts'

type Fact = FactTypes['antivirus']
const NOW = Date.UTC(2026, 10, 1)

// Names and values as the documentation of MSFT_MpComputerStatus lists them; no machine of ours printed them.
const good = {
  AMRunningMode: 'Normal',
  AMServiceEnabled: 'True',
  AMProductVersion: '4.18.26090.1',
  AntivirusEnabled: 'True',
  RealTimeProtectionEnabled: 'True',
  OnAccessProtectionEnabled: 'True',
  BehaviorMonitorEnabled: 'True',
  IoavProtectionEnabled: 'True',
  IsTamperProtected: 'True',
  AntivirusSignatureVersion: '1.440.1.0',
  AntivirusSignatureAge: '1',
  AntivirusSignatureLastUpdated: '2026-10-31T06:00:00.0000000Z',
  QuickScanAge: '0',
  QuickScanEndTime: '2026-10-31T12:00:00.0000000Z',
  FullScanAge: '4294967295',
}
const answer = (status: object, more: object = {}) => JSON.stringify({ status: { ...good, ...status }, ...more })
const product = (status: object, more: object = {}) => factOf<Fact>(defender, { answer: answer(status, more) }, NOW).products[0]

describe('the state of Defender', () => {
  test('protects: running, watching, with the age of its signatures', () => {
    expect(product({})).toMatchObject({
      running: true,
      realtime: true,
      passive: false,
      signaturesAt: Date.UTC(2026, 9, 31, 6),
      tamperProtection: true,
      degraded: null,
      quickScanAt: Date.UTC(2026, 9, 31, 12),
    })
  })

  test.each([
    ['an age of 4294967295 days means never', { AntivirusSignatureAge: '4294967295' }, { signaturesAt: null, signaturesCurrent: false }],
    ['a full scan of that age never was', {}, { fullScanAt: null }],
    [
      'real-time protection off is off although the service runs',
      { RealTimeProtectionEnabled: 'False' },
      { running: true, realtime: false },
    ],
    ['passive mode watches nothing', { AMRunningMode: 'Passive Mode' }, { passive: true, realtime: false }],
    ['EDR block mode stands aside too', { AMRunningMode: 'EDR Block Mode' }, { passive: true, realtime: false }],
    ['not running is not running, whatever the flags say', { AMRunningMode: 'Not running' }, { running: false, realtime: false }],
    ['a disabled engine does not protect', { AntivirusEnabled: 'False' }, { running: false, realtime: false }],
    ['troubleshooting mode weakens it', { TroubleShootingMode: 'Enabled' }, { degraded: 'troubleshooting mode is on' }],
    [
      'an engine that ignores opened files protects less',
      { OnAccessProtectionEnabled: 'False' },
      { degraded: 'files are not scanned when they are opened' },
    ],
    [
      'signatures without a date count by their age',
      { AntivirusSignatureLastUpdated: null, AntivirusSignatureAge: '10' },
      { signaturesAt: NOW - 10 * 86_400_000 },
    ],
  ])('%s', (_, status, wanted) => {
    expect(product(status)).toMatchObject(wanted)
  })

  test('a drive taken out of scanning is told', () => {
    expect(product({}, { preference: { excluded: ['C:\\'], realtimeOff: false } })?.degraded).toContain('C:\\ excluded')
  })

  test('text of Format-List in another notation is read; what is cut off stays unknown', () => {
    const text = 'AMServiceEnabled                 : True\r\nAntivirusSignatureLastUpdated    : 25.10.2026 06:00:00\r\n'
    expect(factOf<Fact>(defender, { status: text }, NOW).products[0]).toMatchObject({
      running: true,
      realtime: null,
      signaturesAt: Date.UTC(2026, 9, 25, 6),
    })
  })

  test.each([
    ['an empty output is a blocked PowerShell', '', /blocked or its output is empty/],
    [
      'a stopped service is no "off"',
      '{"error":{"hr":"0x800106ba","msg":"stopped","id":"HRESULT 0x800106ba,Get-MpComputerStatus"}}',
      /0x800106ba/,
    ],
    ['half an answer is no answer', answer({}).slice(0, 80), /Cannot read/],
  ])('%s', (_, text, message) => {
    expect(() => factOf(defender, { answer: text })).toThrow(message)
  })

  test('a server without the feature has no Defender', () => {
    const text =
      '{"error":{"hr":"0x80131501","msg":"not recognized","id":"CommandNotFoundException","type":"System.Management.Automation.CommandNotFoundException"}}'
    expect(() => factOf(defender, { answer: text })).toThrow(expect.objectContaining({ name: 'Absent' }))
  })

  test('constrained language mode is a missing right', () => {
    expect(() => factOf(defender, { answer: '{"languageMode":"ConstrainedLanguage"}' })).toThrow(
      expect.objectContaining({ name: 'Denied' }),
    )
  })

  test('the machine is asked by the script beside it', async () => {
    const m = machine({ now: NOW, commands: { 'powershell antivirus/defender': { text: answer({}) } } })
    expect(((await defender.read(hostOf(m), undefined)) as Fact).products[0]?.realtime).toBe(true)
  })

  test('any text gives a fact or an error', () => {
    survives(defender, 'answer', [answer({})])
    survives(defender, 'status', ['AMServiceEnabled : True\nRealTimeProtectionEnabled : True\n'])
  })
})
