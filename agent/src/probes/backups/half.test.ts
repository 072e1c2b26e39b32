import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { factOf } from '../../../../test/kit/hostile.ts'
import type { Probe } from '../../probe.ts'
import bacula from './bacula.ts'
import btrfs from './btrfs-snapshots.ts'
import type { Job } from './job.ts'
import pgbackrest from './pgbackrest.ts'
import proxmox from './proxmox.ts'
import pbs from './proxmox-backup-client.ts'
import snapper from './snapper.ts'
import timeshift from './timeshift.ts'
import veeam from './veeam-linux.ts'
import zfs from './zfs-snapshots.ts'

type Fact = { readonly jobs: readonly Job[] }
const NOW = 1_795_400_000_000
const fixture = (name: string) => readFileSync(new URL(`./fixtures/${name}`, import.meta.url), 'utf8')
const upid = (second: number, guest: string) =>
  `UPID:pve1:0003B0F5:0A6B1A2C:${(1_795_300_000 + second).toString(16).toUpperCase()}:vzdump:${guest}:root@pam:`
const ended = (second: number, guest: string, status: string) =>
  `${upid(second, guest)} ${(1_795_300_500 + second).toString(16).toUpperCase()} ${status}\n`

const intact: readonly (readonly [Probe, string, string])[] = [
  [bacula, 'state', fixture('bacula-fd.state.hex')],
  [bacula, 'console', fixture('bacula-llist.txt')],
  [pgbackrest, 'info', fixture('pgbackrest-info.json')],
  [
    btrfs,
    'list',
    ['09:14:36', '08:14:36']
      .map((time, index) => `ID ${index + 257} gen 7 cgen 7 top level 5 otime 2026-11-22 ${time} uuid 14216a3f path s${index}\n`)
      .join(''),
  ],
  [zfs, 'list', 'tank/data@a\t1795338000\ntank/data@b\t1795339000\nrpool@c\t1795337000\n'],
  [proxmox, 'index', ended(0, '100', 'OK') + ended(900, '100', 'job errors') + ended(1_800, '101', 'WARNINGS: 12')],
  [
    pbs,
    'snapshots',
    JSON.stringify(
      [1, 2].map(day => ({
        'backup-type': 'host',
        'backup-id': 'machine',
        'backup-time': 1_795_300_000 - day * 86_400,
        size: 10,
        verification: { state: 'failed' },
      })),
    ),
  ],
  [
    snapper,
    'list',
    JSON.stringify({ root: [1, 2].map(number => ({ number, subvolume: '/', 'pre-number': null, date: `2026-11-2${number} 09:14:47` })) }),
  ],
  [timeshift, 'snapshot', JSON.stringify({ 'sys-uuid': 'x', created: '1795338000', tags: 'daily' })],
  [veeam, 'log', '[22.11.2026 02:04:00] <1> lpbcore| Working.\n[22.11.2026 02:04:01] <1> lpbcore| JOB STATUS: FAILED.\n'],
]

/** How good the worst of a job's news is: the smaller, the worse. */
const worth = { failed: 0, warnings: 1, running: 2, success: 3 } as const
const latest = (jobs: readonly Job[]) => Math.max(0, ...jobs.map(job => job.lastSuccessAt ?? 0))

const cases = intact.map(([probe, input, text]) => ({ source: probe.source, probe, input, text }))

test.each(cases)('half of what backups/$source reads as $input is no better news than all of it', ({ probe, input, text }) => {
  const whole = factOf<Fact>(probe, { [input]: text }, NOW).jobs
  fc.assert(
    fc.property(fc.nat(text.length), length => {
      let half: readonly Job[]
      try {
        half = factOf<Fact>(probe, { [input]: text.slice(0, length) }, NOW).jobs
      } catch {
        return
      }
      expect(latest(half)).toBeLessThanOrEqual(latest(whole))
      for (const job of half) {
        const same = whole.find(other => other.name === job.name)
        // An earlier run of the same job may be told as what it was; a run that is told in both must not get better.
        if (!same || job.lastRunAt !== same.lastRunAt || job.lastResult === null || same.lastResult === null) continue
        expect(worth[job.lastResult]).toBeLessThanOrEqual(worth[same.lastResult])
      }
    }),
    { numRuns: 150 },
  )
})
