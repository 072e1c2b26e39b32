import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { defineProbe, type Inputs, sole } from '../../probe.ts'
import { cut } from '../gather.ts'
import { answerOf, isAnswer, partIfThere, partOf } from '../windows/answer.ts'
import { jsonObjects, listObjects, type Properties, tableRows } from '../windows/properties.ts'
import { isRegistry, registryOf, registryValue } from '../windows/registry.ts'

type Profile = FactTypes['firewall']['profiles'][number]

const SCRIPT = 'firewall/windows'
/** Names of the profiles in the registry: `Standard` has been called private since Vista. */
const KEYS: Readonly<Record<string, string>> = { domain: 'domainprofile', private: 'standardprofile', public: 'publicprofile' }
const NETWORKS: Readonly<Record<string, string>> = {
  '0': 'public',
  '1': 'private',
  '2': 'domain',
  public: 'public',
  private: 'private',
  domainauthenticated: 'domain',
}

/** Windows Firewall as it acts, group policy included; see Get-NetFirewallProfile -PolicyStore ActiveStore. */
export default defineProbe({
  subject: 'firewall',
  source: 'windows',
  platforms: ['win32'],
  shares: 'powershell',
  every: '30m',
  timeout: '1m',
  blind: 'What single rules let in. Of an export of the registry: whether a policy overrides it.',
  inputs: {
    answer: { from: `powershell ${SCRIPT}`, recognise: text => isAnswer(text, 'profiles') },
    registry: {
      from: 'reg.exe query HKLM\\SYSTEM\\CurrentControlSet\\Services\\SharedAccess\\Parameters\\FirewallPolicy /s',
      recognise: isRegistry,
    },
    profiles: { from: 'Get-NetFirewallProfile -PolicyStore ActiveStore', recognise: text => /\bDefaultInboundAction\b/.test(text) },
  },
  parse: parseFirewall,

  async read(host: Host) {
    return parseFirewall({ answer: [await host.powershell(SCRIPT)] })
  },
})

/** @throws where no profile can be read */
export function parseFirewall(inputs: Inputs): FactTypes['firewall'] {
  const profiles = [...fromAnswer(inputs), ...fromCmdlet(inputs), ...fromRegistry(inputs)]
  if (profiles.length === 0) throw new Error('Cannot read any profile of the firewall')
  return { profiles: profiles.slice(0, 64) }
}

function fromAnswer(inputs: Inputs): Profile[] {
  const captured = sole(inputs, 'answer')
  if (!captured) return []
  const answer = answerOf(captured, 'always')
  const networks = partIfThere(answer, 'networks')?.map(network => NETWORKS[(network.get('category') ?? '').toLowerCase()])
  const service = partIfThere(answer, 'service')?.[0]?.get('state')
  const profiles = (partOf(answer, 'profiles') ?? []).map(profileOf)
  return [
    ...profiles.map(profile => ({
      ...profile,
      enabled: service === undefined ? profile.enabled && null : service === 'Running' ? profile.enabled : false,
      inUse: networks === undefined || networks.includes(undefined) ? null : networks.includes(profile.name),
      detail: service !== undefined && service !== 'Running' ? `the service MpsSvc is ${cut(service, 40)}` : profile.detail,
    })),
    ...(partIfThere(answer, 'others') ?? []).slice(0, 16).map(another),
  ]
}

/** A firewall of another maker: bits 12..15 of its state say whether it is on. */
function another(product: Properties): Profile {
  const state = Number(product.get('productstate') ?? Number.NaN)
  const mode = (state >> 12) & 0xf
  const enabled = Number.isInteger(state) ? mode === 1 : null
  return {
    name: cut(product.get('displayname') ?? 'another firewall', 64),
    enabled,
    inUse: null,
    inbound: null,
    detail: 'registered with Windows Security Center',
  }
}

/** Without `-PolicyStore ActiveStore` this is the local policy, which a group policy overrides; the output does not tell which it is. */
function fromCmdlet(inputs: Inputs): Profile[] {
  const objects = (inputs.profiles ?? []).flatMap(({ text }) => {
    const rows = jsonObjects(text) ?? listObjects(text)
    return rows.some(row => row.has('enabled')) ? rows : tableRows(text)
  })
  return objects.filter(object => object.has('enabled') && (object.has('name') || object.has('profile'))).map(profileOf)
}

/** GpoBoolean: 0 False, 1 True, 2 NotConfigured, which means on. Action: 0 NotConfigured (block), 2 Allow, 4 Block. */
function profileOf(object: Properties): Profile {
  const name = (object.get('name') ?? object.get('profile') ?? '').toLowerCase()
  if (!(name in KEYS))
    throw new Error(`Cannot read the firewall profile ${JSON.stringify(cut(name, 40))}: wanted domain, private or public`)
  const said = (object.get('enabled') ?? '').toLowerCase()
  const enabled = /^(true|1|notconfigured|2)$/.test(said) ? true : /^(false|0)$/.test(said) ? false : null
  const action = (object.get('defaultinboundaction') ?? '').toLowerCase()
  const inbound = /^(block|4|notconfigured|0)$/.test(action) ? 'drop' : /^(allow|2)$/.test(action) ? 'accept' : null
  return { name, enabled, inUse: null, inbound, detail: null }
}

/** A policy wins over the local setting. A local "on" alone may be overridden, so it stays unknown; "off" is told as off. */
function fromRegistry(inputs: Inputs): Profile[] {
  const registry = registryOf(inputs.registry ?? [])
  return Object.entries(KEYS).flatMap(([name, key]) => {
    const local = registryValue(registry, `\\firewallpolicy\\${key}`, 'EnableFirewall')
    const policy = registryValue(registry, `\\windowsfirewall\\${key}`, 'EnableFirewall')
    const asked = [...registry.keys()].some(one => one.endsWith('\\policies\\microsoft\\windowsfirewall'))
    if (local === undefined && policy === undefined) return []
    const said = policy ?? local
    const enabled = said === '0' ? false : policy === '1' || asked ? true : null
    const detail =
      policy === undefined && !asked
        ? `switched ${said === '0' ? 'off' : 'on'} in the local policy; a group policy could override it`
        : null
    return [{ name, enabled, inUse: null, inbound: null, detail }]
  })
}
