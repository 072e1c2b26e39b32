import { bad, type Check, defineCheck } from '../../check.ts'
import { minutes } from '../../duration.ts'
import { ok, worstOr } from '../../finding.ts'

/** How many names a reason holds. */
const NAMED = 3

export const servicesFailed = defineCheck({
  name: 'services-failed',
  subject: 'services',
  title: 'A service that should run does not',
  unit: 'state',
  thresholds: { warning: 1 },
  hold: minutes(5),
  why: 'A service that died silently is found by those who need it: the backup timer, the updater, the application.',
  remedy: 'Look at its log (`systemctl status NAME`, `journalctl -u NAME`), mend it, or disable it if nobody needs it.',
  blind: 'A service that runs and does not work.',

  evaluate: ({ services }, limit) =>
    worstOr(
      'no service manager',
      services.map(({ data }) => {
        if (data.state === 'maintenance') return bad(limit, 'the system is in maintenance mode', data.bad.slice(0, 20))
        if (data.bad.length === 0) return ok('all services that should run do')
        const names = data.bad.slice(0, NAMED).map(service => `${service.name} (${service.result ?? service.kind})`)
        const more = data.bad.length > NAMED ? ` and ${data.bad.length - NAMED} more` : ''
        return bad(limit, `${names.join(', ')}${more}`, data.bad.slice(0, 20))
      }),
    ),
})

export const servicesChecks: readonly Check[] = [servicesFailed]
