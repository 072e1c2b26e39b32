import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { defineProbe, type Inputs, sole } from '../../probe.ts'
import { cut } from '../gather.ts'
import { type Answer, answerOf, isAnswer, partIfThere, partOf } from '../windows/answer.ts'
import { type Properties, truth } from '../windows/properties.ts'
import { hasKey, isRegistry, type Registry, registryOf, registryValue } from '../windows/registry.ts'

type Reason = FactTypes['reboot']['reasons'][number]

const SCRIPT = 'reboot/windows'
const KEYS: readonly (readonly [string, Reason['kind'], string])[] = [
  ['RebootRequired', 'update', 'Windows Update has installed updates that a restart completes'],
  ['RebootPending', 'update', 'component servicing waits for a restart'],
  ['RebootInProgress', 'update', 'component servicing is in the middle of a restart'],
  ['PackagesPending', 'update', 'packages wait to be completed by a restart'],
]

/** Whether Windows waits for a restart: Windows Update, component servicing, a new computer name. Files to be renamed are named, and are no proof. */
export default defineProbe({
  subject: 'reboot',
  source: 'windows',
  platforms: ['win32'],
  shares: 'powershell',
  every: '15m',
  timeout: '1m',
  blind: 'Since when a restart is due: Windows keeps no date of it. Restarts that a management tool (Configuration Manager) plans.',
  inputs: {
    answer: { from: `powershell ${SCRIPT}`, recognise: text => isAnswer(text, 'keys', 'readable') },
    registry: {
      from: 'reg.exe query …\\WindowsUpdate\\Auto Update, …\\Component Based Servicing, …\\Session Manager',
      recognise: isRegistry,
    },
  },
  parse: parseReboot,

  async read(host: Host) {
    return parseReboot({ answer: [await host.powershell(SCRIPT)] })
  },
})

/** @throws where neither an answer nor any of the keys is there */
export function parseReboot(inputs: Inputs): FactTypes['reboot'] {
  const captured = sole(inputs, 'answer')
  if (captured) return factOf(...answered(answerOf(captured, 'always')))
  return factOf(...exported(registryOf(inputs.registry ?? [])))
}

function factOf(reasons: readonly Reason[], complete: boolean): FactTypes['reboot'] {
  const due = reasons.some(reason => reason.kind !== 'other')
  return {
    required: due ? true : complete ? false : null,
    since: null,
    reasons: reasons.slice(0, 64),
    kernel: { running: null, newest: null, livePatched: null },
    services: null,
  }
}

function answered(answer: Answer): [Reason[], boolean] {
  const [keys] = partOf(answer, 'keys') ?? []
  if (!keys) throw new Error('Cannot tell whether a restart is due: the answer has no keys')
  const [agent] = partIfThere(answer, 'agent') ?? []
  const [names] = partIfThere(answer, 'names') ?? []
  const reasons = KEYS.filter(([key]) => truth(keys.get(key.toLowerCase())) === true).map(([, kind, detail]) => ({ kind, detail }))
  if (truth(agent?.get('required')) === true && reasons.length === 0)
    reasons.push({ kind: 'update', detail: 'the Windows Update agent asks for a restart' })
  const renames = Array.isArray(answer.renames) ? answer.renames.map(String) : []
  const told = KEYS.every(([key]) => truth(keys.get(key.toLowerCase())) !== null) && answer.readable === true
  return [[...reasons, ...renamed(names), ...pending(renames)], told]
}

function renamed(names: Properties | undefined): Reason[] {
  const [active, wanted] = [names?.get('active'), names?.get('wanted')]
  if (!active || !wanted || active.toLowerCase() === wanted.toLowerCase()) return []
  return [{ kind: 'rename', detail: cut(`the computer will be called ${wanted}`, 200) }]
}

/** Installers of browsers and antivirus leave these for weeks. */
function pending(paths: readonly string[]): Reason[] {
  const files = paths.map(path => path.replace(/^[!*\d]*\\\?\?\\/, '')).filter(path => path !== '')
  return files.length === 0
    ? []
    : [{ kind: 'other', detail: cut(`files are replaced at the next restart: ${files.slice(0, 5).join(', ')}`, 500) }]
}

/** Keys that are there prove; keys that are missing prove nothing, since nobody says what was exported. */
function exported(registry: Registry): [Reason[], boolean] {
  const reasons = KEYS.filter(([key]) => hasKey(registry, `\\${key}`)).map(([, kind, detail]) => ({ kind, detail }))
  const renames = registryValue(registry, '\\session manager', 'PendingFileRenameOperations')
  const found = [...reasons, ...pending(renames === undefined ? [] : renames.split('\\0'))]
  if (found.length === 0) throw new Error('Cannot tell whether a restart is due: none of the keys that would say so is in this export')
  return [found, false]
}
