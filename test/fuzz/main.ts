import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import '../kit/readers.ts'
import { parsers } from './parsers.ts'
import { readers } from './readers.ts'
import { routes } from './routes.ts'
import { fuzz } from './run.ts'

/*
 * npm run fuzz -- [--seconds N] [--seed N] [--target WORD]: feeds everything that reads what others wrote with spoilt texts.
 * Exit codes: 0 nothing found, 1 something found, 2 wrong arguments.
 */
const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '300' }, seed: { type: 'string' }, target: { type: 'string', default: '' } },
})
const seconds = Number(values.seconds)
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(values.seed)
const http = await routes()
const targets = [...readers, http, ...parsers].filter(({ name }) => name.includes(values.target))
if (!(seconds > 0) || !Number.isInteger(seed) || targets.length === 0) {
  process.stderr.write(
    `Cannot fuzz: wanted --seconds above 0, --seed a whole number, --target a part of one of\n${[...readers, http, ...parsers].map(({ name }) => `  ${name}\n`).join('')}`,
  )
  process.exitCode = 2
} else {
  process.stdout.write(`${targets.length} targets for ${seconds} s with --seed ${seed}\n`)
  const { runs, found } = await fuzz(targets, { seconds, seed })
  process.stdout.write(`${runs} texts were read, ${found.length} found\n`)
  const folder = found.length > 0 ? mkdtempSync(join(tmpdir(), 'fettle-found-')) : ''
  for (const [i, { target, seed: own, text, why }] of found.entries()) {
    const file = join(folder, `${i}.txt`)
    writeFileSync(file, text)
    process.stdout.write(`\n${target}, seed ${own}, input in ${file}\n${why.split('\n').slice(0, 6).join('\n')}\n`)
  }
  process.exitCode = found.length > 0 ? 1 : 0
}
await http.close?.()
