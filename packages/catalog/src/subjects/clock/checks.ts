import { bad, type Check, defineCheck, tiers } from '../../check.ts'
import { age, days, minutes, seconds } from '../../duration.ts'
import { best, notApplicable, ok, unknown, worstOr } from '../../finding.ts'

/** A service that has heard nothing for this long keeps no time, whatever it says, ms. */
const LONGEST_SILENCE = days(7)

export const clockOffset = defineCheck({
  name: 'clock-offset',
  subject: 'clock',
  title: 'The clock is wrong',
  unit: 'milliseconds',
  thresholds: { warning: seconds(5), critical: minutes(2) },
  hold: minutes(15),
  why: 'Certificates, Kerberos (5 min) and every log depend on the time; a wrong clock makes old backups look new.',
  remedy: 'See why the time service does not correct it: reachable servers, firewall, virtual machine tools.',
  blind: "Only what the machine's own time service measures. `agent-clock` compares with the collector.",

  evaluate: ({ clock }, limit) =>
    worstOr(
      'no time service measures it',
      clock.map(({ source, data }) => {
        if (data.offsetSeconds === null) return notApplicable(`${source} does not measure the offset`)
        const off = Math.abs(data.offsetSeconds) * 1000
        const direction = data.offsetSeconds > 0 ? 'fast' : 'slow'
        return tiers(off, limit, {
          say: value => (value < 2000 ? `${Math.round(value)} ms` : age(value)),
          reason: value => `the clock is ${value} ${direction}`,
          evidence: { source, offsetSeconds: data.offsetSeconds, reference: data.reference },
        })
      }),
    ),
})

export const clockSync = defineCheck({
  name: 'clock-sync',
  subject: 'clock',
  title: 'No time service keeps the clock right',
  unit: 'state',
  thresholds: { warning: 1 },
  sources: 'any',
  hold: minutes(30),
  why: 'A clock that nobody corrects drifts by seconds a day, until logins and certificates fail.',
  remedy: 'Switch on one time service (systemd-timesyncd, chrony, W32Time) and let it reach its servers.',

  evaluate: ({ clock }, limit, now) =>
    worstOr(
      'no time service is known',
      clock.length === 0
        ? []
        : [
            best(
              clock.map(({ source, data }) => {
                if (data.synchronized === null)
                  return unknown(
                    `${source} cannot tell whether the clock is synchronized`,
                    'Switch on a time service; in a container ask its host.',
                  )
                if (!data.synchronized) return bad(limit, `${source}: the clock is not synchronized`, data)
                const silent = data.lastSyncAt === null ? 0 : now - data.lastSyncAt
                if (silent > LONGEST_SILENCE) return bad(limit, `${source}: last heard of its reference ${age(silent)} ago`, data)
                return ok(`${data.service ?? source} keeps the clock`, {
                  ...(data.lastSyncAt === null ? {} : { changesAt: data.lastSyncAt + LONGEST_SILENCE + 1 }),
                })
              }),
            ),
          ],
    ),
})

export const clockChecks: readonly Check[] = [clockOffset, clockSync]
