import { describeConfig, loadYaml, sampleFile, settingsHelp } from '@fettle/kit'
import { type Io, loadConfig, parsed } from '../command.ts'
import { settings } from '../config.ts'

const HELP = `fettle-collector config [--sample] [--json]

Prints the configuration in force, and where each value came from. Secrets are never printed.
  --sample   print a file with every setting and its meaning instead
  --json     as JSON

Settings:
`

export async function config(args: readonly string[], io: Io): Promise<number> {
  const { values } = parsed(args, { sample: { type: 'boolean' } })
  if (values.help) io.out.write(`${HELP}${settingsHelp(settings)}\n`)
  else if (values.sample) {
    await loadYaml()
    io.out.write(sampleFile(settings))
  } else {
    const effective = await loadConfig(io.env)
    const rows = Object.entries(settings).map(([path, setting]) => {
      const value = effective.values[path as keyof typeof settings]
      return [
        path,
        { value: 'secret' in setting && value !== null ? '(secret)' : value, origin: effective.origins[path as keyof typeof settings] },
      ]
    })
    io.out.write(values.json ? `${JSON.stringify(Object.fromEntries(rows), null, 2)}\n` : `${describeConfig(settings, effective)}\n`)
  }
  return 0
}
