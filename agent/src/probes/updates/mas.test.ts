import { expect, test } from 'vitest'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { runProbe } from '../../runner.ts'
import mas, { parseMas } from './mas.ts'

const given = (text: string, code: number | null = null) => [{ text, stderr: '', code, name: '', modifiedAt: null }]

test('JSON lines and the lines of older versions are read; both written from the documentation of mas', () => {
  const json = '{"adamID":409183694,"name":"Keynote","newVersion":"12.0","version":"11.0"}\n'
  const plain = '409183694 Keynote (11.0 -> 12.0)\n'

  for (const text of [json, plain]) {
    expect(parseMas({ outdated: given(text) }, 5).pending).toMatchObject([{ name: 'Keynote', installed: '11.0', candidate: '12.0' }])
  }
})

test('nothing means that nothing waits only where mas ended well', () => {
  expect(parseMas({ outdated: given('', 0) }, 5).pending).toEqual([])
  expect(() => parseMas({ outdated: given('') }, 5)).toThrow()
  expect(() => parseMas({ outdated: given('', 1) }, 5)).toThrow()
  expect(() => parseMas({ outdated: given('Error: Not signed in\n', 0) }, 5)).toThrow()
  expect(() => parseMas({ outdated: given('{"adamID":1', 0) }, 5)).toThrow()
})

test('it asks the network only where that is switched on', async () => {
  const mac = machine({ files: { '/opt/homebrew/bin/mas': '' } })

  expect((await runProbe(mas, hostOf(mac), { ask: false }, 0)).outcome).toBe('absent')
  expect(mac.ran).toEqual([])
})
