import { cut } from '../gather.ts'

const CHAIN = /^Chain ([\w.-]{1,64}) \((?:policy (ACCEPT|DROP)\b[^)]{0,60}|\d+ references?)\)$/
const HEAD = /^(num +)?pkts +bytes +target +prot +opt +in +out +source +destination$/
/** Counts, target, protocol, options, interfaces, addresses, and what the matches say. A rule without a target only counts. */
const ROW =
  /^\d+[KMGTP]? +\d+[KMGTP]? +(?:([\w.-]{1,64}) +)?(!?[a-z\d][\w.-]{0,15}) +(?:(--|-f|!f) +)?(\S{1,20}) +(\S{1,20}) +(\S{1,60}) +(\S{1,60})(?: +(.*))?$/
const ANYWHERE = /^(?:0\.0\.0\.0\/0|::\/0|anywhere)$/
const MOST_LINES = 100_000

/** Whether a text is a list that `iptables -L` prints for people. */
export function isListing(text: string): boolean {
  return /^Chain INPUT \(/m.test(text)
}

/**
 * `iptables -L -v`, with -n or --line-numbers, as rules in the words of iptables-save(8). Without -v it hides the interfaces that a rule is bound
 * to, so that "everything is let in" may be about loopback. @throws where interfaces are hidden, or a line cannot be read
 */
export function rulesOfListing(text: string): string {
  const rules: string[] = []
  let chain: string | undefined
  let numbered = false
  for (const raw of text.split('\n').slice(0, MOST_LINES)) {
    const line = raw.trim()
    const head = CHAIN.exec(line)
    if (head) {
      chain = head[1]
      rules.push(head[2] === undefined ? `:${chain} -` : `-P ${chain} ${head[2]}`)
    } else if (HEAD.test(line)) numbered = line.startsWith('num')
    else if (/^(num +)?target +prot /.test(line))
      throw new Error('Cannot judge `iptables -L`, which hides interfaces: wanted `iptables -L -v`, `iptables-save` or `iptables -S`')
    else if (chain !== undefined && line !== '') rules.push(...ruleOf(chain, numbered ? line.replace(/^\d+ +/, '') : line))
  }
  if (!text.endsWith('\n') || !rules.some(rule => rule.startsWith('-P FORWARD ')) || !rules.some(rule => rule.startsWith('-P OUTPUT ')))
    throw new Error('Cannot trust the list of rules: it stops before the end')
  return `${rules.join('\n')}\n`
}

function ruleOf(chain: string, line: string): string[] {
  const [row, target, protocol = '', , inside = '', outside = '', source = '', destination = '', said = ''] = ROW.exec(line) ?? []
  if (row === undefined) throw new Error(`Cannot read the rule ${cut(line, 120)}`)
  if (target === undefined) return []
  const jump = said.includes('[goto]') ? '-g' : '-j'
  const rest = said
    .replace(/\/\* [^*]{0,300} \*\//g, '')
    .replace('[goto]', '')
    .replace(target === 'REJECT' ? /reject-with \S+/ : /^$/, '')
    .replace(/(ctstate|state) (\S+)/g, '-m conntrack --ctstate $2')
    .trim()
  const conditions = [
    /^(all|0)$/.test(protocol) ? '' : `-p ${protocol}`,
    inside === '*' || inside === 'any' ? '' : `-i ${inside}`,
    outside === '*' || outside === 'any' ? '' : `-o ${outside}`,
    ANYWHERE.test(source) ? '' : `-s ${source}`,
    ANYWHERE.test(destination) ? '' : `-d ${destination}`,
    rest === '' || rest.startsWith('-m ') ? rest : `-m other ${rest.replace(/ -[jg] /g, ' ')}`,
  ]
  return [`-A ${[chain, ...conditions.filter(condition => condition !== ''), jump, target].join(' ')}`]
}
