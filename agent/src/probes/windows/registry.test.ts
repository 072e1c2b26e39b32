import fc from 'fast-check'
import { expect, test } from 'vitest'
import { printed } from '../../../../test/kit/hostile.ts'
import { hostOf, machine } from '../../../../test/kit/machine.ts'
import { NotInstalled } from '../../host.ts'
import { queryKey, registryOf, registryValue } from './registry.ts'

const KEY = 'HKLM\\SOFTWARE\\Microsoft\\Office'
/** As reg.exe of a German Windows ends for a key that is not there and for one that may not be read alike, but for these words. */
const missing = { text: '', stderr: 'FEHLER: Der angegebene Registrierungsschlüssel bzw. Wert wurde nicht gefunden.\r\n', code: 1 }
const denied = { text: '', stderr: 'FEHLER: Zugriff verweigert\r\n', code: 1 }
const holding = (...children: string[]) => ({ text: children.map(child => `\r\nHKEY_LOCAL_MACHINE\\${child}`).join('') })
const asking = (answers: Record<string, object>) =>
  queryKey(
    hostOf(machine({ commands: Object.fromEntries(Object.entries(answers).map(([key, said]) => [`reg.exe query ${key} /reg:64`, said])) })),
    KEY,
  )

test('a key that is there is given', async () => {
  const text = '\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Office\r\n    a    REG_SZ    b\r\n'
  expect(registryValue(registryOf([await asking({ [KEY]: { text } })]), '\\office', 'A')).toBe('b')
})

test('a key that its parent does not list is not there', async () => {
  const above = { 'HKLM\\SOFTWARE\\Microsoft': holding('SOFTWARE\\Microsoft\\Windows', 'SOFTWARE\\Microsoft\\Office2') }
  expect(await asking({ [KEY]: missing, ...above })).toMatchObject({ text: '', code: 1 })
})

test('a key that its parent lists may not be read, in whatever language reg.exe says it', async () => {
  const above = { 'HKLM\\SOFTWARE\\Microsoft': holding('SOFTWARE\\Microsoft\\OFFICE') }
  await expect(asking({ [KEY]: denied, ...above })).rejects.toMatchObject({ name: 'Denied' })
})

test('where the parent is not there either, the one above it tells', async () => {
  const above = { 'HKLM\\SOFTWARE\\Microsoft': missing, 'HKLM\\SOFTWARE': holding('SOFTWARE\\Classes') }
  expect(await asking({ [KEY]: missing, ...above })).toMatchObject({ text: '', code: 1 })
})

test('a parent that may not be read hides nothing: the key below it is denied, not missing', async () => {
  const above = { 'HKLM\\SOFTWARE\\Microsoft': denied, 'HKLM\\SOFTWARE': holding('SOFTWARE\\Microsoft') }
  await expect(asking({ [KEY]: denied, ...above })).rejects.toMatchObject({ name: 'Denied' })
})

test('a registry of which nothing can be read tells nothing', async () => {
  const above = { 'HKLM\\SOFTWARE\\Microsoft': denied, 'HKLM\\SOFTWARE': denied, HKLM: denied }
  await expect(asking({ [KEY]: denied, ...above })).rejects.toThrow('Cannot tell whether the registry key')
})

test('a key of which a part may not be read is denied, not shorter', async () => {
  await expect(asking({ [KEY]: { ...denied, text: '\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Office\r\n' } })).rejects.toMatchObject({
    name: 'Denied',
  })
})

test('a machine that does not let reg.exe start denies it', async () => {
  const host = hostOf(machine({ commands: { [`reg.exe query ${KEY} /reg:64`]: new NotInstalled('reg.exe') } }))
  await expect(queryKey(host, KEY)).rejects.toMatchObject({ name: 'Denied' })
})

test('any text is a registry, soon', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 2000 }), text => {
      expect(registryOf([printed(text)]).size).toBeGreaterThanOrEqual(0)
    }),
  )
})
