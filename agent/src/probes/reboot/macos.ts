import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, defineProbe, type Inputs, sole } from '../../probe.ts'
import { cut, present } from '../gather.ts'
import { isPlistWith, parsePlistDict, readPlistIfMay, runIfThere, textIn } from '../property-list.ts'
import { sysctlOf } from '../sysctl.ts'

const VERSION = '/System/Library/CoreServices/SystemVersion.plist'

/** Whether the build that runs is the one that is installed; macOS has no public flag for a restart that is due. */
export default defineProbe({
  subject: 'reboot',
  source: 'macos',
  platforms: ['darwin'],
  every: '1h',
  timeout: '20s',
  blind: 'Updates that are downloaded and wait for a restart to be installed: those are pending updates of softwareupdate.',
  inputs: {
    sysctl: { from: 'sysctl kern.osversion', recognise: text => /^kern\.osversion[:=]/m.test(text) },
    version: { from: VERSION, recognise: text => isPlistWith(text, 'ProductBuildVersion') },
  },
  parse: parseMacReboot,

  async read(host: Host) {
    return parseMacReboot({
      sysctl: present(await runIfThere(host, ['sysctl', 'kern.osversion'], 5_000)),
      version: present(await readPlistIfMay(host, VERSION)),
    })
  },
})

/** @throws Absent where both builds are the same, which tells nothing about what waits; Error where either is not told */
export function parseMacReboot(inputs: Inputs): FactTypes['reboot'] {
  const running = sysctlOf(sole(inputs, 'sysctl')?.text ?? '').get('kern.osversion')
  const version = sole(inputs, 'version')
  const installed = version ? textIn(parsePlistDict(version.text).ProductBuildVersion) : null
  if (!running || installed === null)
    throw new Error('Cannot compare the build that runs with the one that is installed: wanted kern.osversion and SystemVersion.plist')
  if (running === installed) throw new Absent('the build that runs is the one installed, and macOS tells no more')
  return {
    required: true,
    since: null,
    reasons: [{ kind: 'update', detail: cut(`build ${running} runs, ${installed} is installed`, 300) }],
    kernel: { running: cut(running, 128), newest: cut(installed, 128), livePatched: null },
    services: null,
  }
}
