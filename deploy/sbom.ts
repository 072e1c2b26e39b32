import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

// Prints the bill of materials of what is shipped: CycloneDX by npm, without what only development needs. `npm sbom --omit=dev` would also leave out
// what this repository's tests and the programs need alike.
type Component = { readonly 'bom-ref': string }
type Sbom = {
  readonly components: readonly Component[]
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[]
}
type Lock = {
  readonly packages: { readonly [place: string]: { readonly version?: string; readonly dev?: boolean; readonly devOptional?: boolean } }
}

const cwd = fileURLToPath(new URL('..', import.meta.url))
const text = execFileSync('npm', ['sbom', '--sbom-format=cyclonedx'], {
  cwd,
  encoding: 'utf8',
  maxBuffer: 64 * 1024 * 1024,
  stdio: ['ignore', 'pipe', 'ignore'],
})
const all = JSON.parse(text) as Sbom
const lock = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')) as Lock
/** `name@version` of everything that is there for more than development and optional peers. */
const shipped = new Set(
  Object.entries(lock.packages).flatMap(([place, { version, dev, devOptional }]) =>
    dev || devOptional || place === '' ? [] : [`${place.replace(/^.*node_modules\//, '')}@${version}`],
  ),
)
const isShipped = (component: Component) => shipped.has(component['bom-ref'])
const components = all.components.filter(isShipped)
const left = new Set(all.components.filter(component => !isShipped(component)).map(component => component['bom-ref']))
const dependencies = all.dependencies
  .filter(({ ref }) => !left.has(ref))
  .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter(on => !left.has(on)) }))
process.stdout.write(`${JSON.stringify({ ...all, components, dependencies }, null, 2)}\n`)
