import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { probes } from '../agent/src/probes/index.ts'
import { sourcesPage } from '../agent/src/sources.ts'
import { rendered } from '../packages/catalog/src/render/rendered.ts'

// Writes what is generated from the catalog and from the list of sources; with --check it only names what is stale, and fails.
const top = new URL('../', import.meta.url)
const check = process.argv.includes('--check')
const files = new Map([...rendered(probes), ['SOURCES.md', sourcesPage(probes)]])
const stale = [...files].filter(([path, text]) => text !== present(path))

for (const [path, text] of check ? [] : stale) {
  mkdirSync(dirname(new URL(path, top).pathname), { recursive: true })
  writeFileSync(new URL(path, top), text)
  console.log(`wrote ${path}`)
}
if (check && stale.length > 0) {
  console.error(`Generated files are stale: ${stale.map(([path]) => path).join(', ')}. Run \`npm run generate\` and commit them.`)
  process.exitCode = 1
}

function present(path: string): string | undefined {
  try {
    return readFileSync(new URL(path, top), 'utf8')
  } catch {
    return undefined
  }
}
