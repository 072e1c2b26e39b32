import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startServer } from './server.ts'

const execute = promisify(execFile)
const shipped = (file: string) => readFile(new URL(`../../deploy/prometheus/${file}`, import.meta.url), 'utf8')

/** An instant value with its labels, `__name__` among them. */
export type Series = { readonly labels: Readonly<Record<string, string>>; readonly value: number }
export type Target = { readonly job: string; readonly instance: string; readonly health: string; readonly lastError: string }
export type Alert = { readonly name: string; readonly state: 'pending' | 'firing'; readonly labels: Readonly<Record<string, string>> }

/** A real Prometheus of the test's own, with the shipped configuration and rules. */
export type Prometheus = {
  readonly url: string
  query(expression: string): Promise<Series[]>
  targets(): Promise<Target[]>
  /** Alerts that are pending or firing. */
  alerts(): Promise<Alert[]>
  /** Every series of the last minutes that matches. */
  series(match: string): Promise<Record<string, string>[]>
  /** HELP and TYPE by metric name. */
  metadata(): Promise<Record<string, { readonly type: string; readonly help: string }[]>>
  stop(): Promise<void>
}

type Wish = {
  /** Address of the collector, `http://127.0.0.1:port`. */
  readonly collector: string
  /** Rules fire as soon as they are true, in place of what they wait for. */
  readonly patience: 'none' | 'as shipped'
  readonly alertmanager?: string
}

/** Starts Prometheus with deploy/prometheus on a collector: only addresses, paths, intervals and `for` differ from what is shipped. */
export async function startPrometheus(wish: Wish): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-prometheus-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    await writeFile(join(folder, 'rules.yml'), impatient(await shipped('rules.yml'), wish.patience))
    await writeFile(join(folder, 'prometheus.yml'), adapted(await shipped('prometheus.yml'), wish))
    const argv = [
      'prometheus',
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      '--web.listen-address=127.0.0.1:0',
      '--rules.alert.resend-delay=1s',
    ]
    const { server, match } = await startServer(argv, /Listening on" address=(\S+)[\s\S]*Server is ready/)
    const url = `http://${match[1]}`
    const stop = async () => {
      await server.stop()
      await remove()
    }
    return { url, stop, ...questions(url) }
  } catch (error) {
    await remove()
    throw error
  }
}

/** The shipped configuration for a test: once a second, on this collector, without what would be sent elsewhere. */
function adapted(config: string, { collector, alertmanager }: Wish): string {
  return config
    .replaceAll('127.0.0.1:7300', new URL(collector).host)
    .replaceAll('127.0.0.1:9093', alertmanager ? new URL(alertmanager).host : '127.0.0.1:9')
    .replace(/^(\s*(?:scrape|evaluation|refresh)_interval:).*$/gm, '$1 1s')
    .replace(/^(\s*scrape_timeout:).*$/gm, '$1 1s')
}

function impatient(rules: string, patience: Wish['patience']): string {
  const often = rules.replace(/^(\s*(?:- )?interval:).*$/gm, '$1 1s')
  return patience === 'none' ? often.replace(/^(\s*(?:for|keep_firing_for):).*$/gm, '$1 0s') : often
}

type Vector = { readonly result: readonly { readonly metric: Record<string, string>; readonly value: readonly [number, string] }[] }
type Targets = {
  readonly activeTargets: readonly { readonly labels: Record<string, string>; readonly health: string; readonly lastError: string }[]
}
type Alerts = { readonly alerts: readonly { readonly labels: Record<string, string>; readonly state: Alert['state'] }[] }

/** The HTTP API of Prometheus, as far as tests ask it. */
function questions(url: string): Omit<Prometheus, 'url' | 'stop'> {
  const ask = async <T>(path: string, query: Record<string, string> = {}): Promise<T> => {
    const answer = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(query)}`)
    const body = (await answer.json()) as { readonly data: T; readonly error?: string }
    if (!answer.ok) throw new Error(`Cannot ask Prometheus for ${path}: ${body.error}`)
    return body.data
  }
  return {
    query: async expression =>
      (await ask<Vector>('query', { query: expression })).result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) })),
    targets: async () =>
      (await ask<Targets>('targets')).activeTargets.map(({ labels, health, lastError }) => ({
        job: labels.job ?? '',
        instance: labels.instance ?? '',
        health,
        lastError,
      })),
    alerts: async () => (await ask<Alerts>('alerts')).alerts.map(({ labels, state }) => ({ name: labels.alertname ?? '', labels, state })),
    series: match => ask('series', { 'match[]': match }),
    metadata: () => ask('metadata'),
  }
}

/** A real Alertmanager of the test's own; `receivers` as its configuration wants them. */
export async function startAlertmanager(): Promise<{
  readonly url: string
  alerts(): Promise<{ labels: Record<string, string> }[]>
  stop(): Promise<void>
}> {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-alertmanager-'))
  await writeFile(join(folder, 'config.yml'), 'route:\n  receiver: nobody\nreceivers:\n  - name: nobody\n')
  const argv = [
    'prometheus-alertmanager',
    `--config.file=${folder}/config.yml`,
    `--storage.path=${folder}/data`,
    '--web.listen-address=127.0.0.1:0',
    '--cluster.listen-address=',
  ]
  const { server, match } = await startServer(argv, /Listening on" address=(\S+)/)
  const url = `http://${match[1]}`
  return {
    url,
    alerts: async () => (await fetch(`${url}/api/v2/alerts`)).json() as Promise<{ labels: Record<string, string> }[]>,
    async stop() {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Runs promtool; what it printed. @throws with all that it printed where it does not end well */
export async function promtool(args: readonly string[], input?: string): Promise<string> {
  const running = execute('promtool', [...args], { maxBuffer: 16 * 1024 * 1024 })
  if (input !== undefined) running.child.stdin?.end(input)
  try {
    const { stdout, stderr } = await running
    return stdout + stderr
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    throw new Error(
      `promtool ${args.join(' ')} says: ${stdout ?? ''}${stderr ?? ''}${stdout === undefined ? (error as Error).message : ''}`,
    )
  }
}
