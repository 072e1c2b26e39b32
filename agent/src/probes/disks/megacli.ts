import type { Host } from '../../host.ts'
import { defineProbe } from '../../probe.ts'
import { askTool } from '../raid/controller.ts'
import { disksOf } from '../raid/controller-disks.ts'
import { isMegacli, megacli, megacliReport } from '../raid/megacli.ts'

/** Drives behind MegaRAID controllers, by MegaCli. */
export default defineProbe({
  subject: 'disks',
  source: 'megacli',
  platforms: ['linux'],
  every: '6h',
  timeout: '5m',
  heavy: true,
  privilege: 'root: only it may send commands to the controller',
  blind: 'The controller tells whether a drive predicts its failure; its SMART values stay hidden.',
  inputs: { config: { from: 'megacli -LdPdInfo -aALL -NoLog', recognise: isMegacli } },

  parse: (inputs, { now }) => disksOf(megacliReport(inputs).drives, now),

  async read(host: Host) {
    const config = await askTool(host, megacli, [['-LdPdInfo', '-aALL', '-NoLog']])
    return disksOf(megacliReport({ config }).drives, host.now())
  },
})
