import { linesOf } from '../lines.ts'
import type { Json } from '../loose-json.ts'

/** Whether a text is what storcli prints without `J`. */
export const isStorcliText = (text: string): boolean => /^(CLI Version|Controller) = /m.test(text) && /^Status = /m.test(text)

const VOLUME = /^((?:\d+|-)\/\d+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+\S+\s+\S+\s+\S+\s+[\d.]+ [KMGTP]?B(?:\s+(.*))?$/
const DRIVE = /^(\d*\s?:\d+)\s+\d+\s+(\S+)\s+(\S+)\s+([\d.]+ [KMGTP]?B)\s+(\S+)\s+(\S+)\s+\S+\s+\S+\s+\S+\s+(.+?)\s+\S(?:\s+\S+)?$/
const GONE = /^(\d+)\s.*\sDRIVE\s+(Msng|Missing)\b/i

/**
 * The tables of `storcli /call show` as the document of its JSON; see the StorCLI reference manual.
 * @throws Error on a row that cannot be read, or where a table does not end
 */
export function storcliDocument(text: string): Json {
  const controllers = text.split(/^(?=Controller = )/m).slice(/^Controller = /.test(text) ? 0 : 1)
  if (controllers.length === 0) throw new Error('Cannot find a controller in the text of storcli')
  return { Controllers: controllers.map(controllerOf) }
}

function controllerOf(text: string): Json {
  const value = (key: string) => new RegExp(`^${key} = (.*)$`, 'm').exec(text)?.[1]?.trim()
  const count = (key: string) => (value(key) === undefined ? {} : { [key]: value(key) })
  const volumes = tableOf(text, 'VD LIST').map(row => {
    const [, id, type, state, , consist, name] = VOLUME.exec(row) ?? []
    if (id === undefined) throw new Error(`Cannot read the volume of storcli: ${row.slice(0, 120)}`)
    return { 'DG/VD': id, TYPE: type, State: state, Consist: consist, ...(name ? { Name: name.trim() } : {}) }
  })
  const drives = ['PD LIST', 'JBOD LIST']
    .flatMap(table => tableOf(text, table))
    .map(row => {
      const [, place, state, group, size, bus, media, model] = DRIVE.exec(row) ?? []
      if (place === undefined) throw new Error(`Cannot read the drive of storcli: ${row.slice(0, 120)}`)
      return { 'EID:Slt': place, State: state, DG: group, Size: size, Intf: bus, Med: media, Model: model }
    })
  const gone = tableOf(text, 'TOPOLOGY').flatMap(row => {
    const group = GONE.exec(row)?.[1]
    return group === undefined ? [] : [{ DG: group, Type: 'DRIVE', State: 'Msng' }]
  })
  return {
    'Command Status': { Controller: value('Controller'), Status: value('Status'), Description: value('Description') },
    'Response Data': {
      ...count('Virtual Drives'),
      ...count('Physical Drives'),
      'VD LIST': volumes,
      'PD LIST': drives,
      TOPOLOGY: gone,
    },
  }
}

/** Rows between the second and the third line of dashes under a heading; none where there is no such table. */
function tableOf(text: string, heading: string): string[] {
  const lines = linesOf(text)
  const at = lines.findIndex(line => line.trim() === `${heading} :`)
  if (at < 0) return []
  const dashes = lines.flatMap((line, index) => (index > at && /^-{10,}$/.test(line.trim()) ? [index] : []))
  const [, from, to] = dashes
  if (from === undefined || to === undefined) throw new Error(`Cannot read the table ${heading} of storcli: it does not end`)
  return lines.slice(from + 1, to).map(line => line.trim())
}
