import { namesSomething, type Role, type SoftwareRule, subjects } from '@fettle/catalog'
import { type Config, optionalText, parseDuration, readConfig, type Settings } from '@fettle/kit'
import * as v from 'valibot'
import { network } from './proxies.ts'
import { signInSettings } from './sign-in-settings.ts'
import { durationText, durationWithin } from './spans.ts'

const address = v.pipe(
  v.string(),
  v.regex(/^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$/, 'wanted host:port, like 127.0.0.1:7300 or [::1]:7300'),
  v.check(text => Number(text.slice(text.lastIndexOf(':') + 1)) <= 65_535, 'wanted a port up to 65535'),
)

/** Names; in the environment with commas between them. */
const names = v.pipe(
  v.union([v.array(v.string()), v.string()], 'wanted a list of names'),
  v.transform(given => (typeof given === 'string' ? given.split(',') : given).map(name => name.trim()).filter(name => name !== '')),
  v.array(v.pipe(v.string(), v.maxLength(256, 'wanted at most 256 characters'), v.regex(/^[\x21-\x7e]+$/, 'wanted a name without spaces'))),
)

const unitOf = new Map(subjects.flatMap(subject => subject.checks.map(check => [check.name, check.unit])))
const tier = v.optional(
  v.union(
    [v.pipe(v.number(), v.finite('wanted a finite number')), v.literal('off'), durationText],
    'wanted a number in the unit of the check, a duration like 14d, or off',
  ),
)
const isAge = (limit: string | number | undefined) => typeof limit === 'string' && limit !== 'off'
const limitOf = (limit: string | number | undefined): number | 'off' | undefined =>
  limit === 'off' || typeof limit !== 'string' ? limit : parseDuration(limit)

/** Which hosts something is meant for: those of a role, with certain labels, or both. */
const selector = {
  role: v.optional(v.picklist(['server', 'desktop', 'laptop'])),
  labels: v.optional(v.record(v.string(), v.string()), {}),
}
export type Selector = { readonly role?: Role | undefined; readonly labels: Readonly<Record<string, string>> }

/** One override of a check's limits, for a role, for hosts with certain labels, or for both. A name that no check has would change nothing, unseen. */
const override = v.pipe(
  v.strictObject(
    {
      check: v.pipe(
        v.string(),
        v.check(name => unitOf.has(name), 'no check has this name; CHECKS.md lists them'),
      ),
      ...selector,
      /** A number in the check's unit, a duration for ages, or `off`. Left out: as it was. */
      warning: tier,
      critical: tier,
    },
    'wanted check, and any of role, labels, warning and critical',
  ),
  v.check(
    ({ check, warning, critical }) => (unitOf.get(check) ?? 'milliseconds') === 'milliseconds' || !(isAge(warning) || isAge(critical)),
    'this check counts no time: wanted a number in its unit, or off',
  ),
  v.transform(({ warning, critical, ...of }) => ({ ...of, warning: limitOf(warning), critical: limitOf(critical) })),
)
type Read = v.InferOutput<typeof override>
/** A tier that is left out stays as it was. */
export type Override = Omit<Read, 'warning' | 'critical'> & Partial<Pick<Read, 'warning' | 'critical'>>

const softwareName = v.pipe(
  v.string(),
  v.maxLength(128, 'wanted at most 128 characters'),
  v.check(namesSomething, 'wanted a name in which * stands for any characters and ? for one'),
)
const softwareVersion = v.optional(v.pipe(v.string(), v.regex(/^\d[\w.:~^+-]{0,63}$/, "wanted a version in quotes, like '1.20'")))
/** Most rules of one kind: each is looked for in every list of software. */
const MOST_RULES = 100
const rules = <const S extends v.GenericSchema>(rule: S) => v.pipe(v.array(rule), v.maxLength(MOST_RULES, `wanted at most ${MOST_RULES}`))
const requiredSoftware = rules(
  v.strictObject({ name: softwareName, atLeast: softwareVersion, ...selector }, 'wanted name, and any of atLeast, role and labels'),
)
const forbiddenSoftware = rules(
  v.strictObject({ name: softwareName, below: softwareVersion, ...selector }, 'wanted name, and any of below, role and labels'),
)
/** A rule about software, and the hosts that it holds for. */
export type SelectedRule = SoftwareRule & Selector

/** Every setting of the collector; `fettle-collector config --sample` prints them as a file. */
export const settings = {
  listen: {
    schema: address,
    default: '127.0.0.1:7300',
    env: 'FETTLE_LISTEN',
    doc: 'Address that agents, Prometheus and people come to. Anything but loopback needs TLS.',
  },
  data: {
    schema: v.pipe(v.string(), v.minLength(1)),
    default: '/var/lib/fettle-collector',
    env: 'FETTLE_DATA',
    doc: 'Folder of the embedded store and the admin socket.',
  },
  name: {
    schema: optionalText,
    default: null,
    env: 'FETTLE_NAME',
    doc: 'Name that agents bind their signature to, the same on every collector of a store and for ever; default: the name of the first machine.',
  },
  store: {
    schema: optionalText,
    default: null,
    env: 'FETTLE_STORE',
    doc: 'Where the fleet is kept: redis://…, rediss://…, redis+sentinel://…, redis+cluster://…, or sqlite:FILE. Default: sqlite in the data folder.',
    example: 'redis://127.0.0.1:6379',
    secret: true,
  },
  'tls.cert': {
    schema: optionalText,
    default: null,
    env: 'FETTLE_TLS_CERT',
    doc: 'PEM file of the certificate chain.',
    example: '/etc/fettle/collector.crt',
  },
  'tls.key': {
    schema: optionalText,
    default: null,
    env: 'FETTLE_TLS_KEY',
    doc: 'PEM file of its private key.',
    example: '/etc/fettle/collector.key',
  },
  'tls.ca': {
    schema: optionalText,
    default: null,
    env: 'FETTLE_TLS_CA',
    doc: 'PEM file of the certificate authority of tls.cert, or of a proxy that does TLS, where the systems of the agents do not know it: its pin goes into enrolment strings. The next one beside it, before it is used, is told to agents.',
    example: '/etc/fettle/ca.crt',
  },
  'tls.own': {
    schema: v.boolean(),
    default: false,
    env: 'FETTLE_TLS_OWN',
    doc: 'Make and renew certificates by an own authority, kept in the store, in place of tls.cert and tls.key.',
  },
  'tls.names': {
    schema: names,
    default: [],
    env: 'FETTLE_TLS_NAMES',
    doc: 'DNS names and IP addresses that agents dial, for the own certificate; host name, name, addresses and listen address are always in it.',
    example: ['fettle.example.com', '192.0.2.10'],
  },
  'tls.passphrase': {
    schema: optionalText,
    default: null,
    env: 'FETTLE_TLS_PASSPHRASE',
    doc: 'Encrypts the key of the own authority in the store and its backups; the same on every collector of a store. Long and random: who has the store may try.',
    secret: true,
    example: 'from your secret manager',
  },
  'tls.minVersion': {
    schema: v.union(
      [
        v.picklist(['1.2', '1.3']),
        v.pipe(
          v.picklist([1.2, 1.3]),
          v.transform((version): '1.2' | '1.3' => (version === 1.2 ? '1.2' : '1.3')),
        ),
      ],
      'wanted 1.3 or 1.2',
    ),
    default: '1.3',
    env: 'FETTLE_TLS_MIN_VERSION',
    doc: 'Oldest version of TLS that is spoken: 1.3, or 1.2 for scrapers and browsers that are older. Agents speak 1.3.',
  },
  addresses: {
    schema: v.pipe(names, v.maxLength(4, 'wanted at most 4 addresses')),
    default: [],
    env: 'FETTLE_ADDRESSES',
    doc: 'Addresses that agents dial, tried in their order, for enrolment strings. Default: the listen address, or the host name where that is every address.',
    example: ['wss://fettle.example.com', 'wss://fettle2.example.com:7300'],
  },
  allowPlain: {
    schema: v.boolean(),
    default: false,
    env: 'FETTLE_ALLOW_PLAIN',
    doc: 'Serve without TLS on an address that is not loopback. Only behind a proxy that does TLS.',
  },
  trustedProxies: {
    schema: v.array(network),
    default: [],
    doc: 'Addresses or networks of proxies that end TLS for this collector: what they say of where a request came from is believed.',
    example: ['127.0.0.1', '10.0.0.0/8'],
  },
  ...signInSettings,
  'log.level': {
    schema: v.picklist(['debug', 'info', 'warn', 'error', 'silent']),
    default: 'info',
    env: 'FETTLE_LOG',
    doc: 'How much is logged.',
  },
  beat: { schema: durationWithin('1s', '1d'), default: '120s', doc: 'How often an agent says that nothing has changed.' },
  detail: { schema: v.boolean(), default: false, env: 'FETTLE_DETAIL', doc: 'Expose the detail tier of host metrics as well.' },
  shards: {
    schema: v.pipe(v.number(), v.picklist([1, 2, 4, 8, 16, 32, 64], 'wanted a power of two up to 64')),
    default: 4,
    doc: 'Scrape targets that the hosts are spread over; 4 serve 5,000 hosts, 16 serve 15,000.',
  },
  hostTtl: {
    schema: durationWithin('1d', '3650d'),
    default: '30d',
    doc: 'A host that was not seen for this long is removed with all its data.',
  },
  osSupport: {
    schema: optionalText,
    default: null,
    doc: 'File that replaces the shipped table of operating-system support ends.',
    example: '/etc/fettle/os-support.json',
  },
  thresholds: {
    schema: v.array(override),
    default: [],
    doc: 'Limits of checks that differ from the shipped ones, by role and labels; later ones win.',
    example: [{ check: 'updates-security-late', role: 'laptop', warning: '14d', critical: '30d' }],
  },
  'software.required': {
    schema: requiredSoftware,
    default: [],
    doc: 'Software that must be installed, by role and labels: name with * and ? as the source tells it, and atLeast, the oldest version that will do.',
    example: [{ name: 'CrowdStrike*', role: 'laptop' }],
  },
  'software.forbidden': {
    schema: forbiddenSoftware,
    default: [],
    doc: 'Software that must not be installed, by role and labels: name with * and ?, and below, the first version that will do.',
    example: [{ name: '*TeamViewer*' }, { name: '7-Zip*', below: '24.07' }],
  },
  'limits.ingestBytes': {
    schema: v.pipe(v.number(), v.integer(), v.minValue(1024 * 1024)),
    default: 64 * 1024 * 1024,
    doc: 'Reports waiting for the store, in bytes; beyond it agents are told to come back.',
  },
  'limits.connections': {
    schema: v.pipe(v.number(), v.integer(), v.minValue(1)),
    default: 20_000,
    doc: 'Agent connections of one process.',
  },
  'limits.handshakes': {
    schema: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100_000)),
    default: 2_000,
    doc: 'Agents that are let in a second; half of it for one address. Others are told when to come back.',
  },
  'limits.strangersPerAddress': {
    schema: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(4_096)),
    default: 1_024,
    doc: 'Sockets of one address, or of one /64 of IPv6, that belong to no agent that was let in.',
  },
  'limits.hostFrames': {
    schema: v.pipe(v.number(), v.minValue(1), v.maxValue(10_000)),
    default: 20,
    doc: 'Frames a second of one host, over its burst of 4,000; what goes beyond waits on that host.',
  },
} as const satisfies Settings

export type CollectorConfig = Config<typeof settings>

/** File and environment made into a configuration. @throws ConfigError with every mistake at once */
export function readCollectorConfig(
  file: { path: string; text: string } | undefined,
  env: Record<string, string | undefined>,
): CollectorConfig {
  return readConfig(settings, { file, env })
}
