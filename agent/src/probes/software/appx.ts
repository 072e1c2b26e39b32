import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { defineProbe, type Inputs, sole } from '../../probe.ts'
import { answerOf, isAnswer, partOf } from '../windows/answer.ts'
import { jsonObjects, listObjects, type Properties, truth } from '../windows/properties.ts'
import { CUT_SHORT, distinct, softwareOf, type Told } from './listed.ts'

const SCRIPT = 'software/appx'
/** ProcessorArchitecture of Windows' package manager, where it is told as a number. */
const ARCHITECTURES: { readonly [number: string]: string } = { '0': 'x86', '5': 'arm', '9': 'x64', '11': 'neutral', '12': 'arm64' }

/** Packages of the Microsoft Store and those that Windows brings, of all users, by their names of identity; see Get-AppxPackage. */
export default defineProbe({
  subject: 'software',
  source: 'appx',
  platforms: ['win32'],
  every: '1d',
  timeout: '3m',
  heavy: true,
  privilege: 'LocalSystem or an administrator: only they may ask for the packages of all users.',
  blind: 'The names that people see: packages are told by identity, like Microsoft.WindowsCalculator.',
  inputs: {
    answer: { from: `powershell ${SCRIPT}`, recognise: text => isAnswer(text, 'packages') },
    list: {
      from: 'Get-AppxPackage -AllUsers',
      recognise: text => (/^PackageFullName\s*:/m.test(text) && /^Architecture\s*:/m.test(text)) || /^PUBID: /m.test(text),
    },
    objects: {
      from: 'Get-AppxPackage -AllUsers | ConvertTo-Json',
      recognise: text => /^\s*(?:\[\s*)?\{/.test(text) && text.includes('"PackageFullName"'),
    },
  },
  parse: parseAppx,

  async read(host: Host) {
    return parseAppx({ answer: [await host.powershell(SCRIPT, { timeoutMs: 150_000, alone: true })] })
  },
})

/** @throws Denied, Absent where the module is not there, Error where the list is empty or missing */
export function parseAppx(inputs: Inputs): FactTypes['software'] {
  const captured = sole(inputs, 'answer')
  const packages = captured
    ? partOf(answerOf(captured), 'packages')
    : [
        ...(inputs.list ?? []).flatMap(({ text }) => listObjects(text)),
        ...(inputs.objects ?? []).flatMap(({ text }) => jsonObjects(text) ?? []),
      ]
  if (!packages) throw new Error('Cannot read the packages: the answer has no list')
  const all = packages.filter(one => truth(one.get('isresourcepackage')) !== true).map(packageOf)
  if (all.length === 0) throw new Error('Cannot believe a Windows without any package')
  // Whether a capture was made for all users, nothing in it tells.
  return softwareOf(distinct(all), captured ? null : `packages of other users; ${CUT_SHORT}`)
}

function packageOf(one: Properties): Told {
  const name = one.get('name')
  const version = one.get('version')
  if (name === undefined) throw new Error('Cannot read a package of the list: it has no name')
  const arch = one.get('architecture') ?? one.get('arch') ?? null
  return {
    name,
    version: version !== undefined && /\d/.test(version) ? version : null,
    arch: arch === null ? null : (ARCHITECTURES[arch] ?? arch.toLowerCase()),
    origin: organisationOf(one.get('publisher')),
    broken: /needsremediation|modified|dependencyissue|tampered/i.test(one.get('status') ?? ''),
  }
}

/** The organisation of a certificate's name; any other text as it is. */
function organisationOf(publisher: string | undefined): string | null {
  if (publisher === undefined) return null
  return /(?:^|, ?)O="?([^",]{1,120})/.exec(publisher)?.[1] ?? publisher
}
