import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { metrics, subjects } from '@fettle/catalog'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { probes } from '../agent/src/probes/index.ts'

const root = resolve(import.meta.dirname, '..')
const sources = globSync(['packages/*/src/**/*.ts', 'agent/src/**/*.ts', 'collector/src/**/*.ts'], { cwd: root })
  .filter(file => !file.endsWith('.test.ts') && !file.endsWith('.bench.ts'))
  .sort()

/** What a file imports, by static or dynamic import. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8')
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(match => match[1] ?? '')
}

/** Each file that imports something matching, as `file imports what`. */
function importing(files: readonly string[], forbidden: (imported: string, file: string) => boolean): string[] {
  return files.flatMap(file =>
    importsOf(file)
      .filter(imported => forbidden(imported, file))
      .map(imported => `${file} imports ${imported}`),
  )
}

/** A file without its comments. */
const code = (file: string) => readFileSync(join(root, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
const under = (folder: string) => sources.filter(file => file.startsWith(folder))

describe('who may import whom', () => {
  test('packages know nothing of agent and collector: they are what both stand on', () => {
    expect(importing(under('packages/'), imported => imported === '@fettle/agent' || imported === '@fettle/collector')).toEqual([])
  })

  test('agent and collector never import each other: all they share goes over the wire', () => {
    expect(importing(under('agent/'), imported => imported.startsWith('@fettle/collector'))).toEqual([])
    expect(importing(under('collector/'), imported => imported.startsWith('@fettle/agent'))).toEqual([])
  })

  test('no file reaches into another workspace past its face', () => {
    const workspaceOf = (file: string) => file.split('/src/')[0] ?? ''
    const strays = importing(sources, (imported, file) => {
      if (!imported.startsWith('.')) return /^@fettle\/\w+\//.test(imported)
      const target = relative(root, resolve(root, dirname(file), imported))
      return workspaceOf(target) !== workspaceOf(file) && !target.endsWith('package.json')
    })
    expect(strays).toEqual([])
  })

  test('the catalog does no I/O: it must judge a replayed machine as it judges a live one', () => {
    const pure = under('packages/catalog/')
    expect(importing(pure, imported => imported.startsWith('node:'))).toEqual([])
  })
})

describe('who may touch what', () => {
  test('only main.ts touches the process: everything behind it can be embedded and tested', () => {
    const allowed = (file: string) => file.endsWith('/main.ts') || file.startsWith('agent/src/host/')
    const touching = sources.filter(
      file => !allowed(file) && /\bprocess\.(env|argv|exit|exitCode|stdout|stderr|stdin|on|cwd)\b/.test(code(file)),
    )
    // signals.ts is handed the process by main.ts.
    expect(touching.filter(file => file !== 'packages/kit/src/signals.ts')).toEqual([])
  })

  test('main.ts stays under 20 lines: what is longer belongs behind it', () => {
    const mains = sources.filter(file => /^(agent|collector)\/src\/main\.ts$/.test(file))
    expect(mains).toHaveLength(2)
    for (const file of mains) expect(readFileSync(join(root, file), 'utf8').split('\n').length, file).toBeLessThan(20)
  })

  test('in the agent only host touches the machine: what goes another way is not captured, bounded or replayed', () => {
    const others = under('agent/').filter(file => !/^agent\/src\/host(\/|\.ts)/.test(file))
    expect(importing(others, imported => /^node:(fs|child_process|os)(\/|$)/.test(imported))).toEqual([])
  })

  test('in the collector only store/ speaks to a database', () => {
    const others = under('collector/').filter(file => !file.startsWith('collector/src/store/'))
    expect(importing(others, imported => imported === 'ioredis' || imported === 'node:sqlite')).toEqual([])
  })

  test('probes never log, time or call timers: the runner does, for all alike', () => {
    const touching = under('agent/src/probes/').filter(file =>
      /(?<![\w-])(console\.|setTimeout|setInterval|Date\.now|performance\.now)/.test(code(file)),
    )
    expect(touching).toEqual([])
  })
})

describe('every thing is in its list', () => {
  test("each probe file is in its system's list: one that is not listed does not exist", () => {
    const listed = new Set(probes.map(probe => `agent/src/probes/${probe.subject}/${probe.source}.ts`))
    const files = under('agent/src/probes/').filter(file => /export default defineProbe/.test(code(file)))
    expect(files.filter(file => !listed.has(file))).toEqual([])
    expect([...listed].filter(file => !existsSync(join(root, file)))).toEqual([])
  })

  test('each probe says what its fact cannot tell: CHECKS.md and SOURCES.md show it', () => {
    expect(probes.filter(({ blind }) => !blind).map(({ subject, source }) => `${subject}/${source}`)).toEqual([])
  })

  test('each probe has tests beside it', () => {
    const without = probes.filter(probe => !existsSync(join(root, `agent/src/probes/${probe.subject}/${probe.source}.test.ts`)))
    expect(without.map(probe => `${probe.subject}/${probe.source}`)).toEqual([])
  })

  test('each subject has facts, metrics and checks, a folder of its name, and someone who fills it', () => {
    for (const subject of subjects) {
      for (const part of ['facts', 'metrics', 'checks'])
        expect(existsSync(join(root, `packages/catalog/src/subjects/${subject.name}/${part}.ts`)), `${subject.name}/${part}.ts`).toBe(true)
      expect(subject.metrics.length, `metrics of ${subject.name}`).toBeGreaterThan(0)
      // An inventory is never judged: its library cannot tell a failure from "no such thing".
      if (subject.name !== 'hardware') expect(subject.checks.length, `checks of ${subject.name}`).toBeGreaterThan(0)
      expect(
        probes.some(probe => probe.subject === subject.name),
        `a probe for ${subject.name}`,
      ).toBe(true)
    }
  })

  test('each metric has a name of its own', () => {
    const names = metrics.map(metric => metric.name)
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([])
  })
})

describe('each check can be acted on', () => {
  const rules = parse(readFileSync(join(root, 'deploy/prometheus/rules.yml'), 'utf8')) as {
    groups: { rules: { alert?: string; expr: string }[] }[]
  }
  const ruleTests = parse(readFileSync(join(root, 'deploy/prometheus/rules.test.yml'), 'utf8')) as {
    tests: { alert_rule_test?: { alertname: string }[] }[]
  }
  const alerts = rules.groups.flatMap(group => group.rules).filter(rule => rule.alert)
  const tested = new Set(ruleTests.tests.flatMap(one => one.alert_rule_test ?? []).map(one => one.alertname))

  test.each(subjects.flatMap(subject => subject.checks.map(check => [check.name, check, subject.name] as const)))(
    '%s: thresholds, why, remedy, rule, rule test',
    (name, check, subject) => {
      expect(check.subject).toBe(subject)
      expect(check.why.length, 'why anyone should care').toBeGreaterThan(20)
      expect(check.remedy.length, 'what to do about it').toBeGreaterThan(10)
      expect(check.thresholds, 'thresholds').toBeDefined()
      const rule = alerts.find(one => one.expr.includes(`check="${name}"`))
      expect(rule?.alert, 'an alert rule that stands on it').toBeDefined()
      expect(tested.has(rule?.alert ?? ''), `a unit test of ${rule?.alert}`).toBe(true)
    },
  )
})
