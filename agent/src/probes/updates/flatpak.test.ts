import { describe, expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { input, judge, testHardiness } from '../../../../test/kit/package-captures.ts'
import { Absent, SwitchedOff } from '../../probe.ts'
import flatpak from './flatpak.ts'

describe('flatpak', () => {
  test('the remotes are not asked unless the configuration says so', async () => {
    const list = 'flatpak list --system --columns=application,version,branch,origin'
    const m = machine({ commands: { [list]: { text: 'org.gimp.GIMP\t2.10\tstable\tflathub\n' } } })
    await expect(flatpak.read(hostOf(m), { askRemotes: false })).rejects.toThrow(SwitchedOff)
    expect(m.ran).toEqual([list])
    await expect(flatpak.read(hostOf(machine({ commands: { [list]: {} } })), { askRemotes: true })).rejects.toThrow(Absent)
  })

  test('its table is read with the installed versions', () => {
    const row = (version: string) => input(`org.gimp.GIMP\t${version}\tstable\tflathub\n`)
    expect(judge(flatpak, { updates: row('2.10.38'), installed: row('2.10.36') }).pending).toMatchObject([
      { name: 'org.gimp.GIMP//stable', installed: '2.10.36', candidate: '2.10.38', origin: 'flathub' },
    ])
    expect(() =>
      judge(flatpak, { updates: input('', { code: 1, stderr: 'error: Unable to load summary from remote flathub\n' }) }),
    ).toThrow(/summary/)
  })

  testHardiness(flatpak)
})
