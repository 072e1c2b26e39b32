import { documentIn, type Json, numberOf, objectOf, objectsOf, wordOf } from '../loose-json.ts'
import type { ArrayState, MemberState } from './array.ts'
import { blankDrive, type Drive, type Report, sizeOf, type Volume } from './controller.ts'
import { isStorcliText, storcliDocument } from './storcli-text.ts'

/** Words of storcli's legend for volumes. */
const VOLUME_STATES: Readonly<Record<string, ArrayState>> = {
  optl: 'ok',
  optimal: 'ok',
  dgrd: 'degraded',
  degraded: 'degraded',
  pdgd: 'degraded',
  rec: 'degraded',
  ofln: 'failed',
  offline: 'failed',
}
/** Words of storcli's legend for drives. */
const DRIVE_STATES: Readonly<Record<string, MemberState>> = {
  onln: 'active',
  conf: 'active',
  jbod: 'active',
  ugood: 'active',
  ghs: 'spare',
  dhs: 'spare',
  rbld: 'rebuilding',
  cpybck: 'rebuilding',
  offln: 'failed',
  failed: 'failed',
  ubad: 'failed',
  ugunsp: 'failed',
  msng: 'missing',
  missing: 'missing',
}

/**
 * JSON of storcli and perccli, or what they print without it, of `/call show all J`, `/call/vall show all J` and `/call/eall/sall show all J` alike.
 * @throws Error where it is no such JSON or a controller answered with a failure
 */
export function parseStorcli(text: string): Report {
  const document = isStorcliText(text) ? storcliDocument(text) : objectOf(documentIn(text))
  const controllers = document?.Controllers
  if (!Array.isArray(controllers)) throw new Error('Cannot find controllers in the JSON of storcli')
  const reports = objectsOf(controllers).flatMap((controller, at) => controllerOf(controller, at) ?? [])
  return { volumes: reports.flatMap(r => r.volumes), drives: reports.flatMap(r => r.drives), faults: reports.flatMap(r => r.faults) }
}

function controllerOf(controller: Json, at: number): Report | undefined {
  const status = objectOf(controller['Command Status']) ?? {}
  const data = objectOf(controller['Response Data'])
  const words = `${wordOf(status.Description) ?? ''} ${objectsOf(status['Detailed Status'])
    .map(row => wordOf(row.ErrMsg) ?? '')
    .join(' ')}`
  if (/No Controller found|No (drive|VD|VDs).* (found|configured)|have been configured/i.test(words)) return undefined
  if (!data || !/^success$/i.test(wordOf(status.Status) ?? ''))
    throw new Error(`Cannot read the controller: storcli says "${words.trim().slice(0, 200)}"`)
  const name = `c${wordOf(objectOf(data.Basics)?.Controller) ?? wordOf(status.Controller) ?? at}`
  const entries = Object.entries(data)
  const volumes = entries.flatMap(([key, value]) =>
    /^VD LIST$|^\/c\d+\/v\d+$/i.test(key) ? objectsOf(value).map(row => volumeOf(name, row)) : [],
  )
  const listed = entries.flatMap(([key, value]) => (isDriveList(key) ? objectsOf(value).map(row => driveOf(name, row, data)) : []))
  const bare =
    volumes.length === 0 &&
    listed.length === 0 &&
    !('Basics' in data) &&
    !entries.some(([key]) => /Virtual Drives|Physical Drives/.test(key))
  if (bare) throw new Error(`Cannot find volumes or drives of the controller ${name} in the JSON of storcli`)
  checkCount(name, 'Virtual Drives', numberOf(data['Virtual Drives']), volumes.length)
  checkCount(name, 'Physical Drives', numberOf(data['Physical Drives']), listed.length)
  const missing = objectsOf(data.TOPOLOGY).filter(row => /^(msng|missing)$/i.test(wordOf(row.State) ?? '') && wordOf(row.Type) === 'DRIVE')
  const gone = missing.map((row, n) => ({
    ...blankDrive(`${name} missing ${n + 1}`),
    group: `${name}/${wordOf(row.DG) ?? '?'}`,
    state: 'missing' as const,
    word: 'missing',
  }))
  return { volumes, drives: [...listed, ...gone], faults: faultsOf(name, data) }
}

const isDriveList = (key: string): boolean => /^(PD LIST|JBOD LIST|PDs for VD \d+)$/i.test(key) || /^Drive \/c\d+(\/e\d+)?\/s\d+$/.test(key)

/** A list that is shorter than its own count is cut: what is missing might be what is broken. */
function checkCount(name: string, what: string, told: number | null, found: number): void {
  if (told !== null && told > found) throw new Error(`Cannot read ${name}: it tells ${told} ${what}, and ${found} are listed`)
}

function volumeOf(name: string, row: Json): Volume {
  const [group, id] = (wordOf(row['DG/VD']) ?? '?/?').split('/')
  const word = wordOf(row.State) ?? 'without a state'
  const own = wordOf(row.Name)
  return {
    name: own ? `${name}/v${id} ${own}` : `${name}/v${id}`,
    group: `${name}/${group}`,
    level: wordOf(row.TYPE)?.toLowerCase() ?? null,
    state: VOLUME_STATES[word.toLowerCase()] ?? 'unknown',
    word,
    required: null,
    errors: null,
    sync: null,
    note: /^no$/i.test(wordOf(row.Consist) ?? '') ? 'it was never checked for consistency' : null,
  }
}

function driveOf(name: string, row: Json, data: Json): Drive {
  const place = wordOf(row['EID:Slt']) ?? '?'
  const [enclosure, slot] = place.split(':')
  const path = enclosure?.trim() ? `/${name}/e${enclosure.trim()}/s${slot}` : `/${name}/s${slot}`
  const detail = objectOf(data[`Drive ${path} - Detailed Information`]) ?? {}
  const health = objectOf(detail[`Drive ${path} State`]) ?? {}
  const device = objectOf(detail[`Drive ${path} Device attributes`]) ?? {}
  const word = wordOf(row.State) ?? 'without a state'
  const group = wordOf(row.DG)
  const predicted = numberOf(health['Predictive Failure Count'])
  const flagged = wordOf(health['S.M.A.R.T alert flagged by drive'])
  return {
    ...blankDrive(`${name} ${place}`),
    group: group && /^\d+$/.test(group) ? `${name}/${group}` : null,
    state: DRIVE_STATES[word.toLowerCase()] ?? 'unknown',
    word,
    model: wordOf(row.Model) ?? wordOf(device['Model Number']) ?? null,
    serial: wordOf(device.SN) ?? null,
    firmware: wordOf(device['Firmware Revision']) ?? null,
    wwn: wordOf(device.WWN) ?? null,
    interface: ({ sata: 'sata', sas: 'sas', nvme: 'nvme' } as const)[(wordOf(row.Intf) ?? '').toLowerCase()] ?? 'unknown',
    media: ({ ssd: 'ssd', hdd: 'hdd' } as const)[(wordOf(row.Med) ?? '').toLowerCase()] ?? 'unknown',
    sizeBytes: sizeOf(wordOf(device['Raw size']), 1024) ?? sizeOf(wordOf(row.Size), 1024),
    temperatureCelsius: numberOf(/(-?\d{1,3}) ?C\b/.exec(wordOf(health['Drive Temperature']) ?? '')?.[1]),
    mediaErrors: numberOf(health['Media Error Count']),
    alert: /^yes$/i.test(flagged ?? '') || (predicted ?? 0) > 0 ? true : /^no$/i.test(flagged ?? '') || predicted === 0 ? false : null,
  }
}

function faultsOf(name: string, data: Json): Report['faults'] {
  const status = objectOf(data.Status) ?? {}
  const word = wordOf(status['Controller Status'])
  const own =
    word && !/^(optimal|ok)$/i.test(word)
      ? [{ name, state: /fail/i.test(word) ? ('failed' as const) : ('unknown' as const), detail: `the controller calls itself ${word}` }]
      : []
  const power = ['BBU_Info', 'Cachevault_Info'].flatMap(key => objectsOf(data[key]).map(row => ({ key, state: wordOf(row.State) ?? '' })))
  const dead = power.filter(({ state }) => /^(failed|dgd|degraded|dead|missing|faulty|bad)/i.test(state))
  return [
    ...own,
    ...dead.map(({ key, state }) => ({
      name: `${name} ${key.replace('_Info', '')}`,
      state: 'degraded' as const,
      detail: `the power of its cache is ${state}`,
    })),
  ]
}
