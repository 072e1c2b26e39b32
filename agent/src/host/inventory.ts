import { existsSync, readdirSync, readFileSync } from 'node:fs'
import si from 'systeminformation'

/**
 * A program of its own, which `Host.inventory` runs in a child: prints as JSON what systeminformation tells of the machine's parts. In the daemon it
 * would cost more memory than all the rest, and its synchronous calls would hold everything up. Only functions that ask the firmware are called:
 * `diskLayout` would wake sleeping disks, `graphics` starts nvidia-smi and lspci, which wake a sleeping GPU; on macOS it asks system_profiler alone.
 */

const PCI = '/sys/bus/pci/devices'
const NAMES = ['/usr/share/hwdata/pci.ids', '/usr/share/misc/pci.ids']

/** What one part gave, or how it failed: one does not hide the others. */
async function part<T>(ask: () => T | Promise<T>): Promise<T | { error: string }> {
  try {
    return await ask()
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) }
  }
}

const isLinux = process.platform === 'linux'

/** Adapters without those that the kernel makes up, and without addresses of the network. */
async function network() {
  const found = await si.networkInterfaces()
  const hardware = (Array.isArray(found) ? found : [found]).filter(one => !one.internal && !one.virtual)
  return hardware
    .filter(one => !isLinux || existsSync(`/sys/class/net/${one.iface}/device`))
    .map(({ iface, ifaceName, mac, type }) => ({ iface, ifaceName, mac, type }))
}

/** Display controllers by the ids that the kernel remembers: reading them wakes nothing. */
function linuxGraphics() {
  const id = (device: string, name: string) => readFileSync(`${PCI}/${device}/${name}`, 'utf8').trim().replace(/^0x/, '')
  const displays = existsSync(PCI) ? readdirSync(PCI).filter(device => id(device, 'class').startsWith('03')) : []
  const names = displays.length === 0 ? '' : NAMES.filter(path => existsSync(path)).map(path => readFileSync(path, 'utf8'))[0]
  return displays.map(device => named(id(device, 'vendor'), id(device, 'device'), names ?? ''))
}

/** Names of pci.ids(5): a vendor at the beginning of a line, its devices behind a tab. */
function named(vendor: string, device: string, names: string): { vendor: string; model: string } {
  const at = names.search(new RegExp(`^${vendor}  `, 'm'))
  const own = at < 0 ? '' : (/^.*\n(?:[\t#].*\n|\n)*/.exec(names.slice(at))?.[0] ?? '')
  const model = new RegExp(`^\t${device}  (.*)$`, 'm').exec(own)?.[1]
  return { vendor: own.split('\n', 1)[0]?.slice(6) || vendor, model: model ?? device }
}

async function graphics() {
  if (isLinux) return linuxGraphics()
  if (process.platform !== 'darwin') return null
  return (await si.graphics()).controllers.map(({ vendor, model }) => ({ vendor, model }))
}

const told = {
  cpu: await part(async () => {
    const { manufacturer, brand, physicalCores, cores, processors } = await si.cpu()
    return { manufacturer, brand, physicalCores, cores, processors }
  }),
  memory: await part(() => si.memLayout()),
  board: await part(() => si.baseboard()),
  bios: await part(() => si.bios()),
  chassis: await part(() => si.chassis()),
  network: await part(network),
  graphics: await part(graphics),
}
process.stdout.write(`${JSON.stringify(told)}\n`)
