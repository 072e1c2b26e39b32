import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
/** SPDX names of licences under which everything may be shipped together under Apache-2.0. */
const ALLOWED = new Set(['MIT', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', '0BSD', 'BlueOak-1.0.0', 'CC0-1.0', 'Unlicense'])

type Component = {
  name: string
  version: string
  purl?: string
  licenses?: { license?: { id?: string }; expression?: string }[]
  hashes?: { content: string }[]
}
let shipped: readonly Component[]
beforeAll(async () => {
  const { stdout } = await promisify(execFile)('npm', ['run', '-s', 'sbom'], { cwd: root, maxBuffer: 64 * 1024 * 1024 })
  const sbom = JSON.parse(stdout) as { bomFormat: string; components: Component[] }
  expect(sbom.bomFormat).toBe('CycloneDX')
  shipped = sbom.components.filter(({ purl }) => !purl?.includes('%40fettle%2F') && !purl?.includes('%40fettle/'))
})

test('the bill of materials names every library that is shipped, with version, package address and hash', () => {
  const names = shipped.map(({ name }) => name)
  for (const direct of ['ws', 'pino', 'valibot', 'yaml', 'systeminformation', 'fastify', 'ioredis', 'prom-client'])
    expect(names).toContain(direct)
  for (const { name, version, purl, hashes } of shipped) expect([version, purl, hashes?.length], name).not.toContain(undefined)
  expect(
    names.filter(name => ['vitest', 'playwright-core', 'typescript'].includes(name)),
    'what only tests use',
  ).toEqual([])
})

test('every library that is shipped has a licence that allows it', () => {
  const licencesOf = ({ licenses = [] }: Component) => licenses.map(({ license, expression }) => license?.id ?? expression ?? 'none')
  const strange = shipped.filter(component => {
    const licences = licencesOf(component)
    return licences.length === 0 || !licences.every(licence => ALLOWED.has(licence))
  })
  expect(strange.map(component => `${component.name}: ${licencesOf(component).join(', ')}`)).toEqual([])
})

test('the lockfile records no download addresses', () => {
  const lock = JSON.parse(readFileSync(`${root}package-lock.json`, 'utf8')) as {
    packages: Record<string, { resolved?: string; link?: boolean }>
  }
  expect(Object.entries(lock.packages).flatMap(([name, { resolved, link }]) => (resolved && !link ? [name] : []))).toEqual([])
})
