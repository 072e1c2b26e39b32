import { parseArgs } from 'node:util'
import { describeConfig, loadYaml, sampleFile, settingsHelp } from '@fettle/kit'
import { type Command, exitCodes } from '../cli.ts'
import { agentSettings } from '../config.ts'
import { probes } from '../probes/index.ts'
import { here } from './here.ts'

/** `fettle-agent config` */
export const config: Command = {
  get help() {
    return `fettle-agent config: prints the configuration in force, and where each value comes from

Usage: fettle-agent config [--json | --sample]

Read from /etc/fettle/agent.yaml (another file: FETTLE_AGENT_CONFIG), the environment over it. All mistakes are told at once.

  --json     as JSON: value and origin of each setting
  --sample   a sample file with every setting, commented out

Examples:
  fettle-agent config
  fettle-agent config --sample | sudo tee /etc/fettle/agent.yaml

Settings:
${settingsHelp(agentSettings(probes))}
`
  },
  async run(context, args) {
    const { values } = parseArgs({ args: [...args], options: { json: { type: 'boolean' }, sample: { type: 'boolean' } } })
    if (values.sample) {
      await loadYaml()
      context.stdout.write(sampleFile(agentSettings(probes)))
      return exitCodes.ok
    }
    const { settings, effective } = await here(context)
    context.stdout.write(values.json ? `${json(settings, effective)}\n` : `${describeConfig(settings, effective)}\n`)
    return exitCodes.ok
  },
}

type Here = Awaited<ReturnType<typeof here>>

function json(settings: Here['settings'], { values, origins }: Here['effective']): string {
  const shown = (path: string) => (settings[path]?.secret && values[path] !== null ? '(secret)' : values[path])
  return JSON.stringify(
    Object.fromEntries(Object.keys(settings).map(path => [path, { value: shown(path), origin: origins[path] }])),
    null,
    2,
  )
}
