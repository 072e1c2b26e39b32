import { parseArgs } from 'node:util'
import { type Command, exitCodes, UsageError } from '../cli.ts'
import { isFree } from '../host/files.ts'
import { Recording } from '../host/recording.ts'
import { openStateDir } from '../host/state.ts'
import { probes } from '../probes/index.ts'
import { lookAtAll } from '../survey.ts'
import { version } from '../version.ts'
import { here } from './here.ts'

/** `fettle-agent capture` */
export const capture: Command = {
  help: `fettle-agent capture: records what the probes read, as a fake machine

Usage: fettle-agent capture [--anonymise] DIR

Writes index.json, which lists every file, folder and command that was read and how that went, and one file for each content.
Environment values are never recorded, and what looks like a password, token or key is replaced; read it through before you send it.

  --anonymise   replaces host name, machine id and serial numbers as well

Examples:
  sudo fettle-agent capture ./web1           for a bug report, or for the tests
  fettle-agent check --replay ./web1         judges it, at the time it was recorded
`,
  async run(context, args) {
    const { values, positionals } = parseArgs({ args: [...args], options: { anonymise: { type: 'boolean' } }, allowPositionals: true })
    const [folder, ...more] = positionals
    if (folder === undefined || more.length > 0) throw new UsageError('Cannot capture without one folder to write to')
    if (!(await isFree(folder))) throw new Error(`Cannot capture to ${folder}: it is not empty`)
    const { config, host } = await here(context)
    const recording = new Recording(host, host.now())
    const facts = await lookAtAll(recording.host, probes, config, { begun: () => {}, ended: () => {} })
    const { role, options } = config
    const saved = { role, probes: { ...config.probes }, options: { ...options } }
    const calls = await recording.save(await openStateDir(folder), saved, version, values.anonymise ? 'hidden' : 'kept')
    context.stdout.write(
      `Captured ${facts.length} sources with ${calls} reads in ${folder}. Read it through before you send it to anyone.\n`,
    )
    return exitCodes.ok
  },
}
