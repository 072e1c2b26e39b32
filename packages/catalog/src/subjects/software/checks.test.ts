import { judges } from '../../testing.ts'
import { softwareBroken } from './checks.ts'

const software = (broken: string[] | null) => ({ software: { packages: [], total: 5, broken } })

judges(softwareBroken, [
  ['all whole', software([]), 'ok'],
  ['not told', software(null), 'ok'],
  ['one half installed', software(['linux-image']), 'warning'],
  ['the database does not answer', { software: { outcome: 'failed' } }, 'unknown'],
])
