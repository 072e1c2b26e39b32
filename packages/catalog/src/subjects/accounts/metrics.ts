import { gauge, type Metric } from '../../metric.ts'

export const accountsAdministrators = gauge('accounts_administrators', {
  tier: 'core',
  life: 'state',
  domain: 'security',
  from: 'accounts',
  help: 'Local accounts with the rights of an administrator.',
  samples: host => host.facts.accounts.slice(0, 1).map(fact => [[], fact.data.administratorCount]),
})

export const accountsMetrics: readonly Metric[] = [accountsAdministrators]
