import { parseArgs } from 'node:util'
import { type Finding, subjects } from '@fettle/catalog'
import type { CliContext, Command } from '../cli.ts'
import { ask } from '../control.ts'
import { replayHost } from '../host/replay.ts'
import { shortSocketPath } from '../host/state.ts'
import type { Host } from '../host.ts'
import type { LookConfig } from '../look.ts'
import { probes } from '../probes/index.ts'
import { judgeAlone, lookAtAll } from '../survey.ts'
import { exitCodeOf, surveyText } from '../survey-text.ts'
import { here } from './here.ts'

const DEFAULT_COLUMNS = 100
const MOST_COLUMNS = 140
/** How long the running agent may take to say whether it reaches its collector, ms. */
const REACH_MS = 2_000

/** `fettle-agent check` */
export const check: Command = {
  help: `fettle-agent check: judges this machine now and prints how it is

Usage: fettle-agent check [--verbose] [--json] [--replay DIR]

Runs every probe here and now and judges with the default thresholds; needs no collector and no running agent. Where one runs and its user
asks, it tells at the end whether it reaches its collector, and why not.

  --verbose      shows what is fine and what does not apply as well
  --json         prints facts and findings as JSON
  --replay DIR   judges a machine that fettle-agent capture recorded, at the time it was recorded

Exit codes, as monitoring plug-ins have them: 0 all ok, 1 warning, 2 critical, 3 unknown; the worst counts, in the order
critical, warning, unknown, ok. 3 as well where the check itself could not be made.

Examples:
  sudo fettle-agent check
  sudo fettle-agent check --json | jq '.findings[] | select(.status != "ok")'
  fettle-agent check --replay ./web1
`,
  async run(context, args) {
    const { values } = parseArgs({
      args: [...args],
      options: { verbose: { type: 'boolean', short: 'v' }, json: { type: 'boolean' }, replay: { type: 'string' } },
    })
    const { host, config, dataDir } = values.replay === undefined ? await live(context) : await replayed(values.replay)
    const facts = await lookAtAll(host, probes, config, progressOn(context))
    const survey = judgeAlone(facts, host, config.role)
    const reach = dataDir === null ? null : await reachOf(dataDir)
    const text = values.json
      ? `${JSON.stringify({ ...survey, findings: survey.findings.map(explained), collector: reach }, null, 2)}\n`
      : surveyText(survey, {
          colour: context.stdout.isTTY && !context.env.NO_COLOR ? 'on' : 'off',
          columns: Math.min(MOST_COLUMNS, context.stdout.columns ?? DEFAULT_COLUMNS),
          detail: values.verbose ? 'all' : 'bad',
        })
    context.stdout.write(text)
    if (reach !== null && !values.json) context.stdout.write(`The agent that runs here: ${reach}\n`)
    return exitCodeOf(survey.findings)
  },
}

/** A finding with what its check says of itself. */
function explained(finding: Finding) {
  const subject = subjects.find(({ checks }) => checks.some(({ name }) => name === finding.check))
  const check = subject?.checks.find(({ name }) => name === finding.check)
  return { ...finding, subject: subject?.name, domain: subject?.domain, title: check?.title, remedy: check?.remedy }
}

type Machine = {
  readonly host: Host
  readonly config: LookConfig
  /** Where its agent keeps its state; null where none can run. */
  readonly dataDir: string | null
}

async function live(context: CliContext): Promise<Machine> {
  const { host, config } = await here(context)
  return { host, config, dataDir: config.dataDir }
}

async function replayed(folder: string): Promise<Machine> {
  return { ...(await replayHost(folder)), dataDir: null }
}

/** What the running agent says of its collector; null where none runs that this user may ask. */
async function reachOf(dataDir: string): Promise<string | null> {
  try {
    return (await ask({ socketPath: shortSocketPath(dataDir) }, { ask: 'status' }, REACH_MS)).message
  } catch {
    return null
  }
}

/** What is being looked at, on one line of a terminal that is wiped at the end; nothing elsewhere. */
function progressOn({ stderr }: CliContext) {
  const running = new Set<string>()
  const show = () => stderr.write(running.size > 0 ? `\r\u001b[Klooking at ${[...running].join(', ').slice(0, 70)}` : '\r\u001b[K')
  return {
    begun: (key: string) => {
      running.add(key)
      if (stderr.isTTY) show()
    },
    ended: ({ key }: { readonly key: string }) => {
      running.delete(key)
      if (stderr.isTTY) show()
    },
  }
}
