import { roles } from '@fettle/catalog'
import { type Config, ConfigError, type LogLevel, optionalText, prepareConfig, readConfig, type Settings } from '@fettle/kit'
import { readEnrolment } from '@fettle/protocol'
import * as v from 'valibot'
import { readCadence } from './cadence.ts'
import type { LookConfig } from './look.ts'
import { keyOf, type Probe } from './probe.ts'
import { type ProxySettings, proxiesOf, readProxy } from './proxy.ts'
import { readAddress } from './target.ts'

const DEFAULT_FILE = '/etc/fettle/agent.yaml'
const ROOT_DATA_DIR = '/var/lib/fettle-agent'

/** All that an agent can be told. */
export type AgentConfig = LookConfig & {
  readonly collector: {
    readonly url: string | null
    readonly caFile: string | null
    readonly allowPlain: boolean
    /** Only for machines that enrol themselves at their first start. */
    readonly token: string | null
    /** The same with address, name and pin in it. */
    readonly enrolment?: string | null
    /** Oldest version of TLS; default 1.3. */
    readonly minVersion?: '1.2' | '1.3'
    /** Where the first address does not answer, in their order. */
    readonly fallbacks?: readonly string[]
    readonly proxies?: ProxySettings
    /** File with the password for the proxy of the configuration. */
    readonly proxyPasswordFile?: string | null
  }
  readonly dataDir: string
  readonly instance: string | null
  readonly labels: Readonly<Record<string, string>>
  readonly logLevel: LogLevel
  /** What is odd but does not stop the agent. */
  readonly warnings: readonly string[]
}

/** The configuration file as the machine has it. */
export type ConfigFile = { readonly text: string; readonly mode: number; readonly uid: number }

export type ConfigSources = {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly uid: number
  /** Reads the file; undefined where there is none. @throws where it may not be read */
  readFile(path: string): Promise<ConfigFile | undefined>
  /** Whose settings there are. */
  readonly probes: readonly Probe[]
}

export type Loaded = { readonly config: AgentConfig; readonly settings: Settings; readonly effective: Config<Settings> }

const labels = v.pipe(
  v.record(v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_]{0,31}$/, 'wanted a label name of lower-case letters, digits and _')), v.string()),
  v.maxEntries(16, 'wanted at most 16 labels'),
)

const tlsVersion = v.picklist(['1.2', '1.3'])

const enrolment = v.nullable(
  v.pipe(
    v.string(),
    v.check(
      text => readable(text) === null,
      issue => readable(issue.input) ?? '',
    ),
  ),
)

const base = {
  'collector.url': {
    schema: optionalText,
    default: null,
    env: 'FETTLE_COLLECTOR',
    doc: 'Address of the collector; left out where the machine was enrolled by fettle-agent enroll.',
    example: 'wss://fettle.example.com',
  },
  'collector.fallbacks': {
    schema: v.pipe(v.array(v.string()), v.maxLength(8, 'wanted at most 8 addresses')),
    default: [],
    env: 'FETTLE_COLLECTOR_FALLBACKS',
    doc: 'Further addresses of the same collector or of others on its store, tried in this order where one does not answer.',
    example: ['wss://fettle2.example.com'],
  },
  'collector.proxy': {
    schema: v.nullable(v.pipe(v.string(), v.check(isProxy, 'wanted http://name:port, https://name:port or none'))),
    default: null,
    env: 'FETTLE_PROXY',
    doc: 'HTTP proxy on the way to the collector, http://[user:password@]name:port or https://; none: straight, whatever the environment says. Default: HTTPS_PROXY, ALL_PROXY and NO_PROXY.',
    secret: true,
    example: 'http://proxy.example.com:3128',
  },
  'collector.proxyPasswordFile': {
    schema: optionalText,
    default: null,
    env: 'FETTLE_PROXY_PASSWORD_FILE',
    doc: 'File with the password of the user that collector.proxy names.',
    example: '/etc/fettle/proxy.password',
  },
  'collector.caFile': {
    schema: optionalText,
    default: null,
    env: 'FETTLE_COLLECTOR_CA',
    doc: "PEM file of the certificate authority of the collector's certificate; left out for those that the system trusts.",
    example: '/etc/fettle/ca.pem',
  },
  'collector.allowPlain': {
    schema: v.boolean('wanted true or false'),
    default: false,
    env: 'FETTLE_ALLOW_PLAIN',
    doc: 'Allows ws:// to another machine: everything, and the enrolment token, goes in plain text.',
  },
  'collector.minVersion': {
    schema: v.union([tlsVersion, v.pipe(v.number(), v.transform(String), tlsVersion)], 'wanted 1.3 or 1.2'),
    default: '1.3',
    env: 'FETTLE_COLLECTOR_MIN_VERSION',
    doc: 'Oldest version of TLS that is spoken with the collector: 1.3, or 1.2 where what stands between knows no newer one.',
  },
  'collector.token': {
    schema: optionalText,
    default: null,
    env: 'FETTLE_TOKEN',
    doc: 'Enrolment token, for machines that enrol themselves at their first start.',
    secret: true,
    example: 'ID.SECRET',
  },
  'collector.enrolment': {
    schema: enrolment,
    default: null,
    env: 'FETTLE_ENROLMENT',
    doc: 'Enrolment string, for machines that enrol themselves at their first start: address, token and pin of the certificate authority in one.',
    secret: true,
    example: 'fettle1.eyJ1Ijpb…',
  },
  dataDir: {
    schema: optionalText,
    default: null,
    env: 'FETTLE_DATA_DIR',
    doc: `Folder of the agent's key and state. Default: ${ROOT_DATA_DIR} for root, else $XDG_STATE_HOME/fettle-agent or ~/.fettle.`,
    example: ROOT_DATA_DIR,
  },
  instance: {
    schema: v.nullable(v.pipe(v.string(), v.minLength(1), v.maxLength(253))),
    default: null,
    env: 'FETTLE_INSTANCE',
    doc: 'Name that the machine is shown by, used at enrolment. Default: its host name.',
    example: 'web1.example.com',
  },
  role: {
    schema: v.nullable(v.picklist(roles, `wanted one of ${roles.join(', ')}`)),
    default: null,
    env: 'FETTLE_ROLE',
    doc: 'server, desktop or laptop: thresholds depend on it. Default: detected.',
    example: 'server',
  },
  labels: {
    schema: labels,
    default: {},
    env: 'FETTLE_LABELS',
    doc: 'Labels of the machine, used at enrolment.',
    example: { site: 'berlin' },
  },
  'log.level': {
    schema: v.picklist(['debug', 'info', 'warn', 'error', 'silent'], 'wanted debug, info, warn, error or silent'),
    default: 'info',
    env: 'FETTLE_LOG_LEVEL',
    doc: 'How much is written to standard error.',
  },
} as const satisfies Settings

/** Every setting: those of the agent, what each probe may be told (enabled, every), and the probes' own. */
export function agentSettings(probes: readonly Probe[]): Settings {
  const keys = probes.map(keyOf)
  const own = probes.flatMap(probe => (probe.setting ? [[`${probe.subject}.${probe.source}`, probe.setting] as const] : []))
  return {
    ...base,
    probes: {
      schema: v.record(
        v.picklist(keys, 'no such source; fettle-agent parse --list names them all'),
        v.strictObject({
          enabled: v.optional(v.boolean('wanted true or false')),
          every: v.optional(v.string('wanted a duration or a cron expression')),
        }),
      ),
      default: {},
      doc: 'By source: enabled (true or false) and every (a duration such as 30m, or a cron expression such as "30 3 * * *").',
      example: { 'updates/apt': { every: '3h' }, 'firewall/ufw': { enabled: false } },
    },
    ...Object.fromEntries(own),
  }
}

/** File, then environment over it. @throws ConfigError with every mistake at once */
export async function loadConfig(sources: ConfigSources): Promise<Loaded> {
  const { probes } = sources
  const settings = agentSettings(probes)
  const path = sources.env.FETTLE_AGENT_CONFIG ?? DEFAULT_FILE
  const file = await sources.readFile(path)
  if (!file && sources.env.FETTLE_AGENT_CONFIG) throw new ConfigError([`${path}: there is no such file (environment FETTLE_AGENT_CONFIG)`])
  if (file) refuseForeign(path, file, sources.uid)
  const read = { file: file && { path, text: file.text }, env: sources.env }
  await prepareConfig(settings, read)
  const effective = readConfig(settings, read)
  const config = configOf(effective.values, probes, sources)
  await refuseWrong(config)
  return { config, settings, effective }
}

/** What holds where nobody says anything: for tests, and for replayed machines. */
export function defaultConfig(over: Partial<AgentConfig>, probes: readonly Probe[]): AgentConfig {
  const { values } = readConfig(agentSettings(probes), { env: {} })
  return { ...configOf(values, probes, { env: {}, uid: 0 }), ...over }
}

/** The file can name commands, so whoever may write it is root too. */
function refuseForeign(path: string, file: ConfigFile, uid: number): void {
  if (uid !== 0) return
  if (file.uid !== 0) throw new ConfigError([`${path}: belongs to user ${file.uid}; run chown root ${path}`])
  if ((file.mode & 0o022) !== 0) throw new ConfigError([`${path}: others may write to it; run chmod go-w ${path}`])
}

function configOf(
  values: Config<Settings>['values'],
  probes: readonly Probe[],
  { env, uid }: Pick<ConfigSources, 'env' | 'uid'>,
): AgentConfig {
  const said = values as { readonly [P in keyof typeof base]: v.InferOutput<(typeof base)[P]['schema']> }
  const proxies = proxiesOf(env)
  const options = probes.flatMap(probe => (probe.setting ? [[keyOf(probe), values[`${probe.subject}.${probe.source}`]]] : []))
  return {
    collector: {
      url: said['collector.url'],
      caFile: said['collector.caFile'],
      allowPlain: said['collector.allowPlain'],
      token: said['collector.token'],
      enrolment: said['collector.enrolment'],
      minVersion: said['collector.minVersion'],
      fallbacks: said['collector.fallbacks'],
      proxies: { ...proxies.settings, own: ownProxy(said['collector.proxy']) },
      proxyPasswordFile: said['collector.proxyPasswordFile'],
    },
    dataDir: said.dataDir ?? defaultDataDir(env, uid),
    instance: said.instance,
    role: said.role,
    labels: said.labels,
    logLevel: said['log.level'],
    probes: values.probes as AgentConfig['probes'],
    options: Object.fromEntries(options),
    warnings: proxies.warnings,
  }
}

function ownProxy(text: string | null): ProxySettings['own'] {
  return text === null || text === 'none' ? text : readProxy(text)
}

function isProxy(text: string): boolean {
  try {
    ownProxy(text)
    return true
  } catch {
    return false
  }
}

function defaultDataDir(env: ConfigSources['env'], uid: number): string {
  if (uid === 0) return ROOT_DATA_DIR
  return env.XDG_STATE_HOME ? `${env.XDG_STATE_HOME}/fettle-agent` : `${env.HOME ?? '/tmp'}/.fettle`
}

/** Why an enrolment string cannot be read; null where it can. */
function readable(text: string): string | null {
  try {
    readEnrolment(text)
    return null
  } catch (error) {
    return (error as Error).message
  }
}

/** What a schema cannot see: cadences and the address. */
async function refuseWrong(config: AgentConfig): Promise<void> {
  const tries: (() => Promise<unknown>)[] = Object.entries(config.probes).map(
    ([key, { every }]) =>
      () =>
        every === undefined
          ? Promise.resolve()
          : readCadence(every).catch(error => Promise.reject(new Error(`probes.${key}.every: ${error.message}`))),
  )
  const { url, fallbacks = [], allowPlain } = config.collector
  for (const address of url ? [url, ...fallbacks] : []) tries.push(async () => readAddress(address, allowPlain ? 'allowed' : 'refused'))
  const results = await Promise.allSettled(tries.map(attempt => attempt()))
  const problems = results.flatMap(result => (result.status === 'rejected' ? [(result.reason as Error).message] : []))
  if (problems.length > 0) throw new ConfigError(problems)
}
