import { existsSync, globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { HostError } from '../../host.ts'
import { checked, runProbe } from '../../runner.ts'
import { asCaptured } from '../sysfs.ts'
import edac, { parseEdac } from './edac.ts'

const now = 1_800_000_000_000
const context = { now, hostname: 'machine', options: undefined }
const mc0 = '/sys/devices/system/edac/mc/mc0'
/** Written after the kernel's Documentation/admin-guide/ras.rst. */
const files = {
  mc_name: 'Skylake Socket#0 IMC#0',
  ce_count: '3',
  ue_count: '0',
  seconds_since_reset: '86400',
  'dimm0/dimm_label': 'CPU_SrcID#0_MC#0_Chan#0_DIMM#0',
  'dimm0/dimm_ce_count': '3',
  'dimm0/dimm_ue_count': '0',
}
const parse = (given: Record<string, string>) =>
  parseEdac({ sysfs: Object.entries(given).map(([name, text]) => asCaptured(`${mc0}/${name}`, `${text}\n`)) }, context)

test('controllers and modules with what they counted, and since when', () => {
  expect(parse(files)).toEqual({
    controllers: [
      {
        id: 'mc0',
        kind: 'Skylake Socket#0 IMC#0',
        correctable: 3,
        uncorrectable: 0,
        since: now - 86_400_000,
        dimms: [{ label: 'CPU_SrcID#0_MC#0_Chan#0_DIMM#0', correctable: 3, uncorrectable: 0 }],
      },
    ],
  })
})

test('the channels of chip-select rows stand in where the kernel lists no modules', () => {
  const rows = { ce_count: '1', ue_count: '5', 'csrow0/ch0_ce_count': '1', 'csrow0/ch0_dimm_label': 'A1', 'csrow0/ch1_ce_count': '0' }
  expect(parse(rows).controllers).toMatchObject([
    {
      since: null,
      dimms: [
        { label: 'A1', correctable: 1, uncorrectable: null },
        { label: 'csrow0 ch1', correctable: 0 },
      ],
    },
  ])
})

test('no controller is absent, never 0 errors', async () => {
  expect(await runProbe(edac, hostOf(machine()), undefined, 0)).toMatchObject({
    outcome: 'absent',
    reason: expect.stringContaining('no EDAC driver'),
  })
})

test('a counter that cannot be read fails the look', async () => {
  const tree: Record<string, string | Error> = Object.fromEntries(Object.entries(files).map(([name, text]) => [`${mc0}/${name}`, text]))
  expect(await runProbe(edac, hostOf(machine({ files: tree, now })), undefined, 0)).toMatchObject({
    outcome: 'ok',
    data: { controllers: [{ correctable: 3, dimms: [{ correctable: 3 }] }] },
  })
  tree[`${mc0}/ue_count`] = new HostError('EIO', 'ue_count')
  expect(await runProbe(edac, hostOf(machine({ files: tree, now })), undefined, 0)).toMatchObject({ outcome: 'failed' })
})

test('any files give a fact of the schema or an error', () => {
  const text = fc.oneof(fc.string(), fc.integer().map(String))
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...Object.keys(files)), text), given => {
      try {
        expect(checked({ subject: 'memory', source: 'edac' }, parse(given)).outcome).toBe('ok')
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
      }
    }),
  )
})

/** A captured tree of another project, where it lies beside the checkout, with that project's own reading. */
const samples = new URL(
  '../../../../../shared/samples/sensors_edac_power/prometheus+node_exporter/collector/fixtures/sys.ttar.unpacked/',
  import.meta.url,
)
if (existsSync(samples)) {
  test('the tree of node_exporter is read as it reads it', () => {
    const tree = fileURLToPath(samples)
    const found = globSync('sys/devices/system/edac/mc/mc0/**/*_*', { cwd: tree })
    const { controllers } = parseEdac(
      { sysfs: found.map(file => asCaptured(`${tree}${file}`, readFileSync(`${tree}${file}`, 'utf8'))) },
      context,
    )
    expect(controllers).toMatchObject([{ id: 'mc0', correctable: 1, uncorrectable: 5 }])
    expect(controllers[0]?.dimms).toHaveLength(6)
    expect(controllers[0]?.dimms[0]).toEqual({ label: 'mc0csrow0channel0', correctable: 0, uncorrectable: 2 })
  })
}
