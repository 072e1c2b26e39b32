import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { defineProbe, type Inputs, needed, type ParseContext } from '../../probe.ts'
import { cut } from '../gather.ts'
import { answerOf, isAnswer, partOf } from '../windows/answer.ts'
import { type Properties, truth } from '../windows/properties.ts'
import { windowsTime } from '../windows/time.ts'

type Bad = FactTypes['services']['bad'][number]

const SCRIPT = 'services/windows'
const MOST = 512
/** Services that are set to start automatically may take so long after a boot, ms. */
const SETTLING_MS = 15 * 60_000
/** 0 ended well, 1077 was never started since the boot. */
const WELL = new Set(['0', '1077', ''])

/** Services that are set to start automatically and do not run; see Win32_Service. */
export default defineProbe({
  subject: 'services',
  source: 'windows',
  platforms: ['win32'],
  shares: 'powershell',
  every: '15m',
  timeout: '1m',
  blind: 'Services with triggers, which come and go by design, unless they ended with an error; services of single users.',
  inputs: { answer: { from: `powershell ${SCRIPT}`, recognise: text => isAnswer(text, 'services') } },
  parse: parseServices,

  async read(host: Host) {
    return parseServices({ answer: [await host.powershell(SCRIPT)] }, { now: host.now(), hostname: host.hostname, options: undefined })
  },
})

/** @throws Denied, Error where the list is missing */
export function parseServices(inputs: Inputs, { now }: ParseContext): FactTypes['services'] {
  const answer = answerOf(needed(inputs, 'answer'), 'always')
  const services = partOf(answer, 'services')
  if (!services) throw new Error('Cannot read the services: the answer has no list')
  const booted = windowsTime(partOf(answer, 'os')?.[0]?.get('lastbootuptime'))
  const settled = booted === null || now - booted > SETTLING_MS
  const bad = services.flatMap(service => badOf(service, settled))
  return { manager: 'windows', state: null, bad: bad.sort((a, b) => a.name.localeCompare(b.name)).slice(0, MOST) }
}

function badOf(service: Properties, settled: boolean): Bad[] {
  const name = cut(service.get('name') ?? '', 256)
  if (name === '') throw new Error('Cannot read a service of the list: it has no name')
  const code = service.get('exitcode') ?? ''
  const failed = !WELL.has(code)
  if (!failed && (!settled || truth(service.get('triggered')) === true || /pending$/i.test(service.get('state') ?? ''))) return []
  return [
    {
      name,
      description: cut(service.get('displayname') ?? '', 512) || null,
      kind: failed ? 'failed' : 'stopped',
      result: failed ? cut(`exit code ${code}`, 128) : null,
      since: null,
    },
  ]
}
