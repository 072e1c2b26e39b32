import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { keyOf, type Probe } from '../../agent/src/probe.ts'
import { probes } from '../../agent/src/probes/index.ts'
import { given, outcomeOf } from '../kit/parsed.ts'
import { seeded } from './mutate.ts'
import { corpusOf, type Target } from './target.ts'

const root = join(import.meta.dirname, '../..')
const captured = globSync(['test/fixtures/hosts/*/*.txt', 'agent/src/probes/*/fixtures/*'], { cwd: root })
  .sort()
  .map(file => readFileSync(join(root, file), 'utf8'))
  .filter(text => text.length > 0 && text.length < 64 * 1024)
const rubbish = corpusOf('parse')

/** Texts that the tests beside a probe show it: what its tool prints. */
function shown({ subject, source }: Probe): string[] {
  const text = readFileSync(join(root, `agent/src/probes/${subject}/${source}.test.ts`), 'utf8')
  return [...text.matchAll(/`([^`$]{20,})`/g), ...text.matchAll(/'([^'\n]{40,})'/g)].map(([, one = '']) => one)
}

/** Every parser, by the inputs that it names. */
export const parsers: readonly Target[] = probes
  .filter(probe => Object.keys(probe.inputs).length > 0)
  .map(probe => {
    const own = shown(probe)
    return {
      name: `parse ${keyOf(probe)}`,
      // Its own words mostly; now and then what another tool prints.
      corpus: [...own, ...own, ...own, ...rubbish, ...captured.slice(0, Math.max(4, own.length))],
      read(text, random) {
        const { int, pick } = seeded(Math.floor(random() * 2 ** 32))
        const names = Object.keys(probe.inputs)
        const others = own.length > 0 ? own : rubbish
        const chosen = pick(names)
        const inputs = Object.fromEntries(
          names.filter(name => name === chosen || int(4) > 0).map(name => [name, given(name === chosen ? text : pick(others))]),
        )
        const outcome = outcomeOf(probe, inputs)
        if (outcome instanceof Error) {
          // A parser that falls over its own feet says nothing that helps anybody.
          if (outcome instanceof RangeError || outcome instanceof ReferenceError) throw outcome
          return
        }
        if ((outcome as { outcome?: string }).outcome !== 'ok')
          throw new Error(`the fact does not fit its schema: ${JSON.stringify(outcome).slice(0, 300)}`)
      },
    }
  })
