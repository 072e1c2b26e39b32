import type { Host } from '../../host.ts'
import { defineProbe } from '../../probe.ts'
import { arcconfReport, askArcconf, isArcconf } from '../raid/arcconf.ts'
import { disksOf } from '../raid/controller-disks.ts'

/** Drives behind Adaptec and Microchip controllers, by arcconf. */
export default defineProbe({
  subject: 'disks',
  source: 'arcconf',
  platforms: ['linux'],
  every: '6h',
  timeout: '5m',
  heavy: true,
  privilege: 'root: only it may send commands to the controller',
  blind: 'The controller tells whether a drive predicts its failure; its SMART values stay hidden.',
  inputs: { config: { from: 'arcconf getconfig 1 al', recognise: isArcconf } },

  parse: (inputs, { now }) => disksOf(arcconfReport(inputs).drives, now),

  async read(host: Host) {
    return disksOf(arcconfReport({ config: await askArcconf(host) }).drives, host.now())
  },
})
