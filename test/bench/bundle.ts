import { once } from 'node:events'
import { cpSync, existsSync, globSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { start } from './children.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const ROLLDOWN = join(ROOT, 'node_modules/rolldown/bin/cli.mjs')

/** Where the probes' PowerShell scripts are. They are read at run time, so they are shipped as they are, in `probes` beside the bundle. */
const PROBES = join(ROOT, 'agent/src/probes')
/** The program that the agent runs in a child to take stock: a bundle of its own, or the daemon would carry its library. */
const INVENTORY = join(ROOT, 'agent/src/host/inventory.ts')

/**
 * The program as it is shipped: bundled and minified, no types to strip at run time, the probes' scripts and what the agent runs in a child beside it.
 * @returns its main file @throws where it cannot be bundled
 */
export async function bundled(main: string): Promise<string> {
  if (!existsSync(ROLLDOWN)) throw new Error(`Cannot bundle ${main}: rolldown is not installed; run npm install`)
  const folder = mkdtempSync(join(tmpdir(), 'bundle-'))
  // What is not bundled (package.json of the version) is found as from the sources.
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  const args = [ROLLDOWN, main, INVENTORY, '--platform', 'node', '--format', 'esm', '--minify', '--dir', folder]
  const child = start(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  const [code] = (await once(child, 'exit')) as [number]
  if (code !== 0) throw new Error(`Cannot bundle ${main}: rolldown ended with ${code}`)
  for (const chunk of globSync('*.js', { cwd: folder })) escapeWide(join(folder, chunk))
  for (const script of globSync('*/*.ps1', { cwd: PROBES })) cpSync(join(PROBES, script), join(folder, 'probes', script))
  return join(folder, 'main.js')
}

/** One character beyond Latin-1 makes V8 keep a whole file with two bytes a character. Minified code has such characters in strings and patterns alone. */
function escapeWide(file: string): void {
  const text = readFileSync(file, 'utf8')
  writeFileSync(
    file,
    text.replace(/[\u0100-\uffff]/g, wide => `\\u${wide.charCodeAt(0).toString(16).padStart(4, '0')}`),
  )
}
