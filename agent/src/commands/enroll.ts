import { parseArgs } from 'node:util'
import { createLog, systemClock } from '@fettle/kit'
import { closeCodes, isEnrolment, readEnrolment } from '@fettle/protocol'
import { certificatesIn, nextAuthorities } from '../authorities.ts'
import { diallerOf, findAuthority } from '../belong.ts'
import { type CliContext, type Command, exitCodes, UsageError } from '../cli.ts'
import type { AgentConfig } from '../config.ts'
import { agentRuns, ask, NoAgent } from '../control.ts'
import type { Ending } from '../conversation.ts'
import { openStateDir, type StateDir } from '../host/state.ts'
import type { Host } from '../host.ts'
import { openIdentity, renewIdentity } from '../identity.ts'
import { introduce } from '../link.ts'
import { writeMembership } from '../membership.ts'
import { clearOutbox } from '../outbox.ts'
import { isVerified, readAddress } from '../target.ts'
import { version } from '../version.ts'
import { here } from './here.ts'

/** `fettle-agent enroll` */
export const enroll: Command = {
  help: `fettle-agent enroll: makes this machine known to a collector

Usage: fettle-agent enroll STRING [--instance NAME] [--label NAME=VALUE]... [--new-identity]
       fettle-agent enroll --collector URL --token TOKEN [--ca FILE] [--allow-plain] [--instance NAME] [--label NAME=VALUE]...

STRING is what fettle-collector token create printed: it begins with fettle1. and holds the address, the token, and the pin of the collector's
certificate authority, which is checked before anything is sent. The machine makes a key that never leaves it. A running agent connects at once.

  STRING               or - to read it from standard input, or left out and in the environment as FETTLE_ENROLMENT: no other user sees it there
  --collector URL      wss://name or wss://name:port; ws:// only to this machine itself
  --token TOKEN        ID.SECRET; or in the environment as FETTLE_TOKEN
  --instance NAME      the name that the machine is shown by; default: its host name
  --label NAME=VALUE   such as site=berlin; may be given more than once
  --ca FILE            PEM of the collector's certificate authority, where the system does not trust it
  --allow-plain        allows ws:// to another machine: the token goes in plain text
  --new-identity       makes another key, for a machine that is a copy of one; the old key is set aside, what waited to be sent is dropped

Examples:
  sudo fettle-agent enroll fettle1.eyJ1Ijpb --label site=berlin
  sudo fettle-agent enroll - < /run/secrets/enrolment
  sudo fettle-agent enroll --collector wss://fettle.example.com --token 6f1d.Zk3
`,
  run: runEnroll,
}

/** Where to, and how it is known that it is there. */
type Way = {
  readonly urls: readonly [string, ...string[]]
  readonly token: string
  /** Null where any name will do. */
  readonly server: string | null
  readonly caFile: string | null
  /** PEM; null: those that the system trusts. */
  readonly ca: string | null
  /** What is kept of it beside the file. */
  readonly authorities: readonly string[]
  readonly allowPlain: boolean
}

async function runEnroll(context: CliContext, args: readonly string[]): Promise<number> {
  const given = readArgs(args)
  const { config, host } = await here(context)
  const state = await openStateDir(config.dataDir)
  if (given['new-identity'] && (await agentRuns(state)))
    throw new Error('Cannot make another key while the agent runs with the old one: run systemctl stop fettle-agent first')
  const way = await wayOf(context, given, config, host)
  const renewed = given['new-identity'] ? renewIdentity(state) : undefined
  const identity = renewed ?? (await openIdentity(state))
  const instance = given.instance ?? config.instance ?? host.hostname
  const { urls, ca, token, server, caFile, allowPlain } = way
  const told = await introduce({
    target: { urls, ca },
    dialler: diallerOf({ config, host }),
    server,
    identity,
    clock: systemClock,
    log: createLog('fettle-agent', 'silent'),
    version,
    enrol: { token, publicKey: identity.publicKey, instance, labels: { ...config.labels, ...readLabels(given.label) } },
  })
  const welcome = 'welcome' in told ? told.welcome : undefined
  if ('ending' in told && told.ending.code !== closeCodes.pending) throw new Error(`Cannot enrol at ${urls[0]}: ${whyNot(told.ending)}`)
  await renewed?.keep()
  if (renewed) await clearOutbox(state)
  await writeMembership(state, {
    urls: [...urls],
    caFile,
    authorities: [...(nextAuthorities(welcome?.authorities, ca !== null && urls.every(isVerified) ? [ca] : []) ?? way.authorities)],
    allowPlain,
    instance: welcome?.instance ?? instance,
    server: 'welcome' in told ? told.server : server,
    linkToken: welcome?.linkToken ?? null,
  })
  context.stdout.write(`Enrolled at ${urls[0]} as ${welcome?.instance ?? instance} (host ${identity.hostId})\n`)
  if (!welcome) context.stdout.write(`An operator has to approve this machine: fettle-collector host approve ${instance}\n`)
  context.stdout.write(await wakeAgent(state))
  return exitCodes.ok
}

type Given = ReturnType<typeof readArgs>

function readArgs(args: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      collector: { type: 'string' },
      token: { type: 'string' },
      instance: { type: 'string' },
      label: { type: 'string', multiple: true, default: [] },
      ca: { type: 'string' },
      'allow-plain': { type: 'boolean', default: false },
      'new-identity': { type: 'boolean', default: false },
    },
  })
  const [text, surplus] = positionals
  if (surplus !== undefined) throw new UsageError('Cannot enrol with more than one enrolment string')
  if (text !== undefined && text !== '-' && !isEnrolment(text))
    throw new UsageError(
      'Cannot read the enrolment string: wanted one that begins with fettle1. ; a bare token goes with --collector and --token',
    )
  if (text !== undefined && (values.collector ?? values.token) !== undefined)
    throw new UsageError('Cannot enrol with both an enrolment string and --collector or --token: the string holds them')
  return { ...values, text }
}

async function wayOf(context: CliContext, given: Given, config: AgentConfig, host: Host): Promise<Way> {
  const allowPlain = given['allow-plain'] || config.collector.allowPlain
  const caFile = given.ca ?? config.collector.caFile
  const file = caFile === null ? null : await host.text(caFile)
  const text = given.text === '-' ? await context.readStdin?.() : (given.text ?? ownWords(given, config))
  if (text === undefined) return bareWay(given, config, { allowPlain, caFile, ca: file, authorities: [] })
  const { urls, token, server, pin } = readEnrolment(text)
  const addresses = urls.map(url => readAddress(url, allowPlain ? 'allowed' : 'refused'))
  if (pin === null) return { urls: listOf(addresses), token, server, caFile, ca: file, authorities: [], allowPlain }
  const { url, authority } = await findAuthority(addresses, pin, diallerOf({ config, host }))
  const [pem = authority] = certificatesIn(authority)
  // The one that answered comes first: the others may be down now.
  const ordered = listOf([url, ...addresses.filter(other => other !== url)])
  return { urls: ordered, token, server, caFile: null, ca: pem, authorities: [pem], allowPlain }
}

/** The enrolment string of the configuration, unless the command line says the same in other words. */
function ownWords(given: Given, config: AgentConfig): string | undefined {
  if (given.collector !== undefined || given.token !== undefined) return undefined
  return config.collector.enrolment ?? undefined
}

function bareWay(given: Given, config: AgentConfig, trust: Pick<Way, 'allowPlain' | 'caFile' | 'ca' | 'authorities'>): Way {
  const address = given.collector ?? config.collector.url
  const token = given.token ?? config.collector.token
  if (!address) throw new UsageError('Cannot enrol without an enrolment string, or --collector URL and --token TOKEN')
  if (!token) throw new UsageError('Cannot enrol without --token TOKEN')
  return { ...trust, urls: [readAddress(address, trust.allowPlain ? 'allowed' : 'refused')], token, server: null }
}

function listOf([first, ...others]: readonly string[]): readonly [string, ...string[]] {
  if (first === undefined) throw new Error('Cannot enrol: the enrolment string holds no address')
  return [first, ...others]
}

function whyNot(ending: Ending): string {
  if (ending.code !== closeCodes.refused) return ending.reason
  return 'the collector refused. The token may be wrong, used up or expired: make a new one with fettle-collector token create'
}

async function wakeAgent(state: StateDir): Promise<string> {
  try {
    await ask(state, { ask: 'reconnect' }, 10_000)
    return 'The running agent connects now.\n'
  } catch (error) {
    if (error instanceof NoAgent) return 'No agent runs yet: start it with systemctl enable --now fettle-agent, or fettle-agent run.\n'
    throw error
  }
}

function readLabels(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.map(label => {
      const match = /^([a-z][a-z0-9_]{0,31})=(.{1,256})$/.exec(label)
      if (!match) throw new UsageError(`Cannot read the label ${JSON.stringify(label)}: wanted name=value, the name in lower case`)
      return [match[1], match[2]]
    }),
  )
}
