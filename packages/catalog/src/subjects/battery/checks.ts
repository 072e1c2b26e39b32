import { bad, type Check, defineCheck, tiers } from '../../check.ts'
import { type Answer, notApplicable, ok, unknown, worstOr } from '../../finding.ts'
import type { FactsBySubject } from '../../view.ts'
import type { BatteryFact } from './facts.ts'

type Battery = BatteryFact['batteries'][number]

/** Health is told in whole percents: exactly at a limit is still good. */
const HALF_A_PERMILLE = 0.0005

const perBattery = ({ battery }: FactsBySubject, judge: (battery: Battery) => Answer): Answer =>
  worstOr('no battery', battery.flatMap(fact => fact.data.batteries).map(judge))

export const batteryWorn = defineCheck({
  name: 'battery-worn',
  subject: 'battery',
  title: 'The battery is worn',
  unit: 'ratio',
  thresholds: { warning: 0.2, critical: 0.4 },
  why: 'What a battery has lost of its design capacity does not come back. Apple and most makers call one worn out below 80 %; below 60 % it may switch off under load. The tiers count the share that is lost.',
  remedy: 'Have the battery replaced.',
  blind: 'Makers that tell no design capacity; firmware that learns it wrong until a full cycle.',

  evaluate: (facts, limit) =>
    perBattery(facts, ({ name, healthRatio, service, condition, cycles }) => {
      if (healthRatio === null) {
        return service === null
          ? unknown(`how worn battery ${name} is is not known`)
          : notApplicable(`battery ${name} tells no capacity: see battery-service`)
      }
      return tiers(Math.max(0, 1 - healthRatio - HALF_A_PERMILLE), limit, {
        say: () => `${Math.round(healthRatio * 100)} %`,
        reason: value => `battery ${name} holds ${value} of its design capacity`,
        evidence: { battery: name, healthRatio, cycles, condition },
      })
    }),
})

export const batteryService = defineCheck({
  name: 'battery-service',
  subject: 'battery',
  title: 'The battery asks for service',
  unit: 'state',
  thresholds: { critical: 1 },
  why: 'The maker knows its cells: a battery that asks for service may swell or fail at once.',
  remedy: 'Have the battery replaced; a swollen one at once, and do not charge it.',

  evaluate: (facts, limit) =>
    perBattery(facts, ({ name, service, condition, healthRatio }) => {
      if (service === null) return notApplicable(`battery ${name} tells no judgement of its own`)
      const word = condition === null ? '' : ` (${condition})`
      return service
        ? bad(limit, `battery ${name} asks for service${word}`, { battery: name, condition, healthRatio })
        : ok(`no battery asks for service`)
    }),
})

export const batteryChecks: readonly Check[] = [batteryWorn, batteryService]
