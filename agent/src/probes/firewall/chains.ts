/** What becomes of a new connection that no rule names. `null`: a rule decides whose condition cannot be judged here. */
export type Fate = 'drop' | 'reject' | 'accept' | null

type Rule = { readonly target: string; readonly goto: boolean; readonly applies: 'always' | 'nearly' | 'perhaps' }
export type Chains = { readonly policies: ReadonlyMap<string, Fate>; readonly rules: ReadonlyMap<string, readonly Rule[]> }

/** Targets after which the packet goes on; see iptables-extensions(8). */
const PASSING = new Set([
  'LOG',
  'NFLOG',
  'ULOG',
  'MARK',
  'CONNMARK',
  'AUDIT',
  'TRACE',
  'SET',
  'CT',
  'CLASSIFY',
  'SECMARK',
  'CONNSECMARK',
  'TCPMSS',
  'DSCP',
])
/** Most rules that are read. */
const MOST_RULES = 100_000

/** The filter table of `iptables-save` or `iptables -S`, iptables-save(8). Undefined where the text holds neither. @throws where it is cut off */
export function readRules(text: string): Chains | undefined {
  const saved = /^\*\w+\s*$/m.test(text)
  if (saved && !/^COMMIT\s*$/m.test(text)) throw new Error('Cannot read the rules: no COMMIT ends them, so they are cut off')
  const policies = new Map<string, Fate>()
  const rules = new Map<string, Rule[]>()
  let table = saved ? '' : 'filter'
  let read = 0
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1).trim()
    if (table !== 'filter') continue
    const [, , chain, policy] = /^(:|-P )([\w.-]{1,64}) (ACCEPT|DROP|-)(?:\s|$)/.exec(line) ?? []
    if (chain && policy) policies.set(chain, policy === 'DROP' ? 'drop' : policy === 'ACCEPT' ? 'accept' : null)
    const [, empty] = /^-N ([\w.-]{1,64})\s*$/.exec(line) ?? []
    if (empty) policies.set(empty, null)
    const [, to, what] = /^(?:\[\d+:\d+\] )?-A ([\w.-]{1,64})(.*)$/.exec(line) ?? []
    if (!to || what === undefined) continue
    if (++read > MOST_RULES) throw new Error(`Cannot judge more than ${MOST_RULES} rules`)
    const rule = ruleOf(what)
    const before = rules.get(to)
    if (rule && before) before.push(rule)
    else if (rule) rules.set(to, [rule])
  }
  return policies.has('INPUT') ? { policies, rules } : undefined
}

function ruleOf(text: string): Rule | undefined {
  const [, condition = '', how = '', target = ''] = /^(.*?) -([jg]) ([\w.-]{1,64})/.exec(text) ?? []
  if (target === '') return undefined
  return { target, goto: how === 'g', applies: appliesTo(condition) }
}

/** Comments and statistics are no conditions; loopback, and what belongs to a known connection, is never the stranger that is judged. */
function appliesTo(condition: string): Rule['applies'] {
  const bare = condition
    .replace(/-m comment --comment ("(?:[^"\\]|\\.){0,300}"|\S{1,300})/g, '')
    .replace(/-c \d+ \d+/g, '')
    .trim()
  if (bare === '') return 'always'
  const narrow = bare
    .replace(/-i (?!lo\b)\S{1,20}/g, '')
    .replace(/-m (?:state|conntrack) --(?:ct)?state \S{0,60}\bNEW\b\S{0,60}/g, '')
    .replace(/-p (?:tcp|all)\b/g, '')
    .replace(/-m tcp\b/g, '')
    .replace(/-s (?:0\.0\.0\.0\/0|::\/0)/g, '')
  return narrow.trim() === '' ? 'nearly' : 'perhaps'
}

/**
 * What becomes of a stranger at the end of INPUT. Rules with a condition are passed over, but for those that are about nothing but an interface:
 * who lets in all that comes by `eth0` may have let in everybody. @throws where jumps lead in a circle
 */
export function fateOf(chains: Chains): Fate {
  const through = walk(chains, 'INPUT', [])
  return through === 'through' ? (chains.policies.get('INPUT') ?? null) : through
}

function walk(chains: Chains, name: string, path: readonly string[]): Fate | 'through' {
  if (path.length > 32 || path.includes(name)) throw new Error(`Cannot follow the rules: chain ${name} leads to itself, or too deep`)
  for (const rule of chains.rules.get(name) ?? []) {
    if (rule.applies === 'nearly' && letsIn(chains, rule.target, [...path, name])) return null
    if (rule.applies !== 'always' || PASSING.has(rule.target)) continue
    if (rule.target === 'ACCEPT') return 'accept'
    if (rule.target === 'DROP') return 'drop'
    if (rule.target === 'REJECT') return 'reject'
    if (rule.target === 'RETURN') return 'through'
    if (!chains.policies.has(rule.target) && !chains.rules.has(rule.target)) return null
    const outcome = walk(chains, rule.target, [...path, name])
    if (outcome !== 'through' || rule.goto) return outcome
  }
  return 'through'
}

/** Whether a target lets in a stranger, by itself or at the end of the chain that it names; what cannot be followed may. */
function letsIn(chains: Chains, target: string, path: readonly string[]): boolean {
  if (target === 'ACCEPT') return true
  if (target === 'RETURN' || target === 'DROP' || target === 'REJECT' || PASSING.has(target)) return false
  if (!chains.policies.has(target) && !chains.rules.has(target)) return true
  const fate = walk(chains, target, path)
  return fate === 'accept' || fate === null
}
