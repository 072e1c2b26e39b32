import { execFileSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bundled } from './bench/bundle.ts'

const agent = fileURLToPath(new URL('../agent/src/', import.meta.url))
const scripts = globSync('*/*.ps1', { cwd: join(agent, 'probes') }).sort()
const made: string[] = []
let entry: string

beforeAll(() => {
  const folder = mkdtempSync(join(tmpdir(), 'entry-'))
  made.push(folder)
  entry = join(folder, 'main.ts')
  writeFileSync(entry, `export { loadScript } from ${JSON.stringify(join(agent, 'host/powershell.ts'))}\n`)
})
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true })
})

test('the program that takes stock stands beside the bundle, and tells what it tells from the sources', async () => {
  const main = await bundled(entry)
  made.push(dirname(main))
  const told = (program: string) => {
    const { cpu, bios } = JSON.parse(execFileSync(process.execPath, [program], { encoding: 'utf8' })) as Record<string, unknown>
    return { cpu, bios }
  }
  expect(told(join(dirname(main), 'inventory.js'))).toEqual(told(join(agent, 'host/inventory.ts')))
  expect(readFileSync(main, 'utf8')).not.toContain('dmidecode')
}, 60_000)

test('a bundle finds every PowerShell script that the sources have', async () => {
  const main = await bundled(entry)
  made.push(dirname(main))
  const { loadScript } = (await import(pathToFileURL(main).href)) as { loadScript(name: string): Promise<string> }
  expect(scripts.length).toBeGreaterThan(10)
  for (const script of scripts) {
    expect(await loadScript(script.replace(/\.ps1$/, '')), script).toBe(readFileSync(join(agent, 'probes', script), 'utf8'))
  }
}, 60_000)
