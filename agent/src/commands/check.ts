import { parseArgs } from 'node:util'
import { type Finding, subjects } from '@fettle/catalog'
import type { CliContext, Command } from '../cli.ts'
import { replayHost } from '../host/replay.ts'
import type { Host } from '../host.ts'
import type { LookConfig } from '../look.ts'
import { probes } from '../probes/index.ts'
import { judgeAlone, lookAtAll } from '../survey.ts'
import { exitCodeOf, surveyText } from '../survey-text.ts'
import { here } from './here.ts'

const DEFAULT_COLUMNS = 100
const MOST_COLUMNS = 140

/** `fettle-agent check` */
export const check: Command = {
  help: `fettle-agent check: judges this machine now and prints how it is

Usage: fettle-agent check [--verbose] [--json] [--replay DIR]

Runs every probe here and now and judges with the default thresholds; needs no collector and no running agent.

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
    const { host, config } = values.replay === undefined ? await here(context) : await replayed(values.replay)
    const facts = await lookAtAll(host, probes, config, progressOn(context))
    const survey = judgeAlone(facts, host, config.role)
    const text = values.json
      ? `${JSON.stringify({ ...survey, findings: survey.findings.map(explained) }, null, 2)}\n`
      : surveyText(survey, {
          colour: context.stdout.isTTY && !context.env.NO_COLOR ? 'on' : 'off',
          columns: Math.min(MOST_COLUMNS, context.stdout.columns ?? DEFAULT_COLUMNS),
          detail: values.verbose ? 'all' : 'bad',
        })
    context.stdout.write(text)
    return exitCodeOf(survey.findings)
  },
}

/** A finding with what its check says of itself. */
function explained(finding: Finding) {
  const subject = subjects.find(({ checks }) => checks.some(({ name }) => name === finding.check))
  const check = subject?.checks.find(({ name }) => name === finding.check)
  return { ...finding, subject: subject?.name, domain: subject?.domain, title: check?.title, remedy: check?.remedy }
}

async function replayed(folder: string): Promise<{ readonly host: Host; readonly config: LookConfig }> {
  return replayHost(folder)
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
