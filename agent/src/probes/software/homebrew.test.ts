import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { alwaysEnds, given, huge, outcomeOf } from '../../../../test/kit/parsed.ts'
import { Absent } from '../../probe.ts'
import probe, { parseHomebrew } from './homebrew.ts'

// Written from brew(1), `list --versions`.
const list = 'openssl@3 3.3.1 3.4.0\nwget 1.24.5\ngoogle-chrome 124.0.6367.119\n'

test('each version that is kept is told', () => {
  expect(parseHomebrew({ list: given(list, { code: 0 }) }).packages.map(({ name, version }) => `${name} ${version}`)).toEqual([
    'google-chrome 124.0.6367.119',
    'openssl@3 3.3.1',
    'openssl@3 3.4.0',
    'wget 1.24.5',
  ])
})

test('the folders tell, without running brew', async () => {
  const files = {
    '/opt/homebrew/Cellar/wget/1.24.5/bin/wget': '',
    '/opt/homebrew/Caskroom/firefox/.metadata/x': '',
    '/opt/homebrew/Caskroom/firefox/126.0/x': '',
  }
  const m = machine({ files })
  const fact = await probe.read(hostOf(m), undefined)
  expect(fact).toMatchObject({
    packages: [
      { name: 'firefox', version: '126.0' },
      { name: 'wget', version: '1.24.5' },
    ],
    unseen: null,
  })
  expect(m.ran).toEqual([])
})

test('a machine without it, or with nothing in it, is absent', async () => {
  await expect(probe.read(hostOf(machine()), undefined)).rejects.toThrow(Absent)
  expect(outcomeOf(probe, { list: given('', { code: 0 }) })).toBeInstanceOf(Absent)
})

test('an error, another text or silence is no list', () => {
  for (const text of ['', 'Error: Cowardly refusing to run as root']) expect(outcomeOf(probe, { list: given(text) })).toBeInstanceOf(Error)
  expect(outcomeOf(probe, { list: given(list, { code: 1 }) })).toBeInstanceOf(Error)
})

test('any text is a fact or an error', () => {
  alwaysEnds(probe, [list])
  for (const one of huge) expect(outcomeOf(probe, { list: given(one) })).toBeInstanceOf(Error)
})
