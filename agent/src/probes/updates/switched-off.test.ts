import { isSwitchedOff } from '@fettle/catalog'
import { describe, expect, test } from 'vitest'
import { updatesCheckStale, updatesLate, updatesSecurityLate } from '../../../../packages/catalog/src/subjects/updates/checks.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { input, looked, parsed, says } from '../../../../test/wrong-greens/see.ts'
import flatpak from './flatpak.ts'
import mas from './mas.ts'
import winget from './winget.ts'

const list = 'flatpak list --system --columns=application,version,branch,origin'
const unasked = [
  ['updates.winget.network', winget, machine()],
  ['updates.mas.ask', mas, machine({ files: { '/opt/homebrew/bin/mas': '' } })],
  ['updates.flatpak.askRemotes', flatpak, machine({ commands: { [list]: { text: 'org.gimp.GIMP\t2.10\tstable\tflathub\n' } } })],
] as const

/** One application waits; written from `winget list --details`. */
const waits = input('(1/1) Tool [Some.Tool]\nVersion: 1.0\nAvailable Upgrades:\n  winget [1.1]\n')

describe.each(unasked)('a tool that only knows by the network, and %s is not set', (setting, probe, m) => {
  test('is switched off, and says by which setting', async () => {
    const [fact] = Object.values(await looked(probe, hostOf(m)))

    expect(fact).toMatchObject({ outcome: 'absent', reason: expect.stringContaining(setting) })
    expect(isSwitchedOff({ outcome: 'absent', reason: (fact as { reason: string }).reason })).toBe(true)
  })

  test('is neither good news nor a fault: alone nothing is judged, beside another that one is', async () => {
    const off = await looked(probe, hostOf(m))
    const other = Object.values(parsed(winget, { details: waits }))[0]

    for (const check of [updatesLate, updatesSecurityLate, updatesCheckStale]) says(check, off, 'not-applicable')
    says(updatesCheckStale, { ...off, 'updates/other': other as object }, 'unknown')
  })
})
