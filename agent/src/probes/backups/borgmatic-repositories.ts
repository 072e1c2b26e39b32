import type { Captured } from '../../probe.ts'
import { type Json, objectOf, wordOf } from '../loose-json.ts'
import { type Archive, parseArchives, refusal } from './borg-archives.ts'
import { DID_NOT_RUN } from './gather.ts'
import { clip, destinationOf, Unanswered } from './job.ts'

/** A repository in the JSON of borgmatic: what borg said of it. */
export type Repository = {
  readonly id: string | null
  /** As borgmatic's configuration names it. */
  readonly label: string | null
  /** Without credentials. */
  readonly location: string | null
  readonly archives: readonly Archive[]
}

/** What borgmatic answered: the repositories that it could ask, and why it could not ask the others. */
export type Answer = { readonly repositories: readonly Repository[]; readonly refused: Unanswered | null }

/**
 * `borgmatic list --json`, `rlist`, `repo-list` and `info`: a list of what borg prints of each repository, with the `label` of its configuration. After an
 * error borgmatic ends with 1 and names nothing of what it could not ask, so the code counts beside the JSON.
 * @throws Unanswered where it asked none, Error where the text is nothing it prints
 */
export function parseRepositories(captured: Captured): Answer {
  const isBad = captured.code !== null && captured.code !== 0
  const text = jsonIn(captured.text)
  if (text === undefined) throw whyNot(captured)
  const list: unknown = parsed(text)
  if (!Array.isArray(list)) throw new Error('borgmatic printed no list of repositories')
  const repositories = list.map(repository)
  const refused =
    isBad || /^.{0,512}: Error running (actions for repository|configuration file)/m.test(captured.stderr) ? whyNot(captured) : null
  if (repositories.length === 0 && refused) throw refused
  return { repositories, refused }
}

/** Hooks of the configuration may print lines before. */
function jsonIn(text: string): string | undefined {
  const start = /^[ \t]{0,80}\[[ \t]{0,80}(?:\{|\]|\r?$)/m.exec(text)
  return start ? text.slice(start.index).trim() : undefined
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error('borgmatic printed JSON that is not whole')
  }
}

function repository(entry: unknown): Repository {
  const said = objectOf(entry)
  const about = objectOf(said?.repository)
  if (!said || !about) throw new Error('borgmatic printed a repository that is none')
  const location = wordOf(about.location)
  const label = wordOf(about.label)
  return {
    id: wordOf(about.id) ?? null,
    label: label === undefined ? null : clip(label, 64),
    location: location === undefined ? null : destinationOf(location),
    archives: archivesOf(said),
  }
}

function archivesOf(said: Json): Archive[] {
  if (said.archives === undefined) throw new Unanswered('borgmatic listed no archives: this output is about the repositories alone')
  const text = JSON.stringify({ archives: said.archives })
  return parseArchives({ text, stderr: '', code: 0, name: '', modifiedAt: null }, null)
}

/** Lines of which each says more than that something went wrong. */
const OWN = /No valid configuration files found|Error parsing configuration file|unrecognized arguments|invalid choice|Permission denied/

function whyNot(captured: Captured): Unanswered {
  if (captured.code === DID_NOT_RUN) return new Unanswered(captured.stderr || 'borgmatic did not run')
  const said = `${captured.stderr}\n${captured.text}`.slice(0, 64 * 1024)
  const lines = said.split('\n').map(line => line.slice(0, 2000).trim())
  const own = lines.find(line => OWN.test(line))
  if (own) return new Unanswered(`borgmatic: ${own.slice(0, 300)}`, 'Run borgmatic config validate as the user whose backups these are.')
  // borg's own words stand between those of hooks and of borgmatic.
  const known = refusal({ ...captured, text: lines.filter(line => !line.startsWith('Command ')).join('\n'), stderr: '' }, null)
  if (known.hint !== null) return known
  const line = lines.find(one => /\b(error|failed|cannot|refused|timed? ?out)\b/i.test(one)) ?? lines.find(one => one !== '')
  if (line) return new Unanswered(`borgmatic: ${line.slice(0, 300)}`)
  return new Unanswered(captured.code === null ? 'borgmatic printed nothing' : `borgmatic ended with ${captured.code} and printed nothing`)
}
