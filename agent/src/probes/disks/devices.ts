import type { Host } from '../../host.ts'
import { Absent, type Captured } from '../../probe.ts'
import { asCaptured, captureFile, captureFolder, sysfsTree, type Tree, textOf, wholeOf } from '../sysfs.ts'

/** A disk to ask: its device and smartctl's `-d` type. */
export type Target = {
  readonly device: string
  readonly type: string
  /** Why it cannot be asked at all. */
  readonly dead?: string
}

const DISK_FILES = /^(size|removable|wwid)$/
const DEVICE_FILES = /^(wwid|model|vendor)$/
const CONTROLLER_FILES = /^(model|serial|firmware_rev|state|transport)$/
const NETWORKED = /^(tcp|rdma|fc|loop)$/

/** Disks that a hypervisor makes up: nothing under them wears. */
const VIRTUAL = /^(QEMU|VBOX|VMware|Msft|Xen|Google|Nutanix|Virtual[_ ]HD\b)/i

/** Whether a device or model is a hypervisor's. */
export function isVirtual(device: string | null, model: string | null): boolean {
  return /^\/dev\/x?vd[a-z]/.test(device ?? '') || VIRTUAL.test(model ?? '')
}

/**
 * Disks of /sys/block and NVMe controllers that can have health data, and what sysfs says of them. Nothing is opened, so nothing wakes.
 * @throws Absent where all disks are virtual, or belong to the host of this container
 */
export async function findDisks(host: Host): Promise<{ readonly targets: Target[]; readonly sysfs: Captured[] }> {
  const names = await host.list('/sys/block', { missing: new Absent('this machine has no block devices') })
  const sysfs: Captured[] = []
  const targets: Target[] = []
  for (const name of names.filter(name => /^[sh]d[a-z]+$/.test(name))) {
    const found = await captureDisk(host, name)
    const target = targetOf(sysfsTree(found), name)
    if (!target || !(await host.stat(target.device, { missing: undefined }))) continue
    targets.push(target)
    sysfs.push(...found)
  }
  for (const name of (await host.list('/sys/class/nvme', { missing: [] as string[] })).filter(name => /^nvme\d+$/.test(name))) {
    const found = await captureController(host, name, names)
    const target = controllerOf(sysfsTree(found), name)
    if (!target || (!target.dead && !(await host.stat(target.device, { missing: undefined })))) continue
    targets.push(target)
    sysfs.push(...found)
  }
  if (targets.length === 0) throw new Absent('only virtual disks, or none: there is no health to read')
  return { targets, sysfs }
}

async function captureDisk(host: Host, name: string): Promise<Captured[]> {
  const folder = `/sys/block/${name}`
  const found = [...(await captureFolder(host, folder, DISK_FILES)), ...(await captureFolder(host, `${folder}/device`, DEVICE_FILES))]
  const rotational = await captureFile(host, `${folder}/queue/rotational`)
  if (rotational) found.push(rotational)
  found.push(asCaptured(`${folder}/path`, await host.realpath(folder, { missing: '' })))
  if (!found.some(({ name: path, text }) => path.endsWith('/wwid') && text.trim() !== '')) found.push(...(await linkOf(host, name)))
  return found
}

/** udev's stable name, where the kernel has none. */
async function linkOf(host: Host, name: string): Promise<Captured[]> {
  const links = (await host.list('/dev/disk/by-id', { missing: [] as string[] })).filter(link => !/-part\d+$/.test(link))
  for (const link of links) {
    if ((await host.realpath(`/dev/disk/by-id/${link}`, { missing: '' })) === `/dev/${name}`)
      return [asCaptured(`/sys/block/${name}/by-id`, link)]
  }
  return []
}

async function captureController(host: Host, name: string, blocks: readonly string[]): Promise<Captured[]> {
  const found = await captureFolder(host, `/sys/class/nvme/${name}`, CONTROLLER_FILES)
  const namespace = blocks.find(block => new RegExp(`^${name}n\\d+$`).test(block))
  return namespace ? [...found, ...(await captureFolder(host, `/sys/block/${namespace}`, DISK_FILES))] : found
}

function targetOf(tree: Tree, name: string): Target | undefined {
  const facts = blockFacts(tree, `/dev/${name}`)
  const removable = wholeOf(tree, `/sys/block/${name}/removable`) === 1
  // Empty card readers, and sticks, which have no health data.
  if (removable && (facts.usb || facts.sizeBytes === 0)) return undefined
  if (isVirtual(`/dev/${name}`, facts.vendor) || isVirtual(null, facts.model)) return undefined
  const type = name.startsWith('hd') ? 'ata' : facts.vendor === 'ATA' && !facts.usb ? 'sat' : 'auto'
  return { device: `/dev/${name}`, type }
}

function controllerOf(tree: Tree, name: string): Target | undefined {
  const folder = `/sys/class/nvme/${name}`
  if (NETWORKED.test(textOf(tree, `${folder}/transport`) ?? '') || isVirtual(null, textOf(tree, `${folder}/model`))) return undefined
  const state = textOf(tree, `${folder}/state`)
  const target = { device: `/dev/${name}`, type: 'nvme' }
  return state !== null && /^(dead|deleting)/.test(state) ? { ...target, dead: `the controller is lost: its state is ${state}` } : target
}

/** What sysfs says of a disk; null where it does not. */
export type BlockFacts = {
  readonly id: string | null
  readonly vendor: string | null
  readonly model: string | null
  readonly serial: string | null
  readonly firmware: string | null
  readonly sizeBytes: number | null
  readonly rotational: boolean | null
  readonly usb: boolean
}

/** Facts about a device by what sysfs has under its name. */
export function blockFacts(tree: Tree, device: string): BlockFacts {
  const name = device.replace(/^\/dev\//, '')
  const controller = /^nvme\d+/.exec(name)?.[0]
  const block = controller ? namespaceOf(tree, controller) : name
  const folder = `/sys/block/${block}`
  const nvme = `/sys/class/nvme/${controller}`
  const sectors = wholeOf(tree, `${folder}/size`)
  const rotational = wholeOf(tree, `${folder}/queue/rotational`)
  return {
    id: stableId(textOf(tree, `${folder}/wwid`) ?? textOf(tree, `${folder}/device/wwid`) ?? textOf(tree, `${folder}/by-id`)),
    vendor: textOf(tree, `${folder}/device/vendor`),
    model: textOf(tree, controller ? `${nvme}/model` : `${folder}/device/model`),
    serial: controller ? textOf(tree, `${nvme}/serial`) : null,
    firmware: controller ? textOf(tree, `${nvme}/firmware_rev`) : null,
    sizeBytes: sectors === null || sectors < 0 ? null : sectors * 512,
    rotational: rotational === null ? null : rotational === 1,
    usb: (textOf(tree, `${folder}/path`) ?? '').includes('/usb'),
  }
}

function namespaceOf(tree: Tree, controller: string): string {
  const prefix = `/sys/block/${controller}n`
  for (const path of tree.keys()) if (path.startsWith(prefix)) return path.split('/')[3] ?? `${controller}n1`
  return `${controller}n1`
}

/** A name that tells the disk apart: bridges hand out all-zero ones. */
function stableId(name: string | null): string | null {
  if (name === null || /0{12,}/.test(name) || name.length > 128) return null
  return name.trim().replace(/\s+/g, '_')
}
