import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseMacFilesystems } from './macos.ts'

const samples = new URL('../../../../../shared/samples/hardware_macos/', import.meta.url)
const given = (text: string) => [{ text, stderr: '', code: null, name: '', modifiedAt: null }]
/** Written from df(1), mount(8) and diskutil(8) of macOS 14. */
const volume = (id: string, role: string) =>
  `<dict><key>DeviceIdentifier</key><string>${id}</string><key>Roles</key><array><string>${role}</string></array></dict>`
const container = (name: string, size: number, free: number, ...volumes: readonly string[]) =>
  `<dict><key>ContainerReference</key><string>${name}</string><key>CapacityCeiling</key><integer>${size}</integer><key>CapacityFree</key><integer>${free}</integer><key>Volumes</key><array>${volumes.join('')}</array></dict>`
const apfs = given(
  `<plist version="1.0"><dict><key>Containers</key><array>${container('disk1', 500_000_000, 400_000_000, volume('disk1s1', 'Preboot'))}${container('disk3', 1_000_000, 600_000, volume('disk3s1', 'System'), volume('disk3s5', 'Data'))}</array></dict></plist>`,
)
const mount = given(`/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
devfs on /dev (devfs, local, nobrowse)
/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse)
/dev/disk5s1 on /Volumes/Installer (hfs, local, nodev, nosuid, read-only, noowners)
/dev/disk6s1 on /Volumes/STICK (exfat, local, nodev, nosuid, noowners)
//ada:secret@nas/home on /Volumes/home (smbfs, nodev, nosuid)
`)
const df = given(`Filesystem     1024-blocks     Used Available Capacity iused      ifree %iused  Mounted on
/dev/disk3s1s1         976      100       585    15%  404167 4294548112    0%   /
/dev/disk3s5           976      300       585    34%  404167 4294548112    0%   /System/Volumes/Data
/dev/disk5s1          1000     1000         0   100%       8 4294967271    0%   /Volumes/Installer
/dev/disk6s1          2000      500      1500    25%       1          0  100%   /Volumes/STICK
`)

test('a container is one file system, however many volumes share it; images and system containers are none', () => {
  expect(parseMacFilesystems({ apfs, mount, df }).filesystems).toMatchObject([
    { mountpoint: '/', device: 'disk3', sizeBytes: 1_000_000, availBytes: 600_000, readonly: false, kind: 'local' },
    { mountpoint: '/Volumes/STICK', fstype: 'exfat', sizeBytes: 2_048_000 },
    { mountpoint: '/Volumes/home', device: '//nas/home', kind: 'network', standing: 'skipped', sizeBytes: null },
  ])
})

test('without diskutil the volumes of a container are still told once', () => {
  expect(parseMacFilesystems({ mount, df }).filesystems.map(({ mountpoint }) => mountpoint)).toEqual([
    '/',
    '/Volumes/STICK',
    '/Volumes/home',
  ])
})

test('a rounded table is read as the least that is left, and nobody knows whether its volumes can be written', () => {
  const table = given(
    'Filesystem Size Used Avail Capacity iused ifree %iused Mounted on\n/dev/disk1s1 465Gi 10Gi 300Gi 5% 1 9223372036854775806 0% /\n',
  )
  const [root] = parseMacFilesystems({ df: table }).filesystems
  expect(root).toMatchObject({ mountpoint: '/', sizeBytes: 465 * 1024 ** 3, readonly: null })
  expect(root?.availBytes).toBeLessThan(300 * 1024 ** 3)
  expect(root?.availBytes).toBeGreaterThan(296 * 1024 ** 3)
})

test('a volume tells of its container', () => {
  const info = given(
    '<plist version="1.0"><dict><key>APFSContainerReference</key><string>disk3</string><key>APFSContainerSize</key><integer>1000000</integer><key>APFSContainerFree</key><integer>400000</integer></dict></plist>',
  )
  expect(parseMacFilesystems({ apfs: info }).filesystems).toMatchObject([
    { device: 'disk3', sizeBytes: 1_000_000, availBytes: 400_000, readonly: null },
  ])
})

test('a row that is cut, a heading without sizes and half a property list are refused', () => {
  expect(() =>
    parseMacFilesystems({ df: given('Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/disk1s1 465 10 3') }),
  ).toThrow(/row/)
  expect(() => parseMacFilesystems({ df: given('Filesystem Type Mounted on\n/dev/disk1s1 apfs /\n') })).toThrow(/blocks/)
  expect(() => parseMacFilesystems({ apfs: given(apfs[0]?.text.slice(0, 300) ?? '') })).toThrow(/cut off/)
})

const captures = [
  ['kellyjonbrazil+jc/tests/fixtures/osx-10.14.6/df.out', 'df', { mountpoint: '/', sizeBytes: 976_490_576 * 512 }],
  ['kellyjonbrazil+jc/tests/fixtures/osx-10.14.6/mount.out', 'mount', { mountpoint: '/', fstype: 'apfs', sizeBytes: null }],
  ['chef+ohai/spec/unit/plugins/darwin/filesystem_spec.rb.L34.txt', 'df', { mountpoint: '/', sizeBytes: 488_555_536 * 512 }],
  ['kolide+launcher/ee/tables/execparsers/plist/test-data/diskutil-apfs.txt', 'apfs', { device: 'disk3', fstype: 'apfs' }],
] as const

test.each(existsSync(samples) ? captures : [])('a sample: %s', (name, input, wanted) => {
  expect(parseMacFilesystems({ [input]: given(readFileSync(new URL(name, samples), 'utf8')) }).filesystems[0]).toMatchObject(wanted)
})
