import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { alwaysEnds, given, huge, outcomeOf } from '../../../../test/kit/parsed.ts'
import { TimedOut } from '../../host.ts'
import { Absent } from '../../probe.ts'
import probe, { parseSnaps } from './snap.ts'

// Written from the documentation of snapd ("Get started").
const list =
  'Name    Version    Rev    Tracking       Publisher   Notes\ncore22  20240731   1586   latest/stable  canonical*  base\nhello   2.10       42     latest/stable  canonical*  broken\n'
// Written from the source of snapd (client/client.go).
const down = {
  text: '',
  stderr:
    'error: cannot list snaps: cannot communicate with server: Get "http://localhost/v2/snaps": dial unix /run/snapd.socket: connect: no such file or directory\n',
  code: 1,
}
const command = 'snap list --color=never --unicode=never'

test('each line is a snap; a broken one is half installed', () => {
  expect(parseSnaps({ list: given(list, { code: 0 }) })).toMatchObject({
    packages: [{ name: 'core22', version: '20240731', origin: 'canonical' }, { name: 'hello' }],
    broken: ['hello'],
    unseen: null,
  })
})

test('with its socket snapd is asked', async () => {
  const files = { '/var/lib/snapd/snaps/hello_42.snap': '', '/run/snapd.socket': '' }
  expect(await probe.read(hostOf(machine({ files, commands: { [command]: { text: list } } })), undefined)).toMatchObject({ total: 2 })
})

test('without its socket snap is not run, which would wait for it: the files tell the names', async () => {
  const files = {
    '/var/lib/snapd/snaps/core22_1586.snap': '',
    '/var/lib/snapd/snaps/core22_1621.snap': '',
    '/var/lib/snapd/snaps/hello_x1.snap': '',
  }
  const m = machine({ files, commands: { [command]: down } })
  const fact = await probe.read(hostOf(m), undefined)
  expect(m.ran).toEqual([])
  expect(fact).toMatchObject({
    packages: [
      { name: 'core22', version: null },
      { name: 'hello', version: null },
    ],
    total: 2,
    broken: null,
  })
})

test.each([
  ['that hangs', new TimedOut('snap list did not end')],
  ['that fails', down],
])('a snapd %s leaves the names of the files', async (_, answer) => {
  const files = { '/var/lib/snapd/snaps/hello_42.snap': '', '/run/snapd.socket': '' }
  expect(await probe.read(hostOf(machine({ files, commands: { [command]: answer } })), undefined)).toMatchObject({
    packages: [{ name: 'hello', version: null }],
  })
})

test('a machine without snapd, or with a snapd that holds nothing, is absent', async () => {
  await expect(probe.read(hostOf(machine()), undefined)).rejects.toThrow(Absent)
  const files = { '/var/lib/snapd/snaps/partial/x': '' }
  await expect(probe.read(hostOf(machine({ files, commands: { [command]: down } })), undefined)).rejects.toThrow(Absent)
  const none = given('', { code: 0, stderr: "No snaps are installed yet. Try 'snap install hello-world'.\n" })
  expect(outcomeOf(probe, { list: none })).toBeInstanceOf(Absent)
})

test('silence, half a line or an error without files is no list', () => {
  for (const text of ['', `${list}hal`, down.stderr]) expect(outcomeOf(probe, { list: given(text) })).not.toMatchObject({ outcome: 'ok' })
})

test('any text is a fact or an error', () => {
  alwaysEnds(probe, [list, 'core22_1586.snap\n'])
  for (const one of huge) expect(outcomeOf(probe, { list: given(one) })).toBeInstanceOf(Error)
})
