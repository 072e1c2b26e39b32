import { createLog, onHangup, untilSignal } from '@fettle/kit'
import { startCollector } from '../collector.ts'
import { type Io, loadConfig, parsed } from '../command.ts'

const HELP = `fettle-collector run

Runs the collector in the foreground until SIGTERM or SIGINT; SIGHUP reads certificates again. Logs JSON lines on standard error.

  FETTLE_LISTEN=127.0.0.1:7300 FETTLE_DATA=.fettle fettle-collector run
`

export async function run(args: readonly string[], io: Io): Promise<number> {
  const { values } = parsed(args, {})
  if (values.help) {
    io.out.write(HELP)
    return 0
  }
  const config = await loadConfig(io.env)
  const log = createLog('fettle-collector', config.values['log.level'])
  const starting = startCollector({ config, log })
  // Certificates of files are read again by themselves too; whoever has just put them there need not wait. From the first moment on, or a SIGHUP that
  // comes while the collector starts would end it.
  onHangup(io.process, () => {
    starting.then(
      collector => void collector.reload(),
      () => {},
    )
  })
  const collector = await starting
  return untilSignal(io.process, log, collector.stop)
}
