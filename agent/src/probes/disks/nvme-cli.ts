import type { FactTypes } from '@fettle/catalog'
import { type Host, NotInstalled, TimedOut } from '../../host.ts'
import { Absent, type Captured, Denied, defineProbe, type Inputs } from '../../probe.ts'
import { documentIn, objectOf } from '../loose-json.ts'
import { asCaptured, captureFolder, shortText, sysfsTree, type Tree, textOf } from '../sysfs.ts'
import { blankNvme, healthOf, type Identity, listedDisks } from './nvme-log.ts'
import { deviceIn, isTextList, isTextLog, listDocument, logDocument } from './nvme-text.ts'

type Disk = FactTypes['disks']['disks'][number]

const ROOT = '/sys/class/nvme'
const TIMEOUT_MS = 20_000
const MOST_DISKS = 256
const DAY_MS = 86_400_000
const RIGHTS = 'Run the agent as root, or give its unit CAP_SYS_ADMIN and access to the disks.'

/** What NVMe disks say of themselves, by nvme-smart-log(1): for machines without smartctl. */
export default defineProbe({
  subject: 'disks',
  source: 'nvme-cli',
  platforms: ['linux'],
  every: '1h',
  timeout: '5m',
  heavy: true,
  privilege: 'CAP_SYS_ADMIN: the kernel lets nobody else send commands to NVMe disks',
  blind: 'Asked only where smartctl is not installed, which reads the same and more. Self-tests are not told.',
  inputs: {
    log: { from: 'nvme smart-log -o json DEVICE', recognise: text => /"critical_warning"/.test(text) || isTextLog(text) },
    list: { from: 'nvme list -o json', recognise: text => /"Devices"/.test(text) || isTextList(text) },
    sysfs: { from: `${ROOT}/*/{model,serial,firmware_rev,state,wwid}` },
  },

  parse: (inputs, { now }) => parseNvme(inputs, now),

  async read(host: Host) {
    const names = (await host.list(ROOT, { missing: [] as string[] })).filter(name => /^nvme\d+$/.test(name))
    if (names.length === 0) throw new Absent('there is no NVMe disk')
    if (await hasSmartctl(host)) throw new Absent('smartctl reads the NVMe disks')
    const sysfs: Captured[] = []
    const log: Captured[] = []
    for (const name of names) {
      sysfs.push(...(await captureFolder(host, `${ROOT}/${name}`, /^(model|serial|firmware_rev|state)$/)))
      log.push(await ask(host, name))
    }
    const { disks } = parseNvme({ log, sysfs }, host.now())
    return { disks: disks.map(steady) }
  },
})

async function hasSmartctl(host: Host): Promise<boolean> {
  const paths = ['/usr/sbin/smartctl', '/usr/local/sbin/smartctl', '/sbin/smartctl', '/usr/bin/smartctl']
  const found = await Promise.all(paths.map(path => host.stat(path, { missing: undefined })))
  return found.some(stat => stat !== undefined)
}

async function ask(host: Host, name: string): Promise<Captured> {
  const argv = ['nvme', 'smart-log', '-o', 'json', `/dev/${name}`]
  try {
    return await host.run(argv, { timeoutMs: TIMEOUT_MS })
  } catch (error) {
    if (error instanceof NotInstalled)
      throw new Absent('neither smartctl nor nvme-cli is installed; the source smartctl tells what to install')
    if (!(error instanceof TimedOut)) throw error
    return { ...asCaptured(argv.join(' '), ''), stderr: `it did not answer within ${TIMEOUT_MS / 1000} s` }
  }
}

/** @throws Absent where there is no disk, Denied where none may be asked, Error where the only output cannot be read */
function parseNvme(inputs: Inputs, now: number): FactTypes['disks'] {
  const tree = sysfsTree(inputs.sysfs ?? [])
  const logs = inputs.log ?? []
  const listed = (inputs.list ?? []).flatMap(({ text }) => listOf(text))
  if (logs.length + (inputs.list ?? []).length === 0) throw new Error('Cannot judge without the input log')
  const asked = logs.map(captured => diskOf(captured, tree, listed, now, logs.length))
  const ids = new Set(asked.map(disk => disk.id))
  const disks = [...asked, ...listed.filter(({ id }) => !ids.has(id)).map(blankNvme)]
  if (disks.length === 0) throw new Absent('there is no NVMe disk')
  if (asked.length > 0 && disks.every(disk => disk.hint === RIGHTS)) throw new Denied('nvme may not open the disks', RIGHTS)
  return { disks: disks.slice(0, MOST_DISKS) }
}

function listOf(text: string): Identity[] {
  const document = isTextList(text) ? listDocument(text) : objectOf(documentIn(text))
  if (!document || !('Devices' in document)) throw new Error('Cannot read the list of nvme: it has no Devices')
  return listedDisks(document)
}

function diskOf(captured: Captured, tree: Tree, listed: readonly Identity[], now: number, among: number): Disk {
  const device = /(\/dev\/nvme\d+)\S*$/.exec(captured.name)?.[1] ?? deviceIn(captured.text)
  const isText = isTextLog(captured.text)
  const identity = identityOf(device, tree, listed)
  const state = device ? textOf(tree, `${ROOT}/${device.slice(5)}/state`) : null
  try {
    if (captured.text.trim() === '' || (!isText && !captured.text.includes('{')))
      throw new Error(shortText(captured.stderr || captured.text, 300) ?? `nvme printed nothing and ended with ${captured.code}`)
    const log = isText ? logDocument(captured.text) : objectOf(documentIn(captured.text))
    const disk = healthOf(log ?? {}, identity, now)
    return state && /^(dead|deleting)/.test(state)
      ? { ...disk, standing: 'unreadable', passed: null, reason: `the kernel calls it ${state}` }
      : disk
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const denied = /Permission denied|not permitted/i.test(reason)
    if (among === 1 && !denied && device === null) throw error
    return { ...blankNvme(identity), reason: shortText(reason, 512), hint: denied ? RIGHTS : null }
  }
}

function identityOf(device: string | null, tree: Tree, listed: readonly Identity[]): Identity {
  const folder = `${ROOT}/${device?.slice(5)}`
  const model = shortText(textOf(tree, `${folder}/model`), 128)
  const serial = shortText(textOf(tree, `${folder}/serial`), 128)
  const known = listed.find(
    disk => disk.device !== null && (disk.device === device || (device !== null && disk.device.startsWith(`${device}n`))),
  )
  if (known) return known
  const id = model && serial ? `${model}_${serial}`.replace(/\s+/g, '_').slice(0, 128) : (device ?? 'nvme')
  return { id, device, model, serial, firmware: shortText(textOf(tree, `${folder}/firmware_rev`), 64), sizeBytes: null }
}

/** As of smartctl: hours and the time of a reading to the day, bytes to the gigabyte. */
function steady(disk: Disk): Disk {
  const floor = (value: number | null, step: number) => (value === null ? null : Math.floor(value / step) * step)
  return {
    ...disk,
    powerOnHours: floor(disk.powerOnHours, 24),
    writtenBytes: floor(disk.writtenBytes, 1e9),
    readAt: floor(disk.readAt, DAY_MS),
  }
}
