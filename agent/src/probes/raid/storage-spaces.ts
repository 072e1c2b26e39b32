import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, defineProbe, type Inputs, sole } from '../../probe.ts'
import { cut } from '../gather.ts'
import { answerOf, isAnswer, partOf } from '../windows/answer.ts'
import { jsonObjects, listObjects, type Properties, tableRows, truth } from '../windows/properties.ts'

type Raid = FactTypes['raid']['arrays'][number]

const SCRIPT = 'raid/storage-spaces'
const HEALTH: Readonly<Record<string, Raid['state']>> = {
  '0': 'ok',
  '1': 'degraded',
  '2': 'failed',
  healthy: 'ok',
  warning: 'degraded',
  unhealthy: 'failed',
}
/** OperationalStatus that leaves the health as it is: 2 OK, 11 in service (repairing). */
const FINE = new Set(['2', 'ok'])
const REPAIRING = new Set(['11', 'in service', 'inservice'])

/** Pools and virtual disks of Storage Spaces; see MSFT_StoragePool and MSFT_VirtualDisk. The primordial pool is only what is not pooled yet. */
export default defineProbe({
  subject: 'raid',
  source: 'storage-spaces',
  platforms: ['win32'],
  shares: 'powershell',
  every: '15m',
  timeout: '1m',
  privilege: 'LocalSystem or an administrator.',
  blind: 'Which disk of a pool is at fault (`disks/windows` tells it); when a pool was last scrubbed.',
  inputs: {
    answer: { from: `powershell ${SCRIPT}`, recognise: text => isAnswer(text, 'pools', 'virtualDisks') },
    listed: { from: 'Get-StoragePool; Get-VirtualDisk', recognise: text => /\b(IsPrimordial|ResiliencySettingName)\b/.test(text) },
  },
  parse: parseSpaces,

  async read(host: Host) {
    return parseSpaces({ answer: [await host.powershell(SCRIPT)] })
  },
})

/** @throws Absent where there is no pool, Denied, Error */
export function parseSpaces(inputs: Inputs): FactTypes['raid'] {
  const captured = sole(inputs, 'answer')
  const objects = captured ? answered(inputs) : (inputs.listed ?? []).flatMap(({ text }) => listed(text))
  if (!captured && objects.length === 0) throw new Error('Cannot read any pool: wanted FriendlyName and HealthStatus')
  const arrays = objects.filter(object => truth(object.get('isprimordial')) !== true).map(arrayOf)
  if (arrays.length === 0) throw new Absent('there is no pool of Storage Spaces')
  return { arrays: arrays.sort((a, b) => Number(a.state === 'ok') - Number(b.state === 'ok')).slice(0, 256) }
}

function answered(inputs: Inputs): Properties[] {
  const captured = sole(inputs, 'answer')
  if (!captured) return []
  const answer = answerOf(captured)
  const pools = partOf(answer, 'pools')
  if (!pools) throw new Error('Cannot read the pools: the answer has none')
  return [...pools, ...(pools.length === 0 ? [] : (partOf(answer, 'virtualDisks') ?? []))]
}

function listed(text: string): Properties[] {
  const found = (jsonObjects(text) ?? listObjects(text)).filter(object => object.has('healthstatus'))
  return found.length > 0 ? found : tableRows(text).filter(object => object.has('healthstatus'))
}

function arrayOf(object: Properties): Raid {
  const health = HEALTH[(object.get('healthstatus') ?? '').toLowerCase()] ?? 'unknown'
  const standing = (object.get('operationalstatus') ?? '')
    .toLowerCase()
    .split(/[{},;]/)
    .map(word => word.trim())
    .filter(word => word !== '')
  const repairs = standing.some(word => REPAIRING.has(word))
  const odd = standing.filter(word => !FINE.has(word) && !REPAIRING.has(word))
  const readonly = truth(object.get('isreadonly')) === true
  const state = health === 'ok' && (odd.length > 0 || repairs || readonly) ? 'degraded' : health
  const words = [odd.length > 0 ? `operational status ${odd.join(', ')}` : null, readonly ? 'read-only' : null].filter(
    word => word !== null,
  )
  return {
    name: cut(object.get('friendlyname') ?? '', 128) || 'without a name',
    implementation: 'storage-spaces',
    level: cut((object.get('resiliencysettingname') ?? '').toLowerCase(), 32) || null,
    state,
    disks: { required: null, active: null, failed: null, spare: null, missing: null },
    sync: repairs ? { action: 'recovery', ratio: null } : null,
    errors: null,
    lastScrubAt: null,
    members: [],
    detail: words.length === 0 ? null : cut(words.join('; '), 300),
  }
}
