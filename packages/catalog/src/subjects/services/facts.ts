import * as v from 'valibot'
import { list, maybe, text, time } from '../../shapes.ts'

/** Services that should run and do not. */
export const servicesFact = v.object({
  manager: v.picklist(['systemd', 'openrc', 'windows', 'launchd']),
  /** The manager's own word for the whole: `running`, `degraded`, `maintenance` …; null where it has none. */
  state: maybe(text(64)),
  bad: list(
    v.object({
      name: text(256),
      description: maybe(text()),
      /** `failed`: ended badly. `stopped`: set to start automatically and not running. */
      kind: v.picklist(['failed', 'stopped']),
      /** `exit-code`, `oom-kill`, `timeout` … */
      result: maybe(text(128)),
      since: maybe(time),
    }),
  ),
})
export type ServicesFact = v.InferOutput<typeof servicesFact>
