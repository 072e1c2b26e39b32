import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, defineProbe, type Inputs, sole } from '../../probe.ts'
import { cut } from '../gather.ts'
import { isRegistry, queryKey, type Registry, registryOf, registryValue } from '../windows/registry.ts'

type Updates = FactTypes['updates']

const KEY = 'HKLM\\SOFTWARE\\Microsoft\\Office\\ClickToRun'
const END = '\\office\\clicktorun'
const VERSION = /^\d{1,3}(\.\d{1,6}){2,3}$/

/** Office that is streamed (Click-to-Run): whether it updates itself, and a version that is downloaded and waits; see the registry key. */
export default defineProbe({
  subject: 'updates',
  source: 'office',
  platforms: ['win32'],
  every: '6h',
  timeout: '30s',
  blind: 'How far behind its channel the version is: the key names only what this machine has already found. Office from an MSI package.',
  inputs: { registry: { from: `reg.exe query ${KEY} /s /reg:64`, recognise: isRegistry } },
  parse: parseOffice,

  async read(host: Host) {
    return parseOffice({ registry: [await queryKey(host, `${KEY}\\Configuration`), await queryKey(host, `${KEY}\\Updates`)] })
  },
})

/** @throws Absent where there is no Click-to-Run Office */
export function parseOffice(inputs: Inputs): Updates {
  if (!sole(inputs, 'registry')) throw new Error('Cannot judge without the input registry')
  const registry = registryOf(inputs.registry ?? [])
  const installed = registryValue(registry, `${END}\\configuration`, 'VersionToReport')
  if (installed === undefined) throw new Absent('no Office of the kind Click-to-Run is installed')
  if (!VERSION.test(installed)) throw new Error(`Cannot read the version of Office: ${cut(installed, 60)}`)
  const ready = registryValue(registry, `${END}\\updates`, 'UpdateToVersion')
  const waits = ready !== undefined && VERSION.test(ready) && ready !== installed
  return {
    pending: waits ? [pending(installed, ready)] : [],
    more: 0,
    classified: false,
    lastCheckAt: null,
    lastCheckError: null,
    lastInstallAt: null,
    lastInstallSucceeded: null,
    automatic: { ...automaticOf(registry), lastRunAt: null },
    broken: null,
    badSources: [],
    managedBy: null,
  }
}

function pending(installed: string, candidate: string): Updates['pending'][number] {
  return {
    name: 'Microsoft Office',
    installed,
    candidate,
    class: 'other',
    severity: null,
    published: null,
    origin: 'Click-to-Run',
    withheld: null,
    restart: false,
  }
}

/** A policy wins over the setting of the installation. */
function automaticOf(registry: Registry): Pick<Updates['automatic'], 'enabled' | 'detail'> {
  const policy = registryValue(registry, '\\common\\officeupdate', 'EnableAutomaticUpdates')
  const own = registryValue(registry, `${END}\\configuration`, 'UpdatesEnabled')?.toLowerCase()
  if (policy !== undefined) return { enabled: policy === '1', detail: 'by policy' }
  return { enabled: own === 'true' ? true : own === 'false' ? false : null, detail: null }
}
