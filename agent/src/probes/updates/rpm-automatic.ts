import type { FactTypes } from '@fettle/catalog'
import { type Inputs, sole } from '../../probe.ts'
import { parseUnits } from './apt-automatic.ts'

type Automatic = FactTypes['updates']['automatic']

/** Units that may install updates on their own, by generation of the tool. */
export const dnfUnits = ['dnf-automatic.timer', 'dnf-automatic-install.timer', 'dnf5-automatic.timer', 'yum-cron.service']

/**
 * Whether updates install themselves; see dnf-automatic(8). A timer that runs installs only where `apply_updates` is yes, but
 * `dnf-automatic-install.timer`, which installs in any case.
 */
export function dnfAutomatic(inputs: Inputs): Automatic {
  const told = (enabled: boolean | null, detail: string | null): Automatic => ({ enabled, detail, lastRunAt: null })
  const units = parseUnits(sole(inputs, 'units'))
  if (units.size === 0) return told(null, null)
  const isOn = (id: string) => units.get(id)?.get('UnitFileState') === 'enabled' && units.get(id)?.get('ActiveState') === 'active'
  const running = dnfUnits.filter(isOn)
  if (running.length === 0) return told(false, 'no timer of dnf-automatic runs')
  if (running.includes('dnf-automatic-install.timer')) return told(true, 'dnf-automatic-install.timer')
  const configured = sole(inputs, 'automatic')
  if (!configured) return told(null, `${running[0]} runs; what it does is not known`)
  const value = (key: string) => new RegExp(`^[ \\t]*${key}\\s*[=:]\\s*(\\S{1,40})`, 'm').exec(configured.text)?.[1]?.toLowerCase()
  const applies = value('apply_updates')
  if (applies === 'yes' || applies === 'true' || applies === '1')
    return told(true, `${running[0]}, upgrade_type ${value('(?:upgrade_type|update_cmd)') ?? 'default'}`)
  return told(false, `${running[0]} runs, but apply_updates is ${applies ?? 'not set'}`)
}
