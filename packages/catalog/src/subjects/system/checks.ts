import { type Check, defineCheck } from '../../check.ts'
import { age, days } from '../../duration.ts'
import { notApplicable, ok, unknown } from '../../finding.ts'

/** Releases that have a version but no end: they are renewed for ever. */
const rolling = new Set([
  'arch',
  'archarm',
  'artix',
  'cachyos',
  'endeavouros',
  'garuda',
  'gentoo',
  'manjaro',
  'opensuse-slowroll',
  'opensuse-tumbleweed',
  'solus',
  'void',
])

export const osSupport = defineCheck({
  name: 'os-support',
  subject: 'system',
  title: 'The operating system loses vendor support',
  unit: 'milliseconds',
  thresholds: { warning: days(180), critical: 0 },
  why: 'After that day nobody fixes its holes. UK Cyber Essentials fails a machine for unsupported software. The tiers count the time that is left.',
  remedy: 'Plan the upgrade to a supported release, or buy extended support and say so in the table of support ends.',
  blind: 'Extended support that was bought (Ubuntu Pro, ESU, LTSS) is known only where the table was changed for it.',

  evaluate({ system }, limit, now, { supportEnd }) {
    const os = system[0]?.data.os
    if (!os) return unknown('the operating system is not known')
    if (supportEnd === null) {
      // Testing and unstable of Debian have a name and no number.
      const testing = os.id === 'debian' && os.version === null && /\/sid$/.test(os.name)
      if (testing || [os.id, ...os.like].some(id => rolling.has(id))) return notApplicable(`${os.name} is a rolling release`)
      if (os.version === null) return unknown(`which release of ${os.name} runs is not told`, 'See VERSION_ID of /etc/os-release.')
      return unknown(
        `no end of support is known for ${os.name} ${os.version ?? ''}`.trim(),
        'Add the release to the table of support ends.',
      )
    }
    const left = supportEnd - now
    const evidence = { os: os.name, version: os.version, supportEnd }
    const { warning, critical } = limit
    const changesAt = [warning, critical].flatMap(tier => (tier !== undefined && left > tier ? [supportEnd - tier] : []))
    const more = { evidence, changesAt: changesAt.length === 0 ? undefined : Math.min(...changesAt) }
    const reason = left > 0 ? `support of ${os.name} ends in ${age(left)}` : `support of ${os.name} ended ${age(-left)} ago`
    if (critical !== undefined && left <= critical) return { ...more, status: 'critical', reason }
    if (warning !== undefined && left <= warning) return { ...more, status: 'warning', reason }
    return ok(reason, more)
  },
})

export const systemChecks: readonly Check[] = [osSupport]
