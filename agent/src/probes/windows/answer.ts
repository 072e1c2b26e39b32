import { Absent, type Captured, Denied, Failed } from '../../probe.ts'
import { cut } from '../gather.ts'
import { type Properties, propertiesOf } from './properties.ts'

/** An object that a script made. */
export type Answer = { readonly [key: string]: unknown }

/** HRESULTs of WMI and of the system that say "you may not"; see "WMI Error Constants". */
const DENIED = new Set(['0x80041003', '0x80070005', '0x80041062', '0x80070522'])
/** … "there is no such thing": namespace, class, provider, not supported, object not found. */
const ABSENT = new Set(['0x8004100e', '0x80041010', '0x8004100c', '0x80041002', '0x80131577'])

const MODULE = 'See whether AppLocker, App Control or the execution policy keeps the module from being loaded.'
const BROKEN = 'Every Windows has this: see whether WMI works (`winmgmt /verifyrepository`).'
const ADMINISTRATOR = 'Run the agent as a service (LocalSystem).'

/** Whether a text is what one of our scripts made: an object that holds one of `keys`, or an error. */
export function isAnswer(text: string, ...keys: readonly string[]): boolean {
  if (!/^\s*\{/.test(text)) return false
  const head = text.slice(0, 4000)
  return [...keys, 'languageMode'].some(key => head.includes(`"${key}":`)) || /^\s*\{\s*"error"\s*:\s*\{/.test(head)
}

/**
 * What a script answered. Nothing at all is a failure: PowerShell that is blocked prints nothing. `always`: every Windows has what it asks for, so
 * that "there is no such class" tells of a broken repository of WMI and not of a machine without it.
 * @throws Denied, Absent (never with `always`), or Error with the HRESULT
 */
export function answerOf(captured: Captured, there?: 'always'): Answer {
  const text = captured.text.replace(/^\ufeff/, '').trim()
  if (text === '') throw new Error(blocked(captured))
  const value = parsed(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error('PowerShell answered something other than an object')
  const answer = value as Answer
  if (answer.languageMode !== undefined)
    throw new Denied(
      `PowerShell runs in ${cut(String(answer.languageMode), 60)} mode, in which nothing can be asked`,
      'Allow the signed scripts of the agent in AppLocker or App Control, or exclude its service account.',
    )
  try {
    raise(answer.error)
  } catch (error) {
    if (there === 'always' && error instanceof Absent) throw new Failed(error.message, BROKEN)
    throw error
  }
  return answer
}

function blocked({ stderr }: Captured): string {
  const said = cut(stderr, 200)
  return `PowerShell is blocked or its output is empty${said === '' ? '' : `: ${said}`}`
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error(`Cannot read what PowerShell answered: ${cut(text.slice(0, 2000), 120)}`)
  }
}

/** Throws what a script says went wrong. Does nothing where `error` is no error. */
export function raise(error: unknown): void {
  if (typeof error !== 'object' || error === null) return
  const { hr = '', msg = '', id = '', type = '' } = error as Record<string, unknown>
  // The CIM cmdlets put the code of WMI into the name of the error only.
  const code = (/HRESULT (0x[0-9a-f]{8})/i.exec(String(id))?.[1] ?? String(hr)).toLowerCase()
  const text = `${cut(String(msg), 300)}${code === '' ? '' : ` (${cut(code, 12)})`}`
  // The module is there, and something keeps it from being loaded; the type of this error is "command not found" too.
  if (/CouldNotAutoLoad/i.test(String(id))) throw new Failed(`the module could not be loaded: ${text}`, MODULE)
  if (/CommandNotFound/.test(`${id} ${type}`)) throw new Absent(`the module is not there: ${text}`)
  if (DENIED.has(code) || /UnauthorizedAccess|PermissionDenied/.test(`${id} ${type}`)) throw new Denied(text, ADMINISTRATOR)
  if (ABSENT.has(code)) throw new Absent(text)
  throw new Error(`Windows answered: ${text}`)
}

/** A part of an answer as a list of property sets; a part that failed raises, one that is missing is undefined. */
export function partOf(answer: Answer, key: string): Properties[] | undefined {
  const value = unwrapped(answer[key])
  if (value === undefined || value === null) return undefined
  const list = Array.isArray(value) ? value : [value]
  for (const one of list) if (typeof one === 'object' && one !== null && 'error' in one) raise((one as Answer).error)
  return list.filter(one => typeof one === 'object' && one !== null).map(propertiesOf)
}

/** Windows PowerShell 5.1 writes a list that came out of a block as `{"value":[…],"Count":n}`. */
function unwrapped(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('Count' in value) || !('value' in value)) return value
  return Array.isArray(value.value) ? value.value : value
}

/** The same, undefined also where the part failed: for what is only wanted besides. */
export function partIfThere(answer: Answer, key: string): Properties[] | undefined {
  try {
    return partOf(answer, key)
  } catch {
    return undefined
  }
}
