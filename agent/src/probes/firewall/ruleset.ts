/** What becomes of a packet that no rule names. `queue`: a program outside the kernel decides. */
export type Verdict = 'accept' | 'drop' | 'reject' | 'queue'
export type Family = 'ip' | 'ip6'

/** A new TCP connection from outside, over an interface where that is known. */
export type Packet = { readonly family: Family; readonly iif: string | null }

export type Judged = {
  readonly verdict: Verdict
  /** The chain that decided, as `family table chain`; null where no chain looks at incoming packets. */
  readonly chain: string | null
  /** The answer hangs on a table whose flags nft prints wrongly, so it may be asleep. */
  readonly doubtful: boolean
}

type Json = { readonly [key: string]: unknown }
type Chain = { readonly name: string; readonly hooked: boolean; readonly policy: Verdict; readonly rules: Json[][] }
type Table = { readonly family: string; readonly state: 'live' | 'doubtful' | 'dormant' }
type Outcome = Verdict | 'through'

/** Tables, chains and rules of `nft -j list ruleset`; see libnftables-json(5). */
export class Ruleset {
  readonly #chains: ReadonlyMap<string, Chain>
  readonly #tables: ReadonlyMap<string, Table>

  constructor(tables: ReadonlyMap<string, Table>, chains: ReadonlyMap<string, Chain>) {
    this.#tables = tables
    this.#chains = chains
  }

  /** Names of the tables, as `family table`. */
  get tables(): string[] {
    return [...this.#tables.keys()]
  }

  /**
   * What becomes of a packet that nothing names, over all base chains of the input hook: one that drops is enough. Rules with a condition
   * that this packet does not surely meet are passed over. @throws where a jump leads nowhere or in a circle
   */
  judge(packet: Packet): Judged {
    const sure = this.#over(packet, ['live'])
    if (sure.verdict !== 'accept') return { ...sure, doubtful: false }
    const perhaps = this.#over(packet, ['live', 'doubtful'])
    return perhaps.verdict === 'accept' ? { ...sure, doubtful: false } : { ...perhaps, doubtful: true }
  }

  #over(packet: Packet, states: readonly Table['state'][]): { verdict: Verdict; chain: string | null } {
    let seen: { verdict: Verdict; chain: string | null } = { verdict: 'accept', chain: null }
    for (const [name, chain] of this.#chains) {
      const table = this.#tables.get(tableOf(name))
      if (!chain.hooked || !table || !states.includes(table.state)) continue
      if (table.family !== packet.family && table.family !== 'inet') continue
      const outcome = this.#walk(name, packet, new Map())
      const verdict = outcome === 'through' ? chain.policy : outcome
      if (verdict === 'drop' || verdict === 'reject') return { verdict, chain: name }
      if (seen.chain === null || verdict === 'queue') seen = { verdict, chain: name }
    }
    return seen
  }

  #walk(name: string, packet: Packet, known: Map<string, Outcome | 'open'>): Outcome {
    const before = known.get(name)
    if (before === 'open') throw new Error(`Cannot follow the rules: chain ${name} leads to itself`)
    if (before) return before
    const chain = this.#chains.get(name)
    if (!chain) throw new Error(`Cannot follow the rules: a jump leads to ${name}, which is not there`)
    known.set(name, 'open')
    const outcome = this.#through(chain, packet, known)
    known.set(name, outcome)
    return outcome
  }

  #through(chain: Chain, packet: Packet, known: Map<string, Outcome | 'open'>): Outcome {
    for (const rule of chain.rules) {
      const decision = decide(rule, packet)
      if (!decision) continue
      if (decision.kind === 'return') return 'through'
      if (decision.kind === 'verdict') return decision.verdict
      const outcome = this.#walk(`${tableOf(chain.name)} ${decision.target}`, packet, known)
      if (outcome !== 'through' || decision.kind === 'goto') return outcome
    }
    return 'through'
  }
}

/** @throws where the text is no ruleset in JSON */
export function parseRuleset(text: string): Ruleset {
  const entries = read(text)
  const tables = new Map<string, Table>()
  const chains = new Map<string, Chain>()
  for (const { table, chain } of entries) {
    if (isRecord(table)) tables.set(`${table.family} ${table.name}`, { family: String(table.family), state: stateOf(table.flags) })
    if (isRecord(chain)) {
      const name = `${chain.family} ${chain.table} ${chain.name}`
      const hooked = chain.type === 'filter' && chain.hook === 'input'
      chains.set(name, { name, hooked, policy: chain.policy === 'drop' ? 'drop' : 'accept', rules: [] })
    }
  }
  refuseParts(entries, tables)
  for (const { rule } of entries) {
    if (!isRecord(rule)) continue
    const name = `${rule.family} ${rule.table} ${rule.chain}`
    const chain = chains.get(name)
    if (!chain || !Array.isArray(rule.expr)) throw new Error(`Cannot read the rules: one of chain ${name} has no chain or no expression`)
    chain.rules.push(rule.expr.map(expr => (isRecord(expr) ? expr : { unreadable: expr })))
  }
  return new Ruleset(tables, chains)
}

function read(text: string): Json[] {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    throw new Error('Cannot read the rules: wanted what `nft -j list ruleset` prints')
  }
  const entries = isRecord(parsed) ? parsed.nftables : undefined
  if (!Array.isArray(entries) || !entries.every(isRecord)) throw new Error('Cannot read the rules: the JSON has no list `nftables`')
  if (!entries.some(entry => 'metainfo' in entry)) throw new Error('Cannot read the rules: the JSON has no `metainfo`, so it is not whole')
  return entries
}

/** What `nft list set` and its like print is a part of a table without the table: its chains are elsewhere, and not "none". */
function refuseParts(entries: readonly Json[], tables: ReadonlyMap<string, Table>): void {
  for (const part of entries.flatMap(entry => Object.values(entry)).filter(isRecord)) {
    if (typeof part.table === 'string' && !tables.has(`${part.family} ${part.table}`))
      throw new Error('Cannot judge a part of the rules: wanted what `nft -j list ruleset` prints')
  }
}

/** nft 1.0.6 prints a word of its own in place of `dormant` or `owner`: then nobody knows. */
function stateOf(flags: unknown): Table['state'] {
  const words = flags === undefined || flags === null ? [] : [flags].flat()
  if (words.includes('dormant')) return 'dormant'
  return words.every(word => word === 'owner' || word === 'persist') ? 'live' : 'doubtful'
}

const tableOf = (chain: string): string => chain.split(' ').slice(0, 2).join(' ')

type Decision =
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  | { readonly kind: 'jump' | 'goto'; readonly target: string }
  | { readonly kind: 'return' }

/** Statements that neither decide nor ask. */
const passing = new Set(['counter', 'log', 'mangle', 'comment', 'notrack', 'set', 'dup', 'flow', 'ct helper', 'secmark', 'last'])
/** Targets of iptables extensions that let the packet go on. */
const passingTargets = new Set(['LOG', 'NFLOG', 'MARK', 'CONNMARK', 'AUDIT', 'TRACE', 'SET', 'CT', 'CLASSIFY', 'SECMARK', 'CONNSECMARK'])

/** What a rule does with the packet; undefined where it does not surely apply to it. */
function decide(rule: readonly Json[], packet: Packet): Decision | undefined {
  for (const expr of rule) {
    const [name = ''] = Object.keys(expr)
    const verdict = verdictOf(expr)
    if (verdict) return verdict
    if (passing.has(name)) continue
    const value = expr[name]
    if (name === 'xt' && isRecord(value)) {
      if (value.type === 'match' && value.name === 'comment') continue
      if (value.type !== 'target') return undefined
      if (value.name === 'REJECT') return { kind: 'verdict', verdict: 'reject' }
      if (value.name === 'NFQUEUE') return { kind: 'verdict', verdict: 'queue' }
      if (passingTargets.has(String(value.name))) continue
      return undefined
    }
    if (name === 'match' && isRecord(value)) {
      if (meets(value, packet)) continue
      return undefined
    }
    if (name !== 'vmap' || !isRecord(value)) return undefined
    const mapped = lookUp(value, packet)
    if (mapped) return mapped
  }
  return undefined
}

function verdictOf(expr: Json): Decision | undefined {
  for (const verdict of ['accept', 'drop', 'reject', 'queue'] as const) if (verdict in expr) return { kind: 'verdict', verdict }
  if ('return' in expr) return { kind: 'return' }
  for (const kind of ['jump', 'goto'] as const) {
    const to = expr[kind]
    if (isRecord(to)) return { kind, target: String(to.target) }
  }
  return undefined
}

function lookUp(map: Json, packet: Packet): Decision | undefined {
  const entries = isRecord(map.data) ? map.data.set : undefined
  if (!Array.isArray(entries)) return undefined
  for (const entry of entries) {
    const [key, verdict] = Array.isArray(entry) ? entry : []
    if (isRecord(verdict) && holds(map.key, key, packet)) return verdictOf(verdict)
  }
  return undefined
}

function meets(match: Json, packet: Packet): boolean {
  const held = holds(match.left, match.right, packet)
  return match.op === '!=' ? held === false : held === true
}

/** Whether the packet has the value; undefined where that cannot be said. */
function holds(left: unknown, right: unknown, packet: Packet): boolean | undefined {
  if (!isRecord(left)) return undefined
  if (isRecord(left.meta)) return holdsMeta(String(left.meta.key), right, packet)
  if (isRecord(left.ct)) {
    if (left.ct.key === 'state') return among(right, word => word === 'new')
    return left.ct.key === 'direction' ? among(right, word => word === 'original') : undefined
  }
  return isRecord(left.payload) ? holdsPayload(left.payload, right, packet) : undefined
}

function holdsMeta(key: string, right: unknown, { family, iif }: Packet): boolean | undefined {
  if (key === 'nfproto') return among(right, word => word === (family === 'ip' ? 'ipv4' : 'ipv6'))
  if (key === 'protocol') return among(right, word => word === family)
  if (key === 'l4proto') return among(right, isTcp)
  if (key !== 'iifname' && key !== 'iif') return undefined
  if (iif === null) return among(right, word => word === 'lo') ? false : undefined
  return among(right, word => typeof word === 'string' && (word === iif || (word.endsWith('*') && iif.startsWith(word.slice(0, -1)))))
}

function holdsPayload({ protocol, field }: Json, right: unknown, { family }: Packet): boolean | undefined {
  if (protocol === 'ip' || protocol === 'ip6') {
    if (protocol !== family) return false
    if (field === 'protocol' || field === 'nexthdr') return among(right, isTcp)
    return isRecord(right) && isRecord(right.prefix) && right.prefix.len === 0 ? true : undefined
  }
  const [from, to] = isRecord(right) && Array.isArray(right.range) ? right.range : []
  return typeof from === 'number' && from <= 1 && typeof to === 'number' && to >= 65_535 ? true : undefined
}

const isTcp = (word: unknown): boolean => word === 'tcp' || word === 6

/** Whether one of the values fits; undefined for a named set, whose elements are not listed. */
function among(right: unknown, fits: (value: unknown) => boolean): boolean | undefined {
  const values = isRecord(right) && Array.isArray(right.set) ? right.set : [right].flat()
  if (values.some(fits)) return true
  return values.some(value => typeof value === 'object' || (typeof value === 'string' && value.startsWith('@'))) ? undefined : false
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
