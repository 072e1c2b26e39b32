import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, type Captured, defineProbe, type Inputs, needed } from '../../probe.ts'
import { cut } from '../gather.ts'
import { printed, refuseRights, unread } from './evidence.ts'
import { type AntivirusProduct, unknownProduct } from './product.ts'

const CTL = '/opt/sentinelone/bin/sentinelctl'
const CTL_DARWIN = '/usr/local/bin/sentinelctl'
const FOLDER_WIN32 = 'C:\\Program Files\\SentinelOne'

/**
 * SentinelOne agent: switched on, connected to its console, protecting itself; see "sentinelctl" in the vendor's guides for Linux
 * (`control status`, `management status`, `version`), macOS and Windows (`status`). It has no signatures: its models come with the agent.
 */
export default defineProbe({
  subject: 'antivirus',
  source: 'sentinelone',
  platforms: ['linux', 'darwin', 'win32'],
  every: '30m',
  timeout: '90s',
  privilege: 'root, on Windows an administrator: sentinelctl answers nobody else',
  blind: 'The policy that the console set (detect or protect), where the agent does not tell it.',
  inputs: {
    sentinelctl: {
      from: `${CTL} control status; ${CTL} management status; ${CTL} version; SentinelCtl.exe status`,
      recognise: text =>
        /^[ \t]{0,40}(Agent state|Connectivity|Agent version|Self-Protection status)\b|^SentinelOne \d|^Sentinel(Agent|Monitor) is /m.test(
          text,
        ),
    },
  },
  parse: parseSentinelone,

  async read(host: Host) {
    const commands = { linux: onLinux, darwin: onDarwin, win32: onWindows }
    const sentinelctl: Captured[] = []
    for (const argv of await commands[host.platform](host)) sentinelctl.push(...(await printed(host, ...argv)))
    if (sentinelctl.length === 0) throw new Absent('SentinelOne is not installed')
    return parseSentinelone({ sentinelctl })
  },
})

const onLinux = async () => [['control', 'status'], ['management', 'status'], ['version']].map(words => [CTL, ...words])
const onDarwin = async () => [['version'], ['status']].map(words => [CTL_DARWIN, ...words])
async function onWindows(host: Host): Promise<string[][]> {
  const names = await host.list(FOLDER_WIN32, { missing: [] })
  const newest = names.filter(name => /^Sentinel Agent /.test(name)).at(-1)
  return newest === undefined ? [] : [[`${FOLDER_WIN32}\\${newest}\\SentinelCtl.exe`, 'status']]
}

/** @throws Denied without the right, Error where nothing of the agent can be read */
export function parseSentinelone(inputs: Inputs): FactTypes['antivirus'] {
  needed(inputs, 'sentinelctl')
  const captures = inputs.sentinelctl ?? []
  const text = captures.map(captured => captured.text.slice(0, 65_536)).join('\n')
  const state = is(text, /^[ \t]{0,40}Agent state[: \t][ \t]{0,60}(Enabled|Disabled)\b/im, 'enabled')
  const online = is(text, /^[ \t]{0,40}Connectivity[: \t][ \t]{0,60}(On|Off)\s*$/im, 'on')
  const version =
    /^[ \t]{0,40}(?:Agent version|Monitor Build id|Version)[: \t][ \t]{0,60}(\d[\w.+-]{2,60})/im.exec(text)?.[1] ??
    /^SentinelOne (\d[\w.]{2,40})/m.exec(text)?.[1]
  const agent = is(text, /^SentinelAgent is (loaded|not loaded)\b/im, 'loaded')
  const monitor = is(text, /^SentinelMonitor is (loaded|not loaded)\b/im, 'loaded')
  const ready = is(text, /^[ \t]{0,40}(?:Ready|Agent ready)[: \t][ \t]{0,60}(yes|no)\b/im, 'yes')
  const guarding = is(text, /^[ \t]{0,40}Protection[: \t][ \t]{0,60}(enabled|disabled)\b/im, 'enabled')
  const disabled = /^Disable State:\s*(.{1,120})$/m.exec(text)?.[1]
  const told = [state, online, agent, monitor, ready, guarding]
  if (version === undefined && told.every(one => one === null)) {
    for (const captured of captures) refuseRights(captured, 'sentinelctl')
    throw unread(captures[0] ?? needed(inputs, 'sentinelctl'), '`Agent state`, `Connectivity` or the version of sentinelctl')
  }
  const isDisabled = disabled !== undefined && !/^not disabled/i.test(disabled)
  // Half an answer of Windows (the agent comes after its monitor) is no good news.
  const half = monitor !== null && agent === null
  const running = all([state, agent, half ? monitor && null : monitor, ready, isDisabled ? false : null])
  const reasons = [
    ...(isDisabled ? [cut(disabled, 120)] : []),
    ...(online === false ? ['not connected to its console'] : []),
    ...(guarding === false ? ['protection is disabled'] : []),
    ...(/^Mitigation policy:\s*none\b/im.test(text) ? ['it only detects: the mitigation policy is none'] : []),
  ]
  const product: AntivirusProduct = {
    ...unknownProduct('SentinelOne'),
    vendor: 'SentinelOne',
    version: version ?? null,
    kind: 'edr',
    running,
    realtime: guarding === false ? false : ready !== null && guarding === null ? running && null : running,
    passive: false,
    tamperProtection: is(text, /^[ \t]{0,40}Self-?Protection(?: status)?[: \t][ \t]{0,60}(On|Off|Enabled|Disabled)\b/im, 'on', 'enabled'),
    degraded: reasons.length === 0 ? null : reasons.join('; '),
  }
  return { products: [product] }
}

/** Whether the word that the pattern finds is one of the good ones; null where it finds none. */
function is(text: string, pattern: RegExp, ...good: readonly string[]): boolean | null {
  const found = pattern.exec(text)?.[1]?.toLowerCase()
  return found === undefined ? null : good.includes(found)
}

/** Bad news wins; without any it is good where something says so. */
function all(states: readonly (boolean | null)[]): boolean | null {
  return states.includes(false) ? false : states.includes(true) ? true : null
}
