import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import * as catalog from '@fettle/catalog'
import { describe, expect, test } from 'vitest'
import { cli as agentCli } from '../agent/src/cli.ts'
import { agentSettings } from '../agent/src/config.ts'
import { loadConfig, probes } from '../agent/src/index.ts'
import { keyOf } from '../agent/src/probe.ts'
import { cli as collectorCli } from '../collector/src/cli.ts'
import { settings as collectorSettings } from '../collector/src/config.ts'
import { readCollectorConfig } from '../collector/src/index.ts'

const root = resolve(import.meta.dirname, '..')
const names = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'RELIABILITY.md']
const documents = names.map(name => ({ name, text: readFileSync(join(root, name), 'utf8') }))
const sources = globSync('**/*.{ts,md,json,yml,service}', { cwd: root, exclude: path => path.startsWith('node_modules') })
const tracked = new Set(sources.map(path => basename(path)))
const folders = ['agent', 'collector', 'packages', 'test', 'deploy']
const keys = new Set(probes.map(keyOf))

/** A fenced block: its language and its lines. */
type Block = { readonly language: string; readonly text: string }

function blocksOf(text: string): Block[] {
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, language = '', body = '']) => ({ language, text: body }))
}

/** What stands in backticks outside fenced blocks. */
function quoted(text: string): string[] {
  const prose = text.replace(/^```[\s\S]*?^```$/gm, '')
  return [...prose.matchAll(/`([^`\n]+)`/g)].map(([, inside = '']) => inside)
}

/** Each quoted thing that fits, with its document. */
function quotations(fits: (inside: string) => boolean): string[][] {
  return documents.flatMap(({ name, text }) => [...new Set(quoted(text).filter(fits))].map(inside => [name, inside]))
}

const blocks = (language: string) =>
  documents.flatMap(({ name, text }) =>
    blocksOf(text)
      .filter(block => block.language === language)
      .map(block => [name, block.text] as const),
  )

/** GitHub's anchor of a heading. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')

describe('what is pointed at is there', () => {
  test.each(documents)('every link of $name leads to a file and a heading of it', ({ name, text }) => {
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https:\/\//.test(target)) continue
      const [path = '', anchor] = target.split('#')
      const file = path === '' ? name : path
      expect(existsSync(join(root, file)), target).toBe(true)
      if (anchor === undefined) continue
      const headings = [...readFileSync(join(root, file), 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => anchorOf(heading))
      expect(headings, target).toContain(anchor)
    }
  })

  test.each(quotations(inside => folders.some(folder => inside.startsWith(`${folder}/`)) && !keys.has(inside) && !/[<* ]/.test(inside)))(
    '%s names %s',
    (_, path = '') => {
      expect(existsSync(join(root, path))).toBe(true)
    },
  )

  test.each(quotations(inside => /^[\w.-]+\.(ts|md|json)$/.test(inside) && inside !== 'index.json'))(
    '%s names the file %s',
    (_, file = '') => {
      expect(tracked.has(file)).toBe(true)
    },
  )

  test('the tree of the architecture names files and folders that exist', () => {
    const [tree] = blocksOf(documents[1]?.text ?? '')
    const above: string[] = []
    for (const line of tree?.text.split('\n').filter(text => text.trim() !== '') ?? []) {
      const depth = (/^ */.exec(line)?.[0].length ?? 0) / 2
      const paths = (line.trim().split(/ {2,}/)[0] ?? '').split(' ')
      for (const path of paths) expect(existsSync(join(root, ...above.slice(0, depth), path)), path).toBe(true)
      above[depth] = paths[0] ?? ''
    }
  })
})

describe('what can be typed works', () => {
  const agent = async (argv: readonly string[]) => {
    let out = ''
    const print = { write: (text: string) => (out += text) }
    const code = await agentCli({ argv, env: {}, stdout: print, stderr: print })
    return { code, out }
  }
  const collector = async (argv: readonly string[]) => {
    let out = ''
    const print = { write: (text: string) => (out += text) }
    return { code: await collectorCli({ argv, env: {}, out: print, err: print, process }), out }
  }
  const lines = documents.flatMap(({ name, text }) => [
    ...blocksOf(text)
      .filter(({ language }) => language === 'sh')
      .flatMap(block => block.text.split('\n').flatMap(line => line.split(/; |&& /)))
      .map(line => [name, line.trim()]),
    ...quoted(text).map(line => [name, line]),
  ])
  const commands = lines.flatMap(([name, line]) => {
    const match = /^(?:sudo )?(?:npx )?fettle-(agent|collector)((?: [^|>]*)?)$/.exec(line ?? '')
    return match ? [[name, line, match[1], (match[2] ?? '').trim()] as const] : []
  })

  test.each(commands.filter(([, , , args]) => args !== ''))('%s: %s', async (_, _line, program, args) => {
    const [command = '', ...rest] = args.split(/\s+/)
    const { code, out } = await (program === 'agent' ? agent : collector)([command, '--help'])
    expect(code).toBe(0)
    for (const word of rest) {
      const option = /^--[a-z-]+/.exec(word)?.[0]
      if (option) expect(out).toMatch(new RegExp(`${option}(?![a-z-])`))
    }
    if (program === 'collector' && (command === 'token' || command === 'host')) expect(out).toMatch(new RegExp(`\\b${rest[0]}\\b`))
    // In capitals it stands for any.
    if (command === 'parse' && rest[0]?.includes('/') && rest[0] !== 'SUBJECT/SOURCE') expect(keys.has(rest[0])).toBe(true)
  })

  test('enough commands were found to believe that they are looked for rightly', () => {
    expect(commands.length).toBeGreaterThan(20)
  })

  const scripts = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }).scripts
  test.each(lines.flatMap(([name, line]) => [...(line ?? '').matchAll(/\bnpm (?:run )?([a-z]+)/g)].map(match => [name, match[1]])))(
    '%s: npm %s',
    (_, script = '') => {
      expect(['install', ...Object.keys(scripts)]).toContain(script)
    },
  )
})

describe('what can be configured is read by the real readers', () => {
  const yaml = blocks('yaml').map(([name, text]) => [name, text.split('\n')[0] ?? '', text] as const)

  test('every block says in its first line which file it is', () => {
    expect(yaml.map(([, title]) => title).sort()).toEqual(['# /etc/fettle/agent.yaml', '# /etc/fettle/collector.yaml', '# prometheus.yml'])
  })

  test.each(yaml.filter(([, title]) => title.endsWith('agent.yaml')))('%s: %s', async (_, _title, text) => {
    const file = { text, mode: 0o600, uid: 0 }
    const { config } = await loadConfig({ env: {}, uid: 0, readFile: () => Promise.resolve(file), probes })
    expect(config.role).toBe('server')
    for (const source of ['restic', 'borg', 'marker', 'systemd']) expect(config.options[`backups/${source}`], source).toHaveLength(1)
  })

  test.each(yaml.filter(([, title]) => title.endsWith('collector.yaml')))('%s: %s', (name, _, text) => {
    const { values } = readCollectorConfig({ path: name, text }, {})
    const checks = catalog.subjects.flatMap(subject => subject.checks.map(check => check.name))
    for (const { check } of values.thresholds) expect(checks).toContain(check)
  })

  test.each(yaml.filter(([, title]) => title.endsWith('prometheus.yml')))('%s: %s', (_, _title, text) => {
    const folder = mkdtempSync(join(tmpdir(), 'fettle-docs-'))
    try {
      copyFileSync(join(root, 'deploy/prometheus/rules.yml'), join(folder, 'rules.yml'))
      writeFileSync(join(folder, 'fettle.token'), 'id.secret')
      writeFileSync(join(folder, 'prometheus.yml'), text.replaceAll('/etc/prometheus/', `${folder}/`))
      const said = execFileSync('promtool', ['check', 'config', join(folder, 'prometheus.yml')], { encoding: 'utf8' })
      expect(said).toContain('is valid prometheus config')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('every variable of the environment is one that is read', () => {
    const known = [...Object.values(agentSettings(probes)), ...Object.values(collectorSettings)].flatMap(setting =>
      'env' in setting && setting.env ? [setting.env] : [],
    )
    const said = documents.flatMap(({ text }) => [...text.matchAll(/\bFETTLE_[A-Z_]+/g)].map(([variable]) => variable))
    expect(said.filter(variable => ![...known, 'FETTLE_AGENT_CONFIG', 'FETTLE_CONFIG'].includes(variable))).toEqual([])
  })

  test('every setting in dots is one of agent or collector', () => {
    const known = [...Object.keys(agentSettings(probes)), ...Object.keys(collectorSettings)]
    const dotted = quotations(inside => /^(tls|limits|log|collector)\.[a-zA-Z]+$/.test(inside)).map(([, path]) => path)
    expect(dotted.filter(path => !known.includes(path ?? ''))).toEqual([])
  })
})

describe('what is named is in the catalog', () => {
  const exported = Object.values(catalog).flatMap(value =>
    typeof value === 'object' && value !== null && 'name' in value ? [String(value.name)] : [],
  )
  const metrics = new Set([...catalog.metrics.map(metric => metric.name), ...exported])
  const checks = new Set(catalog.subjects.flatMap(subject => subject.checks.map(check => check.name)))
  const rules = readFileSync(join(root, 'deploy/prometheus/rules.yml'), 'utf8')

  test.each(quotations(inside => /^fettle_\w+$/.test(inside)))('%s: the metric %s', (_, metric = '') => {
    expect(metrics.has(metric)).toBe(true)
  })

  test.each(quotations(inside => catalog.subjects.some(({ name }) => inside.startsWith(`${name}-`)) && /^[a-z-]+$/.test(inside)))(
    '%s: the check %s',
    (_, check = '') => {
      expect(checks.has(check)).toBe(true)
    },
  )

  test.each(quotations(inside => /^Fettle[A-Z]\w+$/.test(inside)))('%s: the alert %s', (_, alert) => {
    expect(rules).toContain(`alert: ${alert}\n`)
  })

  /** Kind, components as folders and sources are named, and what it does: a verb. */
  const changelogLine = /^- \[(CHANGE|SECURITY|FEATURE|ENHANCEMENT|BUGFIX)\] [a-z][a-z0-9/-]*(, [a-z][a-z0-9/-]*)*: [a-z]/

  test('the changelog has a kind, a component and a verb in each line, and a reason for each dependency', () => {
    const [released = '', dependencies = ''] = (documents[4]?.text ?? '').split('### Dependencies')
    const entries = released.split('\n').filter(line => line.startsWith('- '))
    for (const entry of entries) expect(entry).toMatch(changelogLine)
    const used = globSync(['package.json', 'agent/package.json', 'collector/package.json', 'packages/*/package.json'], {
      cwd: root,
    }).flatMap(file => {
      const { dependencies = {}, devDependencies = {} } = JSON.parse(readFileSync(join(root, file), 'utf8')) as Record<
        string,
        object | undefined
      >
      return [...Object.keys(dependencies), ...Object.keys(devDependencies)].filter(name => !name.startsWith('@fettle/'))
    })
    expect([...new Set(used)].filter(name => !dependencies.includes(`\`${name}\``))).toEqual([])
  })

  test('the place of the measured table is there', () => {
    expect(documents[0]?.text).toMatch(/^<!-- bench:begin -->$[\s\S]+^<!-- bench:end -->$/m)
  })

  test('quoted code stands in the file that it is quoted from', () => {
    const all = globSync(['agent/src/probes/**/*.ts', 'packages/catalog/src/subjects/**/*.ts'], { cwd: root }).map(file =>
      readFileSync(join(root, file), 'utf8').replace(/\s+/g, ' '),
    )
    const [probe = '', check = '', , metric = ''] = blocks('ts').map(([, text]) => text)
    for (const text of [probe, check, metric]) {
      for (const piece of text.split('…').map(part => part.replace(/\s+/g, ' ').trim())) {
        expect(
          all.some(file => file.includes(piece)),
          piece,
        ).toBe(true)
      }
    }
  })
})
