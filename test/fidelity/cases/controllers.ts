import type { Case, CaseList, Expected } from '../case.ts'

/** RAID controllers, read by the eye: the arrays, and the disks behind them. */
export const controllers: CaseList = {
  domain: 'controllers',
  cases: samples => [...smartArray, ...megaraid, ...adaptec].filter(({ files }) => files.every(file => samples.files.includes(file))),
  leftOut: [{ files: /\/tw_cli\//, why: "3ware's tw_cli is no source: its controllers were last made in 2011" }],
}

const both = (source: string, file: string, arrays: readonly Expected[], disks: readonly Expected[]): Case[] => [
  { source: `raid/${source}`, files: [file], reading: { ok: { arrays } } },
  { source: `disks/${source}`, files: [file], reading: { ok: { disks } } },
]

/** A group whose volumes the capture does not list: members that are there, and nothing known of the volumes. */
const group = (active: number): Expected => ({ state: 'unknown', disks: { active, failed: 0, missing: 0 } })
const good = (...temperatures: readonly (number | null)[]): Expected[] =>
  temperatures.map(celsius => (celsius === null ? { passed: true } : { passed: true, temperatureCelsius: celsius }))
const times = <T>(count: number, one: T): T[] => Array.from({ length: count }, () => one)

const HP = 'raid_controllers/glpi-project+glpi-agent/resources/generic/hpacucli/'
const SSA = 'raid_controllers/netdata+netdata/src/go/plugin/go.d/collector/hpssa/testdata/'
const within = (hours: number) => (told: number) => Math.abs(told - hours) <= 24

const smartArray: readonly Case[] = [
  ...both(
    'ssacli',
    `${HP}1-ctrl-all-show-config`,
    [{ level: 'raid1+0', state: 'ok', disks: { active: 8, failed: 0 } }],
    good(...times(8, null)),
  ),
  ...both('ssacli', `${HP}sample1-drives`, [group(2)], good(null, null)),
  ...both(
    'ssacli',
    `${HP}sample1-storage`,
    [group(1)],
    [{ passed: true, serial: 'WD-WMANS1732855', firmware: '21.07QR4', interface: 'sata' }],
  ),
  ...both('ssacli', `${HP}sample2-storage`, [group(1)], [{ passed: true, serial: 'JPW9K0N02UPXHL', temperatureCelsius: 31 }]),
  ...both('ssacli', `${HP}sample3-drives`, [group(1)], good(null)),
  // Controllers, and nothing of their arrays.
  ...['sample1-slots', 'sample2-slots'].flatMap(file =>
    ['raid/ssacli', 'disks/ssacli'].map((source): Case => ({ source, files: [`${HP}${file}`], reading: { outcomes: ['failed'] } })),
  ),
  // A list of controllers, and nothing of their units.
  {
    source: 'raid/tw-cli',
    files: ['raid_controllers/glpi-project+glpi-agent/resources/generic/tw_cli/cards'],
    reading: { outcomes: ['failed'] },
  },
  ...both(
    'ssacli',
    `${SSA}ssacli-P212_P410i.txt`,
    [
      { level: 'raid5', state: 'ok', errors: 0 },
      { level: 'raid1', state: 'ok', errors: 0, disks: { active: 2 } },
      { level: 'raid1+0', state: 'ok', errors: 0, disks: { active: 4 } },
    ],
    good(33, 34, 35, 35, 34, 33, 30, 33, 30, 35, 34, 31, 37, 37, 43, 44, 38, 36),
  ),
  ...both(
    'ssacli',
    `${SSA}ssacli-P408i-a.txt`,
    [{ level: 'raid6', state: 'ok', errors: 0, disks: { active: 4 } }],
    [
      { passed: true, media: 'ssd', temperatureCelsius: 34, enduranceUsedRatio: 0.02, powerOnHours: within(45_068) },
      { passed: true, media: 'ssd', temperatureCelsius: 34, enduranceUsedRatio: 0.02, powerOnHours: within(45_068) },
      { passed: true, media: 'ssd', temperatureCelsius: 28, enduranceUsedRatio: 0.03, powerOnHours: within(43_032) },
      { passed: true, media: 'ssd', temperatureCelsius: 30, enduranceUsedRatio: 0, powerOnHours: within(45_128) },
    ],
  ),
]

const LSI = 'raid_controllers/glpi-project+glpi-agent/resources/linux/megacli/'
const MEGA = 'raid_controllers/netdata+netdata/src/go/plugin/go.d/collector/megacli/testdata/'
const STOR = 'raid_controllers/netdata+netdata/src/go/plugin/go.d/collector/storcli/testdata/'
/** A summary says that a drive is online, and nothing of its health. */
const online = (count: number): Expected[] => times(count, { passed: null })
const healthy = (...temperatures: readonly number[]): Expected[] =>
  temperatures.map(celsius => ({ passed: true, mediaErrors: 0, temperatureCelsius: celsius }))

const megaraid: readonly Case[] = [
  ...both('megacli', `${LSI}set1_ShowSummary`, [{ level: 'raid0', state: 'ok' }], online(2)),
  ...both('megacli', `${LSI}set2_ShowSummary`, [{ level: 'raid10', state: 'ok' }], online(10)),
  ...both('megacli', `${LSI}set3_ShowSummary`, times(2, { level: 'raid1', state: 'ok' }), online(4)),
  ...both('megacli', `${LSI}set3_PDlist`, [group(2), group(2)], healthy(35, 34, 34, 33)),
  ...both('megacli', `${LSI}set4_PDlist`, [group(2)], healthy(28, 28)),
  {
    source: 'raid/megacli',
    files: [`${LSI}set7_LDinfo`],
    reading: { ok: { arrays: times(14, { level: 'raid0', state: 'ok', disks: { required: 1 } }) } },
  },
  ...both('megacli', `${LSI}set7_PDlist`, times(14, group(1)), times(14, { passed: true, mediaErrors: 0 })),
  ...both(
    'megacli',
    `${MEGA}mega-phys-drives-info.txt`,
    [{ level: 'raid1', state: 'ok', disks: { required: 8, active: 8, failed: 0 } }],
    healthy(33, 33, 34, 34, 34, 33, 33, 34),
  ),
  ...['raid/megacli', 'disks/megacli'].map(
    (source): Case => ({ source, files: [`${MEGA}mega-phys-drives-info-no-drives.txt`], reading: { outcomes: ['absent'] } }),
  ),
  ...both('storcli', `${STOR}megaraid-drives-info.json`, [group(6)], healthy(28, 27, 28, 28, 28, 28)),
]

const ARC = 'raid_controllers/netdata+netdata/src/go/plugin/go.d/collector/adaptecraid/testdata/getconfig-ld-old.txt'

const adaptec: readonly Case[] = both(
  'arcconf',
  ARC,
  [{ level: 'raid10', state: 'ok', disks: { active: 4, failed: 0, missing: 0 } }],
  // Segments name drives that are present: of their health nothing is told.
  ['7CS009RP', '7CS009RQ', '7CS00AAD', '7CS00AAH'].map(serial => ({ serial, passed: null })),
)
