import { startTestCollector, type TestCollector } from '../kit/collector.ts'
import { type Observer, type ObserverParts, openObserver } from '../kit/observed.ts'
import { until } from '../kit/until.ts'
import { type MovableClock, movableClock } from './clock.ts'
import { startProxy, type TcpProxy, type Weather } from './proxy.ts'
import { counting, type detailOf, historyOf } from './stage.ts'
import { Witness } from './witness.ts'
import type { World } from './world.ts'

/** An agent's outbox and link, and a collector with the embedded store, in this process, by clocks of the test's own. */
export type FastLine = {
  readonly collector: TestCollector
  readonly port: number
  readonly clocks: { readonly agent: MovableClock; readonly collector: MovableClock }
  readonly network: TcpProxy
  readonly witness: Witness
  /** Its state folder. */
  readonly folder: string
  observer: Observer
  readonly observed: number[]
  observe(count: number): Promise<void>
  arrived(): Promise<number>
  history(): Promise<number[]>
  /** Opens the state folder again, as an agent that starts. */
  open(): Promise<Observer>
}

type Options = {
  /** How fast time goes for both ends. */
  readonly speed?: number
  readonly weather?: Partial<Weather>
  readonly beat?: string
  readonly env?: Record<string, string>
  readonly folder?: string
  readonly observer?: Partial<ObserverParts>
}

/** Starts both ends and what is between them. @throws where the collector does not start */
export async function openFastLine(world: World, options: Options = {}): Promise<FastLine> {
  const { speed = 20, beat = '30s', env = {} } = options
  const clocks = { agent: movableClock(speed), collector: movableClock(speed) }
  const collector = await startTestCollector(env, `beat: ${beat}\n`, clocks.collector)
  world.defer(() => collector.stop())
  const port = Number(new URL(collector.url).port)
  const network = await startProxy(() => port, options.weather)
  world.defer(() => network.stop())
  const folder = options.folder ?? (await world.folder())
  const url = `${env.FETTLE_TLS_CERT ? 'wss' : 'ws'}://127.0.0.1:${network.port}/agent`
  const parts = { folder, url, token: await collector.token({ uses: null }), clock: clocks.agent, everyMs: 10_000, ...options.observer }
  const open = () => openObserver(parts)
  const witness = new Witness(`http://127.0.0.1:${port}`)
  if (!env.FETTLE_TLS_CERT) world.defer(() => witness.stop())
  else await witness.stop()
  const { observed, observe } = counting(value => line.observer.observe(value))
  const history = () => (env.FETTLE_TLS_CERT ? storedHistory(collector) : historyOf(port))
  const line: FastLine = {
    collector,
    port,
    clocks,
    network,
    witness,
    folder,
    observer: await open(),
    observed,
    observe,
    history,
    open,
    async arrived() {
      const started = performance.now()
      await until(async () => (await history()).at(-1) === observed.at(-1), `the state ${observed.at(-1)} arrives`)
      return (performance.now() - started) * speed
    },
  }
  world.defer(() => line.observer.stop())
  return line
}

/** The same by the API without a network. */
async function storedHistory({ admin }: TestCollector): Promise<number[]> {
  const told = (await admin('GET', '/api/v1/hosts/observer').catch(() => undefined)) as Awaited<ReturnType<typeof detailOf>>
  return (told?.transitions ?? []).map(one => one.data?.stratum ?? -1).reverse()
}
