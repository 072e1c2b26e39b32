import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { alwaysEnds, given, huge, outcomeOf } from '../../../../test/kit/parsed.ts'
import { localHost } from '../../host/local.ts'
import { Absent } from '../../probe.ts'
import { runProbe } from '../../runner.ts'
import probe, { parseList } from './pacman.ts'

// Written from the manual page of pacman.
const list = 'bash 5.2.026-2\nzlib 1:1.3.1-2\n'

test('each line is a package', () => {
  expect(parseList({ list: given(list) })).toMatchObject({ total: 2, broken: [], packages: [{ version: expect.any(String) }, {}] })
})

test('half a line, another text, silence or an error is no list', () => {
  for (const text of ['', `${list}what is this`]) expect(outcomeOf(probe, { list: given(text) })).toBeInstanceOf(Error)
  expect(outcomeOf(probe, { list: given(list, { code: 1 }) })).toBeInstanceOf(Error)
})

test('more than the list has room for are counted', () => {
  const fact = parseList({ list: given(list.repeat(4000)) })
  expect([fact.total, fact.packages.length]).toEqual([8000, 6000])
})

test('a machine without it is absent; this one answers', async () => {
  await expect(probe.read(hostOf(machine()), undefined)).rejects.toThrow(Absent)
  expect(['ok', 'absent']).toContain((await runProbe(probe, localHost(), undefined, 0)).outcome)
})

test('any text is a fact or an error', () => {
  alwaysEnds(probe, [list])
  for (const one of huge) expect(outcomeOf(probe, { list: given(one) })).toBeInstanceOf(Error)
})
