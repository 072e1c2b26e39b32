import * as v from 'valibot'
import type { Document } from 'yaml'
import { loadYaml, yamlReader } from './yaml.ts'

/** One setting: what reads it, what it is for. The same object renders `--help`, the reference page and the sample file. */
export type Setting<T = unknown> = {
  readonly schema: v.GenericSchema<unknown, T>
  /** What holds when nobody says anything; goes through the schema as well. */
  readonly default: unknown
  /** Environment variable that wins over the file; its text is read as YAML. */
  readonly env?: string
  readonly doc: string
  /** Shown in the sample file. */
  readonly example?: unknown
  /** Never printed. */
  readonly secret?: true
}
export type Settings = { readonly [path: string]: Setting }

/** Settings by dotted path, each as its schema gives it. */
export type Values<S extends Settings> = { readonly [P in keyof S]: v.InferOutput<S[P]['schema']> }

export type Config<S extends Settings> = {
  readonly values: Values<S>
  /** Where each value came from: `default`, `/etc/fettle/agent.yaml:3`, `environment FETTLE_DATA`. */
  readonly origins: { readonly [P in keyof S]: string }
}

/** Every mistake of a configuration at once. */
export class ConfigError extends Error {
  override name = 'ConfigError'
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(`Cannot use the configuration:\n${problems.map(problem => `  ${problem}`).join('\n')}`)
    this.problems = problems
  }
}

type Sources = {
  /** Text and path of the YAML file; left out where there is none. */
  readonly file?: { readonly path: string; readonly text: string } | undefined
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Loads what reading these sources takes: the reader of YAML, where there is a file or a value of the environment that is more than text. */
export async function prepareConfig(settings: Settings, { file, env }: Sources): Promise<void> {
  const structured = Object.values(settings).some(({ env: name, schema }) => {
    const text = name === undefined ? undefined : env[name]
    return text !== undefined && !v.is(schema, text)
  })
  if (file || structured) await loadYaml()
}

/** File, then environment over it; `prepareConfig` comes first. @throws ConfigError with every mistake: path, value, what was wanted */
export function readConfig<const S extends Settings>(settings: S, sources: Sources): Config<S> {
  const problems: string[] = []
  const file = readFile(settings, sources.file, problems)
  const values: Record<string, unknown> = {}
  const origins: Record<string, string> = {}
  for (const [path, setting] of Object.entries(settings)) {
    const given = pick(path, setting, file, sources.env)
    const result = v.safeParse(setting.schema, given.value)
    origins[path] = given.origin
    if (result.success) values[path] = result.output
    else problems.push(...result.issues.map(issue => problem(path, setting, given.origin, issue)))
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return { values: values as Values<S>, origins: origins as Config<S>['origins'] }
}

/** Text that may be left out in the file or empty in the environment. */
export const optionalText = v.nullable(
  v.pipe(
    v.string(),
    v.transform(text => (text === '' ? null : text)),
  ),
)

/** Most mistakes of a text that is no YAML: what follows comes of the first ones. */
const YAML_ERRORS = 10

type FileValues = Map<string, { readonly value: unknown; readonly origin: string }>

function readFile(settings: Settings, file: Sources['file'], problems: string[]): FileValues {
  const found: FileValues = new Map()
  if (!file) return found
  const { LineCounter, isMap, isScalar, parseDocument } = yamlReader()
  const lines = new LineCounter()
  const document = parseDocument(file.text, { lineCounter: lines, stringKeys: true })
  problems.push(
    ...document.errors
      .slice(0, YAML_ERRORS)
      .map(error => `${file.path}:${error.linePos?.[0].line ?? '?'}: no valid YAML: ${error.message.split('\n')[0]?.slice(0, 200)}`),
  )
  if (document.errors.length > 0 || document.contents === null) return found
  const walk = (node: unknown, prefix: string): void => {
    // A section with every line commented out says nothing.
    if (prefix !== '' && (node === null || (isScalar(node) && node.value === null))) return
    if (!isMap(node)) {
      problems.push(`${file.path}: ${prefix.slice(0, -1) || 'the file'}: wanted a mapping of settings`)
      return
    }
    for (const pair of node.items) {
      const path = prefix + String(pair.key)
      const range = (pair.key as { range?: [number, number, number] }).range
      const origin = `${file.path}:${range ? lines.linePos(range[0]).line : '?'}`
      if (Object.hasOwn(settings, path)) found.set(path, { value: plain(pair.value, document), origin })
      else if (Object.keys(settings).some(known => known.startsWith(`${path}.`))) walk(pair.value, `${path}.`)
      else problems.push(`${origin}: ${path}: no such setting${nearest(path, Object.keys(settings))}`)
    }
  }
  try {
    walk(document.contents, '')
  } catch (error) {
    problems.push(`${file.path}: ${(error as Error).message}`)
  }
  return found
}

/** A node as plain data. @throws where aliases multiply beyond what a configuration needs */
function plain(node: unknown, document: Document): unknown {
  return yamlReader().isNode(node) ? node.toJS(document, { maxAliasCount: 100 }) : (node ?? null)
}

function pick(path: string, setting: Setting, file: FileValues, env: Sources['env']): { value: unknown; origin: string } {
  const fromEnv = setting.env === undefined ? undefined : env[setting.env]
  if (fromEnv !== undefined) return { value: envValue(fromEnv, setting), origin: `environment ${setting.env}` }
  return file.get(path) ?? { value: setting.default, origin: 'default' }
}

/** Text stays text where the schema takes it as it is; else it is read as YAML, so that numbers, booleans and lists can be said. */
function envValue(text: string, setting: Setting): unknown {
  if (v.is(setting.schema, text)) return text
  const { parse } = yamlReader()
  try {
    return parse(text)
  } catch {
    return text
  }
}

function problem(path: string, setting: Setting, origin: string, issue: v.BaseIssue<unknown>): string {
  const inside = v.getDotPath(issue)
  const said = typeof issue.input === 'number' ? String(issue.input) : shownAs(issue.input)
  const shown = setting.secret ? '(secret)' : said?.slice(0, 120)
  const where = origin === 'default' ? '' : `${origin}: `
  return `${where}${path}${inside ? `.${inside}` : ''}: ${shown}: ${issue.message}`
}

/** An alias of YAML may stand for what it is part of. */
function shownAs(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    return 'a value that holds itself'
  }
}

function nearest(path: string, known: readonly string[]): string {
  const last = path.split('.').at(-1) ?? path
  const like = known.find(name => name.endsWith(last) || name.split('.').at(-1)?.startsWith(last.slice(0, 4)))
  return like ? `; did you mean ${like}?` : ''
}

/** The settings as text for `--help`. */
export function settingsHelp(settings: Settings): string {
  return Object.entries(settings)
    .map(([path, setting]) => {
      const fallback = setting.default === null || setting.default === undefined ? '' : ` (default ${JSON.stringify(setting.default)})`
      return `  ${path}${setting.env ? `  [${setting.env}]` : ''}\n      ${setting.doc}${fallback}`
    })
    .join('\n')
}

/** A sample file: every setting commented out, with its meaning. Taking the `#` off any of the lines gives valid YAML: a section is there once. */
export function sampleFile(settings: Settings): string {
  const sections = new Map<string, string[]>()
  for (const [path, setting] of Object.entries(settings)) {
    const [section = '', ...rest] = path.split('.')
    const name = rest.join('.')
    const body = yamlReader()
      .stringify({ [name || section]: setting.example ?? setting.default })
      .trimEnd()
      .split('\n')
    const about = `# ${setting.doc}${setting.env ? ` Environment: ${setting.env}.` : ''}`
    const indent = name ? '  ' : ''
    const lines = [`${indent}${about}`, ...body.map(line => `${indent}#${line}`)]
    sections.set(section, [...(sections.get(section) ?? (name ? [`${section}:`] : [])), ...lines])
  }
  return `${[...sections.values()].map(lines => lines.join('\n')).join('\n\n')}\n`
}

/** What is in force, a line a setting, secrets hidden: `path = value  (origin)`. */
export function describeConfig<S extends Settings>(settings: S, config: Config<S>): string {
  return Object.entries(settings)
    .map(([path, setting]) => {
      const value = config.values[path]
      const shown = setting.secret && value !== null ? '(secret)' : JSON.stringify(value)
      return `${path} = ${shown}  (${config.origins[path]})`
    })
    .join('\n')
}
