import { parseArgs } from 'node:util'
import { createLog, systemClock } from '@fettle/kit'
import { closeCodes } from '@fettle/protocol'
import { type CliContext, type Command, exitCodes, UsageError } from '../cli.ts'
import { ask, NoAgent } from '../control.ts'
import type { Ending } from '../conversation.ts'
import { openStateDir } from '../host/state.ts'
import { openIdentity } from '../identity.ts'
import { introduce } from '../link.ts'
import { writeMembership } from '../membership.ts'
import { readAddress } from '../target.ts'
import { version } from '../version.ts'
import { here } from './here.ts'

/** `fettle-agent enroll` */
export const enroll: Command = {
  help: `fettle-agent enroll: makes this machine known to a collector

Usage: fettle-agent enroll --collector URL --token TOKEN [--instance NAME] [--label NAME=VALUE]... [--ca FILE] [--allow-plain]

The machine makes a key that never leaves it; the token shows the collector that it may come. A running agent connects at once.

  --collector URL      wss://name or wss://name:port; ws:// only to this machine itself
  --token TOKEN        ID.SECRET, as fettle-collector token create printed it; or in the environment as FETTLE_TOKEN, where no one else sees it
  --instance NAME      the name that the machine is shown by; default: its host name
  --label NAME=VALUE   such as site=berlin; may be given more than once
  --ca FILE            PEM of the collector's certificate authority, where the system does not trust it
  --allow-plain        allows ws:// to another machine: the token goes in plain text

Examples:
  sudo fettle-agent enroll --collector wss://fettle.example.com --token 6f1d.Zk3 --label site=berlin
  sudo FETTLE_TOKEN=6f1d.Zk3 fettle-agent enroll --collector wss://fettle.example.com
`,
  run: runEnroll,
}

async function runEnroll(context: CliContext, args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      collector: { type: 'string' },
      token: { type: 'string' },
      instance: { type: 'string' },
      label: { type: 'string', multiple: true, default: [] },
      ca: { type: 'string' },
      'allow-plain': { type: 'boolean', default: false },
    },
  })
  const { config, host } = await here(context)
  const address = values.collector ?? config.collector.url
  const token = values.token ?? config.collector.token
  if (!address) throw new UsageError('Cannot enrol without --collector URL')
  if (!token) throw new UsageError('Cannot enrol without --token TOKEN')
  const allowPlain = values['allow-plain'] || config.collector.allowPlain
  const url = readAddress(address, allowPlain ? 'allowed' : 'refused')
  const caFile = values.ca ?? config.collector.caFile
  const state = await openStateDir(config.dataDir)
  const identity = await openIdentity(state)
  const instance = values.instance ?? config.instance ?? host.hostname
  const labels = { ...config.labels, ...readLabels(values.label) }
  const told = await introduce({
    target: { url, ca: caFile === null || caFile === undefined ? null : await host.text(caFile) },
    identity,
    clock: systemClock,
    log: createLog('fettle-agent', 'silent'),
    version,
    enrol: { token, publicKey: identity.publicKey, instance, labels },
  })
  if (!('welcome' in told)) throw new Error(`Cannot enrol at ${url}: ${whyNot(told.ending)}`)
  const { welcome, server } = told
  const linkToken = welcome.linkToken ?? null
  await writeMembership(state, { url, caFile: caFile ?? null, allowPlain, instance: welcome.instance, server, linkToken })
  context.stdout.write(`Enrolled at ${url} as ${welcome.instance} (host ${identity.hostId})\n`)
  context.stdout.write(await wakeAgent(state))
  return exitCodes.ok
}

function whyNot(ending: Ending): string {
  if (ending.code !== closeCodes.refused) return ending.reason
  return 'the collector refused. The token may be wrong, used up or expired: make a new one with fettle-collector token create'
}

async function wakeAgent(state: Parameters<typeof ask>[0]): Promise<string> {
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
