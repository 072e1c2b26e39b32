import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { alwaysEnds, given, huge, outcomeOf } from '../../../../test/kit/parsed.ts'
import { localHost } from '../../host/local.ts'
import { Absent } from '../../probe.ts'
import { runProbe } from '../../runner.ts'
import probe, { parseFlatpak } from './flatpak.ts'

// Written from flatpak-list(1).
const list = 'org.gnome.Calculator\t46.1\tx86_64\tflathub\norg.freedesktop.Platform\t\tx86_64\tflathub\n'
const seen = given('', { code: 0 })

test('each line is an application or runtime', () => {
  expect(parseFlatpak({ list: given(list, { code: 0 }), own: seen })).toMatchObject({
    packages: [
      { name: 'org.freedesktop.Platform', version: null, arch: 'x86_64', origin: 'flathub' },
      { name: 'org.gnome.Calculator', version: '46.1' },
    ],
    unseen: null,
  })
})

test('what flatpak lists for people is read too', () => {
  const told = parseFlatpak({ list: given('Calculator\torg.gnome.Calculator\t46.1\tstable\tsystem\n'), own: seen })
  expect(told.packages).toMatchObject([{ name: 'org.gnome.Calculator', version: '46.1', arch: null, origin: null }])
  expect(told.unseen).not.toBeNull()
})

test('what users have installed for themselves is told by name', () => {
  const own = given('com.teamviewer.TeamViewer\nsome text\n', { code: 0 })
  expect(parseFlatpak({ list: given('', { code: 0 }), own }).packages).toMatchObject([
    { name: 'com.teamviewer.TeamViewer', origin: 'of a user' },
  ])
})

test('what could not be looked for is not taken for absent', () => {
  const blind = given('', { code: 1 })
  expect(parseFlatpak({ list: given(list, { code: 0 }), own: blind }).unseen).toContain('users')
  expect(parseFlatpak({ list: given('', { code: 0 }), own: blind })).toMatchObject({ total: 0, unseen: expect.any(String) })
  expect(outcomeOf(probe, { list: given('', { code: 0 }), own: seen })).toBeInstanceOf(Absent)
})

test('an error, half a line or silence is no list', () => {
  const failed = [given('', { code: 1, stderr: 'error: Unable to open repository\n' }), given('x y z', { code: 0 }), given('')]
  for (const text of failed) expect(outcomeOf(probe, { list: text, own: seen })).toBeInstanceOf(Error)
})

test('a machine without it is absent; this one answers', async () => {
  await expect(probe.read(hostOf(machine()), undefined)).rejects.toThrow(Absent)
  expect(['ok', 'absent']).toContain((await runProbe(probe, localHost(), undefined, 0)).outcome)
})

test('any text is a fact or an error', () => {
  alwaysEnds(probe, [list])
  for (const one of huge) expect(outcomeOf(probe, { list: given(one) })).toBeInstanceOf(Error)
})
