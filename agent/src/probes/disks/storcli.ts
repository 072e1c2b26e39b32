import type { Host } from '../../host.ts'
import { defineProbe } from '../../probe.ts'
import { askTool } from '../raid/controller.ts'
import { disksOf } from '../raid/controller-disks.ts'
import { isStorcli, storcli, storcliReport } from '../raid/storcli.ts'

/** Drives behind MegaRAID and PERC controllers, by storcli or perccli. */
export default defineProbe({
  subject: 'disks',
  source: 'storcli',
  platforms: ['linux'],
  every: '6h',
  timeout: '10m',
  heavy: true,
  privilege: 'root: only it may send commands to the controller',
  blind: 'The controller tells whether a drive predicts its failure, and media errors; the other SMART values are read by smartctl.',
  inputs: { drives: { from: 'storcli64 /call/eall/sall show all J nolog', recognise: isStorcli } },

  parse: (inputs, { now }) => disksOf(storcliReport(inputs).drives, now),

  async read(host: Host) {
    const drives = await askTool(host, storcli, [['/call/eall/sall', 'show', 'all', 'J', 'nolog']])
    return disksOf(storcliReport({ drives }).drives, host.now())
  },
})
