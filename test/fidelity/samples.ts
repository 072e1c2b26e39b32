import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Samples } from './case.ts'

/** Where captures of other people's machines are kept: beside the checkout, never in it. */
export const SAMPLES = fileURLToPath(new URL('../../../shared/samples/', import.meta.url))

/** The samples of a folder with a MANIFEST.md; undefined where there is none. */
export async function openSamples(root: string): Promise<Samples | undefined> {
  if (!existsSync(join(root, 'MANIFEST.md'))) return undefined
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const files = entries.filter(entry => entry.isFile()).map(entry => relative(root, join(entry.parentPath, entry.name)))
  const readings = readingsOf(await readFile(join(root, 'MANIFEST.md'), 'utf8'))
  return { root, files: files.filter(file => file !== 'MANIFEST.md').sort(), reading: file => readings.get(file) ?? '' }
}

/** The last column of each row, by the first: the file. */
function readingsOf(manifest: string): Map<string, string> {
  const rows = manifest.split('\n').filter(line => line.startsWith('| '))
  return new Map(
    rows.map(row => {
      const cells = row.slice(2).split(' | ')
      return [cells[0]?.trim() ?? '', (cells.at(-1) ?? '').replace(/ \|\s*$/, '').trim()]
    }),
  )
}
