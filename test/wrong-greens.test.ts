import { describe, expect, test } from 'vitest'
import { backupsGreens } from './wrong-greens/backups.ts'
import { hardwareGreens } from './wrong-greens/hardware.ts'
import { securityGreens } from './wrong-greens/security.ts'
import { updatesGreens } from './wrong-greens/updates.ts'

/**
 * Situations in which a naive reading is good news and the truth is not, found at others' software and numbered once and for all. Each goes through
 * the real parser where its source exists (else the fact that the source must give), the schema and the check.
 */
const all = [...updatesGreens, ...backupsGreens, ...hardwareGreens, ...securityGreens]

/** Numbers whose source does not exist yet, and which source that is: what is left to prove with it. */
const waiting: Readonly<Record<number, string>> = {
  8: 'updates/softwareupdate',
  9: 'firewall/socketfilterfw',
}
const NUMBERS = 46

describe('wrong greens', () => {
  for (const { title, see } of all) test(title, see)

  test('every number of the list is proved once, or waits for a source that is named', () => {
    const proved = all.map(({ title }) => Number(/^wrong green (\d+): .+ → .+$/.exec(title)?.[1]))
    expect(new Set(proved).size).toBe(proved.length)
    const known = [...proved, ...Object.keys(waiting).map(Number)].sort((a, b) => a - b)
    expect(known).toEqual(Array.from({ length: NUMBERS }, (_, index) => index + 1))
  })
})
