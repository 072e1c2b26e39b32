import { type Check, defineCheck, lasting, sinceTiers } from '../../check.ts'
import { days } from '../../duration.ts'
import { ok, unknown, worstOr } from '../../finding.ts'

export const rebootPending = defineCheck({
  name: 'reboot-pending',
  subject: 'reboot',
  title: 'A restart is due for long',
  unit: 'milliseconds',
  thresholds: { warning: days(3), critical: days(14) },
  why: 'Until the restart the old kernel and libraries run, holes included, although the updates are installed.',
  remedy: 'Restart the machine in its next window.',
  blind: 'A pending rename of files alone (Windows) is not counted; nor is an old kernel under a live patch.',

  evaluate: ({ reboot }, limit, now, { previous }) =>
    worstOr(
      'no source tells of restarts',
      reboot.map(({ source, data: { required, since, reasons, kernel } }) => {
        if (required === null)
          return unknown(
            `${source} cannot tell whether a restart is due`,
            'Let the agent read /boot and the list of packages, or install needrestart.',
          )
        if (!required) return ok('no restart is due')
        const counted = reasons.filter(reason => reason.kind !== 'rename' && !(reason.kind === 'kernel' && kernel.livePatched === true))
        if (reasons.length > 0 && counted.length === 0) return ok('only a file rename or a live-patched kernel waits for a restart')
        const why = counted[0] ? `: ${counted[0].detail}` : ''
        const evidence = { reasons: counted.slice(0, 10), kernel }
        if (since !== null) return sinceTiers(since, now, limit, { reason: value => `a restart is due since ${value}${why}`, evidence })
        return lasting(source, limit, now, previous, { reason: value => `a restart is due since ${value}${why}`, evidence })
      }),
    ),
})

export const rebootServices = defineCheck({
  name: 'reboot-services',
  subject: 'reboot',
  title: 'Services still run replaced code',
  unit: 'milliseconds',
  thresholds: { warning: days(7) },
  why: 'A service keeps the library that it started with: the hole is open until it is restarted.',
  remedy: 'Restart the services that are named, or the machine.',

  evaluate: ({ reboot }, limit, now, { previous }) =>
    worstOr(
      'no source tells of services',
      reboot.map(({ source, data: { services } }) => {
        if (services === null)
          return unknown(
            `${source} cannot tell which services run replaced code`,
            'Install needrestart, or give the agent the right to read other processes.',
          )
        if (services.length === 0) return ok('no service runs replaced code')
        const names = services.slice(0, 3).join(', ')
        const more = services.length > 3 ? ` and ${services.length - 3} more` : ''
        return lasting(source, limit, now, previous, {
          reason: value => `${names}${more} run replaced code since ${value}`,
          evidence: services.slice(0, 20),
        })
      }),
    ),
})

export const rebootChecks: readonly Check[] = [rebootPending, rebootServices]
