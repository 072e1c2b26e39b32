import type { FactTypes } from '@fettle/catalog'
import type { Host } from '../../host.ts'
import { Absent, type Captured, Denied, type Inputs } from '../../probe.ts'
import { queryKey, registryOf } from '../windows/registry.ts'
import type { AntivirusProduct } from './product.ts'

const SERVICES = 'HKLM\\SYSTEM\\CurrentControlSet\\Services'
/** Windows Security Center: there on clients, not on servers. */
const SECURITY_CENTER = /^wscsvc$/i
const MOST = 16

/** What `services` of a probe is, for its list of inputs. */
export const serviceInput = (names: RegExp) => ({
  from: 'sc.exe query NAME',
  recognise: (text: string) =>
    [...serviceStates([{ text, stderr: '', code: null, name: '', modifiedAt: null }]).keys()].some(name => names.test(name)),
})

/** What Windows knows of the services whose names match, and of the Security Center's; see `sc query` and the registry key Services. @throws Denied, Error */
export async function servicesOfWindows(host: Host, names: RegExp): Promise<Captured[]> {
  const listed = registryOf([await queryKey(host, SERVICES)])
  const end = `${SERVICES.slice('HKLM'.length).toLowerCase()}\\`
  const all = [...listed.keys()].flatMap(key => {
    const at = key.indexOf(end)
    return at === -1 || key.slice(at + end.length).includes('\\') ? [] : key.slice(at + end.length)
  })
  if (all.length === 0) throw new Error('Cannot read the list of services')
  const captures: Captured[] = []
  for (const name of all.filter(one => names.test(one) || SECURITY_CENTER.test(one)).slice(0, MOST)) {
    const captured = await host.run(['sc.exe', 'query', name], { timeoutMs: 20_000 })
    if (captured.code === 5) throw new Denied(`the service ${name} may not be asked`, 'Run the agent as a service (LocalSystem).')
    captures.push(captured)
  }
  return captures
}

/**
 * Whether services run, by name in lower case, as `sc.exe query` prints them: a line with the name, then indented ones, of which the second with a
 * number is the state (1 stopped, 4 running; see SERVICE_STATUS). Labels may be translated. Null for a state in between.
 */
export function serviceStates(captures: readonly Captured[]): Map<string, boolean | null> {
  const states = new Map<string, boolean | null>()
  for (const { text } of captures) {
    let name: string | undefined
    let numbers: number[] = []
    for (const line of text.slice(0, 200_000).split(/\r?\n/)) {
      const label = /^[^\s:][^:]{0,40}:\s{0,4}(\S.{0,250})$/.exec(line)?.[1]
      if (label !== undefined && (name === undefined || numbers.length > 0)) [name, numbers] = [label.trim().toLowerCase(), []]
      const number = /^\s{4,12}[^\s:][^:]{0,40}:\s{1,4}([0-9a-f]{1,4})\s{1,4}[A-Z_]{3,40}/i.exec(line)?.[1]
      if (name === undefined || number === undefined || numbers.length >= 2) continue
      numbers.push(Number.parseInt(number, 16))
      if (numbers.length === 2) states.set(name, numbers[1] === 4 ? true : numbers[1] === 1 ? false : null)
    }
  }
  return states
}

/**
 * A product that shows itself on Windows by its services alone. `registered`: it tells Windows Security Center more than its service does, so
 * on a client a running one is left to that source. @throws Absent where none of its services is there, or that source tells of it
 */
export function productOfServices(inputs: Inputs, names: RegExp, product: AntivirusProduct, how?: 'registered'): FactTypes['antivirus'] {
  const states = serviceStates(inputs.services ?? [])
  const own = [...states].filter(([name]) => names.test(name))
  if (own.length === 0) throw new Absent(`${product.name} is not installed`)
  const stopped = own.filter(([, runs]) => runs === false).map(([name]) => name)
  const running = stopped.length > 0 ? false : own.every(([, runs]) => runs) ? true : null
  if (how === 'registered' && running && product.signaturesAt === null && [...states.keys()].some(name => SECURITY_CENTER.test(name)))
    throw new Absent(`its service runs; antivirus/security-center tells what ${product.name} does`)
  return {
    products: [
      {
        ...product,
        running,
        realtime: running === false ? false : product.realtime,
        // A sensor that stops nothing stands aside, but one that should run and does not is told.
        passive: product.passive === true ? running === true : product.passive,
        degraded: stopped.length > 0 ? `${stopped.join(', ')} is stopped` : product.degraded,
      },
    ],
  }
}
