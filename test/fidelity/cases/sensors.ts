import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Case, CaseList, Expected, Samples } from '../case.ts'
import { exporterMetrics } from './exporter.ts'

const SYS = 'sensors_edac_power/prometheus+node_exporter/collector/fixtures/sys.ttar.unpacked/sys/'
const LF = 'sensors_ipmi_ups/Linuxfabrik+monitoring-plugins/check-plugins/'

/** hwmon, EDAC, batteries, BMCs, UPSes, and mounts among them. */
export const sensors: CaseList = {
  domain: 'sensors',
  cases: samples => [...hwmon(samples), ...edac(samples), ...battery(samples), ...ipmi(samples), ...ups(samples), ...mounts(samples)],
  leftOut: [
    { files: /^sensors_edac_power\/.*\/e2e-output\.txt$/, why: 'what another program made of the captures beside it' },
    { files: /^sensors_ipmi_ups\/kellyjonbrazil.*\.json$/, why: 'what another program made of the capture beside it' },
    { files: /\/check-plugins\/sensors-(battery|fans|temperatures)\//, why: 'what a Python library made of /sys: no tool prints it' },
    { files: /\/check-plugins\/dmesg\//, why: 'no source reads the log of the kernel' },
    {
      files:
        /\/sys\/(class\/(watchdog|powercap|nvme|nvme-subsystem|thermal|infiniband|fc_host|net|drm)|kernel|fs\/(xfs|bcachefs|ext4|selinux)|bus|firmware|module|devices\/(virtual|pci\w*:\w+|system\/(cpu|node|clocksource)|rbd))/,
      why: 'no source reads them: watchdogs, power limits, throughput, bare identity of NVMe, thermal zones that hwmon tells too',
    },
    { files: /\/class\/(dmi\/id|power_supply\/\w+\/power)\//, why: 'identity of the machine, and runtime power management of a device' },
    { files: /\/hwmon\/hwmon\d+\/(pwm|intrusion|beep|temp\d+_auto)|\/power_supply\/AC\//, why: 'controls of fans, no readings; mains' },
  ],
}

const named = (samples: Samples, under: RegExp) =>
  samples.files.filter(file => file.startsWith(SYS) && under.test(file.slice(SYS.length))).map(file => ({ input: 'sysfs', file }))

type SensorTold = {
  readonly kind: string
  readonly chip: string | null
  readonly label: string | null
  readonly value: number | null
  readonly high: number | null
  readonly critical: number | null
}

/** Every temperature and fan that node_exporter tells of the chips at hand, with its limits. */
function hwmon(samples: Samples): Case[] {
  const files = named(samples, /(^class\/hwmon\/|\/hwmon\/hwmon\d+\/|^devices\/platform\/applesmc)/)
  if (files.length === 0) return []
  const metrics = exporterMetrics(samples)
  const chips = new Set(['hwmon4', 'platform_coretemp_0', 'platform_coretemp_1', 'nct6779', 'platform_applesmc_768'])
  const wanted = (['temp_celsius', 'fan_rpm', 'in_volts'] as const).flatMap(metric =>
    metrics
      .all(`node_hwmon_${metric}`)
      .filter(({ labels }) => chips.has(labels.chip ?? ''))
      .map(({ labels, value }) => {
        const label = metrics
          .all('node_hwmon_sensor_label')
          .find(one => one.labels.chip === labels.chip && one.labels.sensor === labels.sensor)
        const limit = (name: string) =>
          metrics.value(`node_hwmon_${name}`, { chip: labels.chip ?? '', sensor: labels.sensor ?? '' }) ?? null
        const limits = metric === 'temp_celsius' ? ` ${limit('temp_max_celsius')} ${limit('temp_crit_celsius')}` : ''
        return `${label?.labels.label ?? ''} ${value}${limits}`
      }),
  )
  const told = ({ kind, label, value, high, critical }: SensorTold) =>
    `${label ?? ''} ${value}${kind === 'temperature' ? ` ${high} ${critical}` : ''}`
  const same = (all: readonly SensorTold[]) => JSON.stringify(all.map(told).sort()) === JSON.stringify(wanted.sort())
  return [{ source: 'sensors/hwmon', files: [], named: files, reading: { ok: { sensors: same } } }]
}

function edac(samples: Samples): Case[] {
  const files = named(samples, /^devices\/system\/edac\//)
  const metrics = exporterMetrics(samples)
  const total = (kind: string) => metrics.value(`node_edac_${kind}_errors_total`, { controller: '0' }) ?? -1
  const dimms = (all: readonly { readonly uncorrectable: number | null }[]) =>
    all.reduce((sum, one) => sum + (one.uncorrectable ?? 0), 0) === 8
  const controllers = [{ id: 'mc0', correctable: total('correctable'), uncorrectable: total('uncorrectable'), dimms }]
  return files.length === 0 ? [] : [{ source: 'memory/edac', files: [], named: files, reading: { ok: { controllers } } }]
}

function battery(samples: Samples): Case[] {
  const files = named(samples, /^class\/power_supply\/\w+\/\w+$/)
  // 45.07 of 47.52 Wh; no cycles are counted; 81 %.
  const batteries = [
    { name: 'BAT0', vendor: 'LGC', serial: '38109', healthRatio: 0.94, chargeRatio: 0.8, cycles: null, state: 'discharging' },
  ]
  const tree: Case = { source: 'battery/sysfs', files: [], named: files, reading: { ok: { batteries } } }
  const four = [
    { name: 'Battery 0', healthRatio: (ratio: number) => ratio >= 1, state: (state: string) => /charging$/.test(state) },
    { name: 'Battery 1', healthRatio: 0.68, state: 'discharging', chargeRatio: 0.95 },
    { name: 'Battery 2', healthRatio: null, chargeRatio: 0, state: 'discharging' },
    { name: 'Battery 3', healthRatio: null, chargeRatio: 1, state: 'full' },
  ]
  const JC = 'sensors_ipmi_ups/kellyjonbrazil+jc/tests/fixtures/generic/'
  const texts: readonly (readonly [string, readonly Expected[]])[] = [
    ['acpi-V.out', four],
    ['acpi-V-never-fully-discharge.out', four],
    ['acpi-not-charging.out', [{ name: 'Battery 0', healthRatio: null, chargeRatio: 1, state: 'not-charging' }]],
    [
      'upower-i-utc.out',
      [{ name: 'BAT0', vendor: 'Samsung SDI', model: 'DELL 7XFJJA2', serial: '4448', healthRatio: 0.68, chargeRatio: 1, state: 'full' }],
    ],
  ]
  const ofTools = texts.map(([file, told]): Case => ({ source: 'battery/sysfs', files: [JC + file], reading: { ok: { batteries: told } } }))
  return [...(files.length === 0 ? [] : [tree]), ...ofTools.filter(({ files: of }) => of.every(file => samples.files.includes(file)))]
}

type Told = readonly { readonly label: string | null; readonly state: string; readonly value: number | null; readonly kind: string }[]
/** How many sensors are in each state. */
const counted = (wanted: Readonly<Record<string, number>>) => (all: Told) =>
  Object.entries(wanted).every(([state, count]) => all.filter(sensor => sensor.state === state).length === count)
const has =
  (...wanted: readonly (readonly [label: RegExp, value: number | null, state?: string])[]) =>
  (all: Told) =>
    wanted.every(([label, value, state]) =>
      all.some(sensor => label.test(sensor.label ?? '') && sensor.value === value && (state === undefined || sensor.state === state)),
    )

function ipmi(samples: Samples): Case[] {
  const T = 'sensors_ipmi_ups/influxdata+telegraf/plugins/inputs/ipmi_sensor/ipmi_sensor_test.go.'
  const all: readonly (readonly [string, Expected])[] = [
    [`${LF}ipmi-sensor/unit-test/stdout/thirtyone-sensors-ok`, counted({ critical: 0, warning: 0 })],
    [
      `${LF}ipmi-sensor/unit-test/stdout/thirtyeight-sensors-with-critical`,
      has([/^FAN1$/, 0, 'critical'], [/^FAN 1$/, 600, 'warning'], [/^12V$/, 12.192, 'ok']),
    ],
    [
      `${LF}ipmi-sel/unit-test/stdout/acpi-soft-off`,
      has([/Power Supply 1: Failure detected|Power Supply 1: Power Supply AC lost/, null, 'warning']),
    ],
    [`${LF}ipmi-sel/unit-test/stdout/chassis-intrusion`, has([/Chassis Intru/, null, 'warning'], [/PS1 Status/, null, 'warning'])],
    [`${T}dcmi-power.txt`, has([/^Power$/, 167])],
    [
      `${T}sdr-elist-v2.txt`,
      has([/^Fan1$/, 5040, 'ok'], [/^Inlet Temp$/, 25, 'ok'], [/^Current 1$/, 7.2, 'ok'], [/^Power Supply 1$/, 110, 'ok']),
    ],
    [`${T}sdr-errors-v2.txt`, has([/^Fan1$/, 5040, 'ok'], [/^Power Supply 1$/, 110, 'ok'])],
    [`${T}sdr-v1.txt`, has([/^Ambient Temp$/, 20, 'ok'], [/^Fan 1A Tach$/, 2610, 'ok'], [/^Planar 12V$/, 12.04, 'ok'])],
    [`${T}sdr-errors-v1.txt`, has([/^Ambient Temp$/, 20, 'ok'], [/^Planar 12V$/, 12.04, 'ok'])],
  ]
  return all
    .filter(([file]) => samples.files.includes(file))
    .map(([file, told]) => ({ source: 'sensors/ipmi', files: [file], reading: { ok: { sensors: told } } }))
}

const FLAGS: Readonly<Record<string, string>> = { LB: 'critical', OB: 'warning', RB: 'warning', BYPASS: 'warning', OVER: 'critical' }

/** By `ups.status`, as NUT's manual explains its words. */
function ups(samples: Samples): Case[] {
  const dumps = samples.files.filter(
    file => file.startsWith('sensors_ipmi_ups/networkupstools+nut-ddl/') || file.startsWith(`${LF}ups-nut/`),
  )
  return dumps.map(file => {
    const text = readFileSync(join(samples.root, file), 'utf8')
    const words = (/^(?:VAR \S+ )?ups\.status:? "?([A-Z ]*)/m.exec(text)?.[1] ?? '').split(' ')
    const worst = ['critical', 'warning', 'ok'].find(state => words.some(word => (FLAGS[word] ?? 'ok') === state)) ?? 'unknown'
    const charge = /^(?:VAR \S+ )?battery\.charge:? "?([\d.]+)/m.exec(text)?.[1]
    const right = (all: Told) =>
      all.some(sensor => sensor.kind === 'supply' && sensor.state === worst) &&
      (charge === undefined ||
        all.some(({ label, value }) => /charge/.test(label ?? '') && value !== null && Math.abs(value - Number(charge)) <= 5))
    return { source: 'sensors/ups', files: [file], reading: { ok: { sensors: right } } }
  })
}

/** Which mounts are read-only, by Linuxfabrik's test of them. */
function mounts(samples: Samples): Case[] {
  const files = samples.files.filter(file => file.startsWith(`${LF}fs-ro/`) || /^live\/debian-12\/proc-mounts\.txt$/.test(file))
  return files.map(file => {
    if (basename(file) === 'malformed-proc-mounts')
      return { source: 'filesystems/mounts', files: [file], reading: { outcomes: ['failed'] } }
    const lines = readFileSync(join(samples.root, file), 'utf8').split('\n')
    const root = lines.find(line => / \/ (ext4|xfs|btrfs|overlay) /.test(line)) ?? ''
    const right = (all: readonly { readonly mountpoint: string; readonly readonly: boolean | null }[]) =>
      all.some(({ mountpoint, readonly }) => mountpoint === '/' && readonly === / ro[, ]/.test(root))
    return { source: 'filesystems/mounts', files: [file], reading: { ok: { filesystems: right } } }
  })
}
