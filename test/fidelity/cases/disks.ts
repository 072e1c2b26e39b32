import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Case, CaseList, Expected, Samples } from '../case.ts'

/** smartctl in JSON and in text, nvme-cli. */
export const disks: CaseList = {
  domain: 'disks',
  cases: samples => [...smartctlJson(samples), ...smartctlText(samples), ...nvmeCli(samples), ...live],
  leftOut: [
    { files: /^disk_smart_json\/.*\/expected\.out$/, why: 'what another program made of the capture beside it' },
    {
      files: /^live\/debian-12\/(lsblk|findmnt|lscpu|lsmem|df-|dmidecode|uname|storage_tools\/(lsblk|findmnt|df-btrfs))/,
      why: 'no source reads lsblk, findmnt, lscpu, lsmem, df of Linux or dmidecode: the agent reads /proc, /sys and statfs itself',
    },
  ],
}

/** Attributes of ATA that the manifest lists where they are not 0. */
const ATTRIBUTES: Readonly<Record<string, string>> = {
  5: 'reallocatedSectors',
  187: 'reportedUncorrectable',
  196: 'reallocationEvents',
  197: 'pendingSectors',
  198: 'uncorrectableSectors',
  199: 'interfaceCrcErrors',
}

function smartctlJson(samples: Samples): Case[] {
  const captures = samples.files.filter(file => file.startsWith('disk_smart_json/') && file.endsWith('.json'))
  return captures.map(file => {
    const told = samples.reading(file)
    const reading = { ok: told.includes('NO smart_status') ? scanned(samples, file) : { disks: [diskOf(told)] } }
    return { source: 'disks/smartctl', files: [file], reading }
  })
}

/** The manifest tells `exit_status=64; sat/ATA; MODEL; smart passed=True; temp=26; hours=83425; nonzero/failing attrs: 199=12`. */
function diskOf(told: string): Expected {
  const number = (pattern: RegExp): number | undefined => {
    const found = pattern.exec(told)?.[1]
    return found === undefined ? undefined : Number(found)
  }
  const model = /exit_status=\d+; [^;]*; (.*?); smart passed/.exec(told)?.[1]
  const spare = /spare=(\d+)\/(\d+)/.exec(told)
  const attributes = Object.entries(ATTRIBUTES).map(([id, field]) => {
    const listed = /attrs: ([\d=,]+)/
      .exec(told)?.[1]
      ?.split(',')
      .find(one => one.startsWith(`${id}=`))
    return [field, listed === undefined ? (/\/ATA;/.test(told) ? noErrors : undefined) : Number(listed.split('=')[1])] as const
  })
  return known({
    standing: 'read',
    passed: /passed=True/.test(told),
    model: model?.trim().replace(/ +/g, ' '),
    temperatureCelsius: number(/ temp=(\d+)/),
    powerOnHours: number(/ hours=(\d+)/),
    criticalWarning: number(/critical_warning=(\d+)/),
    enduranceUsedRatio: used(number(/used=(\d+)%/)),
    availableSpareRatio: spare ? Number(spare[1]) / 100 : undefined,
    availableSpareThresholdRatio: spare ? Number(spare[2]) / 100 : undefined,
    mediaErrors: number(/media_errors=(\d+)/),
    reallocatedSectors: number(/grown_defects=(\d+)/),
    ...Object.fromEntries(attributes.filter(([, value]) => value !== undefined)),
  })
}

/** What the manifest does not list is 0, or the disk does not count it. */
const noErrors = (value: number | null): boolean => !value

const used = (percent: number | undefined): number | undefined => (percent === undefined ? undefined : percent / 100)

function known(fields: Readonly<Record<string, Expected | undefined>>): Expected {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Expected
}

/** A scan lists devices; of their health it says nothing. */
function scanned(samples: Samples, file: string): Expected {
  const { devices } = JSON.parse(readFileSync(join(samples.root, file), 'utf8')) as { devices: { name: string; type: string }[] }
  return {
    disks: devices.map(({ name, type }) => ({
      device: (device: string) => device === name || device === `${name} ${type}`,
      standing: 'unreadable',
      passed: null,
    })),
  }
}

const TEXTS = 'disk_smart_text/Linuxfabrik+monitoring-plugins/check-plugins/disk-smart/unit-test/stdout'
const NO_SMART = /empty-output-v[23]$/
const SCANS: Readonly<Record<string, Case['reading']>> = {
  'all-devices-inaccessible-scan': { outcomes: ['denied'] },
  'scan-failed-scan': { outcomes: ['failed'] },
  'megaraid-devices-scan': {
    ok: { disks: [0, 1].map(slot => ({ device: `/dev/bus/0 megaraid,${slot}`, standing: 'unreadable', passed: null })) },
  },
  'two-devices-one-inaccessible-scan': {
    ok: {
      disks: [
        { device: '/dev/sda', standing: 'unreadable' },
        { device: '/dev/nvme0', standing: 'unreadable', reason: (reason: string) => /permission denied/i.test(reason) },
      ],
    },
  },
}

function smartctlText(samples: Samples): Case[] {
  return samples.files
    .filter(file => file.startsWith(`${TEXTS}/`))
    .map(file => {
      const scan = SCANS[basename(file)]
      const text = readFileSync(join(samples.root, file), 'utf8')
      return { source: 'disks/smartctl', files: [file], reading: scan ?? { ok: { disks: [inText(file, text)] } } }
    })
}

/** Read by the eye's way: the line that has the label, and the number at its end. */
function inText(file: string, text: string): Expected {
  const after = (label: RegExp): string | undefined => text.match(new RegExp(`^(?:${label.source}):\\s+(.*)$`, 'm'))?.[1]?.trim()
  const number = (value: string | undefined): number | undefined =>
    value === undefined ? undefined : Number(/^[\d,']+/.exec(value)?.[0].replace(/[,']/g, ''))
  const raw = (id: number): number | undefined => {
    const line = text
      .match(new RegExp(`^\\s*${id} [A-Z]\\S+ .*$`, 'm'))?.[0]
      .trim()
      .split(/\s+/)
    // The brief form has flags as letters, and neither type nor time.
    return line === undefined ? undefined : Number(line[line[2]?.startsWith('0x') ? 9 : 7])
  }
  if (NO_SMART.test(file))
    return { standing: 'unsupported', passed: null, serial: (serial: string | null) => serial === (after(/Serial number/) ?? null) }
  return known({
    standing: 'read',
    passed: /(self-assessment test result: PASSED|SMART Health Status: OK)/.test(text),
    serial: after(/Serial [Nn]umber/),
    temperatureCelsius: number(after(/Temperature/)) ?? number(after(/Current Drive Temperature/)) ?? raw(194) ?? raw(190),
    powerOnHours: number(after(/Power On Hours/)) ?? raw(9),
    reallocatedSectors: raw(5),
    pendingSectors: raw(197),
    uncorrectableSectors: raw(198),
    interfaceCrcErrors: raw(199),
    mediaErrors: number(after(/Media and Data Integrity Errors/)),
    enduranceUsedRatio: used(number(after(/Percentage Used/))),
  })
}

const NVME = 'disk_nvme_cli/netdata+netdata/src/go/plugin/go.d/collector/nvme/testdata'

function nvmeCli(samples: Samples): Case[] {
  const listed = (serials: readonly string[]): Case['reading'] => ({
    ok: { disks: serials.map(serial => ({ serial, model: 'Seagate FireCuda 530 ZP4000GM30023', passed: null, standing: 'unreadable' })) },
  })
  const cases: Case[] = [
    { source: 'disks/nvme-cli', files: [`${NVME}/v2.11/nvme-list.json`], reading: listed(['XXX02YYY', 'XXX00YYY', '7VS00KNX']) },
    { source: 'disks/nvme-cli', files: [`${NVME}/v2.3/nvme-list.json`], reading: listed(['XXX00YYY', 'XXX01YYY']) },
    {
      source: 'disks/nvme-cli',
      files: [`${NVME}/v2.3/nvme-smart-log-string.json`],
      // 310 K; all numbers are told as text.
      reading: {
        ok: {
          disks: [
            {
              standing: 'read',
              criticalWarning: 0,
              temperatureCelsius: 37,
              availableSpareRatio: 1,
              availableSpareThresholdRatio: 0.05,
              enduranceUsedRatio: 0.02,
              powerOnHours: 4974,
              unsafeShutdowns: 39,
              mediaErrors: 0,
            },
          ],
        },
      },
    },
  ]
  return cases.filter(({ files }) => files.every(file => samples.files.includes(file)))
}

const live: readonly Case[] = [
  {
    source: 'disks/smartctl',
    files: ['live/debian-12/smartctl-a-virtio.json'],
    // A virtual disk has no health of its own.
    reading: { outcomes: ['absent'] },
  },
  {
    source: 'disks/smartctl',
    files: ['live/debian-12/smartctl-i-nonexist.json'],
    reading: { ok: { disks: [{ device: '/dev/nosuch', standing: 'unreadable', passed: null }] } },
  },
  { source: 'disks/smartctl', files: ['live/debian-12/smartctl-scan-open.json'], reading: { outcomes: ['absent', 'failed'] } },
]
