import type { Host } from '../../host.ts'
import { defineProbe } from '../../probe.ts'
import { askTool } from '../raid/controller.ts'
import { disksOf } from '../raid/controller-disks.ts'
import { isSsacli, ssacli, ssacliReport } from '../raid/ssacli.ts'

/** Drives behind HPE and HP Smart Array controllers, by ssacli, hpssacli or hpacucli. */
export default defineProbe({
  subject: 'disks',
  source: 'ssacli',
  platforms: ['linux'],
  every: '6h',
  timeout: '5m',
  heavy: true,
  privilege: 'root: only it may send commands to the controller',
  blind: 'The controller tells whether a drive predicts its failure; its SMART values stay hidden.',
  inputs: { config: { from: 'ssacli ctrl all show config detail', recognise: isSsacli } },

  parse: (inputs, { now }) => disksOf(ssacliReport(inputs).drives, now),

  async read(host: Host) {
    const config = await askTool(host, ssacli, [['ctrl', 'all', 'show', 'config', 'detail']])
    return disksOf(ssacliReport({ config }).drives, host.now())
  },
})
