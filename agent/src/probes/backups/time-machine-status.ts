import { plistReader } from '../documents.ts'
import { cut } from '../gather.ts'
import { dictOf, dictsOf, flagIn, parsePlistDict, textIn, timeIn } from '../property-list.ts'

/** A status is some lines; anything as long as this is no status. */
const LONGEST = 100_000

/** What `tmutil status` tells: whether a backup runs now, to which destination, since when its state is what it is. Nothing of past backups. */
export type Running = { readonly running: boolean; readonly destination: string | null; readonly since: number | null }

/** The old-style property list of `tmutil status`; `Percent = "-1"` is idle. @throws where it is cut off or does not say whether a backup runs */
export function parseStatus(text: string): Running {
  if (text.length > LONGEST) throw new Error(`Cannot read a status of ${text.length} characters`)
  const start = text.indexOf('{')
  if (start < 0) throw new Error(`Cannot read what tmutil status printed: ${cut(text, 150) || 'nothing'}`)
  if ((text.match(/[{(]/g)?.length ?? 0) > 100) throw new Error('Cannot read a status that is nested so deeply')
  const status = dictOf(plistReader().parseOpenStep(text.slice(start)))
  const running = flagIn(status?.Running)
  if (!status || running === null) throw new Error('Cannot tell from the status whether a backup runs')
  return { running, destination: textIn(status.DestinationID), since: running ? timeIn(textIn(status.DateOfStateChange)) : null }
}

/** One destination of `tmutil destinationinfo`; without a mount point it is not attached now. */
export type Destination = { readonly id: string | null; readonly name: string; readonly kind: string | null; readonly mount: string | null }

/** Destinations as the property list of `tmutil destinationinfo -X` or its text for people tells them. @throws where neither can be read */
export function parseDestinations(text: string): Destination[] {
  if (/<plist[\s>]/.test(text)) {
    const list = parsePlistDict(text).Destinations
    if (!Array.isArray(list)) throw new Error('Cannot read destinations: the property list has none')
    return dictsOf(list).map(item => destination(key => textIn(item[key])))
  }
  if (/No destinations configured/i.test(text)) return []
  const blocks = text.split(/^[=>\s]*={10,}[^\n]*$/m).filter(block => /^ID\s+:/m.test(block))
  if (blocks.length === 0) throw new Error(`Cannot read destinations: ${cut(text, 150) || 'nothing was printed'}`)
  return blocks.map(block => {
    const field = (name: string) =>
      new RegExp(`^${name.replace('MountPoint', 'Mount Point')}\\s+: (.{1,500})$`, 'm').exec(block)?.[1]?.trim() ?? null
    return destination(field)
  })
}

function destination(field: (name: string) => string | null): Destination {
  const [id, name] = [field('ID'), field('Name')]
  if (id === null && name === null) throw new Error('Cannot read a destination without name and ID')
  return { id, name: name ?? id ?? '', kind: field('Kind'), mount: field('MountPoint') }
}

/** Time in the name of a backup, `2023-02-27-010853` or `….backup`: local time of the Mac that made it, told as such. Null for no such name. */
export function backupTime(text: string): number | null {
  if (text.length > 4_000 || !text.startsWith('/')) return null
  const last = [...text.matchAll(/(\d{4})-(\d\d)-(\d\d)-(\d\d)(\d\d)(\d\d)(?:\.backup)?\/?\s*$/gm)].at(-1)
  if (!last) return null
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = last.slice(1, 7).map(Number)
  const time = new Date(year, month - 1, day, hour, minute, second)
  return time.getMonth() === month - 1 && time.getDate() === day && hour < 24 && minute < 60 ? time.getTime() : null
}
