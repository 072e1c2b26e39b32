import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, defineProbe, type Inputs, sole } from '../../probe.ts'
import { cut, present } from '../gather.ts'
import { isPlistWith, parsePlistDict, readPlistIfMay, runIfThere, textIn } from '../property-list.ts'

type AntivirusFact = FactTypes['antivirus']

/** Where the data lies: with the system, and since macOS 15 as fetched between updates. The higher version is in use. */
export const XPROTECT_BUNDLES = [
  '/Library/Apple/System/Library/CoreServices/XProtect.bundle/Contents/Info.plist',
  '/var/protected/xprotect/XProtect.bundle/Contents/Info.plist',
] as const
/**
 * A version of the data and the day Apple published it; see the SOFA feed of the project macadmins (data/resources/xprotect.json). Who has an older
 * one has fetched nothing since.
 */
export const XPROTECT_KNOWN = { version: 5356, day: '2026-08-18' } as const
const REMEDIATOR = '/Library/Apple/System/Library/CoreServices/XProtect.app/Contents/Info.plist'

/** What macOS itself has against malware; see "Protecting against malware in macOS" in Apple's platform security guide, and xprotect(8). */
export default defineProbe({
  subject: 'antivirus',
  source: 'xprotect',
  platforms: ['darwin'],
  every: '6h',
  timeout: '60s',
  privilege: 'root: /var/protected',
  blind: 'What it found; when its data was made (Apple publishes a new version every few weeks, and only the number is in the file).',
  inputs: {
    bundle: {
      from: XPROTECT_BUNDLES.join(', '),
      recognise: text => isPlistWith(text, 'CFBundleShortVersionString') && /com\.apple\.XProtect</.test(text),
    },
    remediator: {
      from: REMEDIATOR,
      recognise: text => isPlistWith(text, 'CFBundleShortVersionString') && /XProtectFramework|XProtect\.app/i.test(text),
    },
    status: { from: 'xprotect status', recognise: text => /^XProtect (launch|background) scans:/im.test(text) },
  },
  parse: parseXProtect,

  async read(host: Host) {
    const bundles = present(...(await Promise.all(XPROTECT_BUNDLES.map(path => readPlistIfMay(host, path)))))
    if (bundles.length === 0) throw new Absent('no XProtect bundle can be read')
    return parseXProtect({
      bundle: bundles,
      remediator: present(await readPlistIfMay(host, REMEDIATOR)),
      status: present(await runIfThere(host, ['xprotect', 'status'], 20_000)),
    })
  },
})

/** @throws where no version of its data is told */
export function parseXProtect(inputs: Inputs): AntivirusFact {
  const version = xprotectVersion((inputs.bundle ?? []).map(({ text }) => text))
  const remediator = sole(inputs, 'remediator')
  const status = sole(inputs, 'status')?.text
  const launch = switchOf(status, 'launch')
  const background = switchOf(status, 'background')
  return {
    products: [
      {
        name: 'XProtect',
        vendor: 'Apple',
        version: remediator ? short(textIn(parsePlistDict(remediator.text).CFBundleShortVersionString)) : null,
        kind: 'antivirus',
        running: launch,
        realtime: launch,
        passive: null,
        signaturesVersion: version,
        signaturesAt: null,
        signaturesCurrent: null,
        updaterRunning: null,
        tamperProtection: null,
        degraded: launch && background === false ? 'background scans are switched off' : null,
        quickScanAt: null,
        fullScanAt: null,
        activeThreats: null,
        detections: null,
      },
    ],
  }
}

/** The highest version among the bundles' property lists. @throws where none tells one */
export function xprotectVersion(texts: readonly string[]): string {
  const bundles = texts.map(parsePlistDict)
  if (bundles.some(bundle => !/^com\.apple\.XProtect/i.test(textIn(bundle.CFBundleIdentifier) ?? ''))) {
    throw new Error('Cannot tell the version of XProtect by the property list of something else')
  }
  const versions = bundles.flatMap(bundle => textIn(bundle.CFBundleShortVersionString) ?? [])
  const [newest] = versions.toSorted((a, b) => b.localeCompare(a, 'en', { numeric: true }))
  if (newest === undefined) throw new Error('Cannot tell the version of XProtect: its property list names none')
  return cut(newest, 64)
}

function switchOf(text: string | undefined, name: 'launch' | 'background'): boolean | null {
  const word = new RegExp(`^XProtect ${name} scans: (enabled|disabled)\\s*$`, 'im').exec(text ?? '')?.[1]?.toLowerCase()
  return word === undefined ? null : word === 'enabled'
}

const short = (text: string | null): string | null => (text === null ? null : cut(text, 64))
