import type { CliContext } from '../cli.ts'
import { type Loaded, loadConfig } from '../config.ts'
import { readConfigFile } from '../host/files.ts'
import { localHost } from '../host/local.ts'
import type { Host } from '../host.ts'
import { probesOf } from '../probes/platform.ts'

/** This machine and its configuration, as most commands begin. @throws ConfigError */
export async function here(context: CliContext): Promise<Loaded & { readonly host: Host }> {
  const host = localHost()
  const loaded = await loadConfig({ env: context.env, uid: host.uid, readFile: readConfigFile, probes: await probesOf(host.platform) })
  return { ...loaded, host }
}
