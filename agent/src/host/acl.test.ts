import { expect, test } from 'vitest'
import { keepToOwner } from './acl.ts'

/** What whoami(1) of Windows prints with these options; written from its documentation. */
const WHOAMI = '"desktop-1\\anna","S-1-5-21-1085031214-1563985344-725345543-1001"\r\n'

test('a folder of Windows is left to its user, the system and the administrators, by identifiers that no language changes', async () => {
  const calls: (readonly string[])[] = []
  await keepToOwner('C:\\ProgramData\\Fettle', async (program, args) => {
    calls.push([program, ...args])
    return program === 'whoami.exe' ? WHOAMI : ''
  })
  expect(calls[1]).toEqual([
    'icacls.exe',
    'C:\\ProgramData\\Fettle',
    '/inheritance:r',
    '/grant:r',
    '*S-1-5-18:(OI)(CI)F',
    '*S-1-5-32-544:(OI)(CI)F',
    '*S-1-5-21-1085031214-1563985344-725345543-1001:(OI)(CI)F',
    '/q',
  ])
})

test('a service that runs as the system is named once', async () => {
  const calls: (readonly string[])[] = []
  await keepToOwner('C:\\Fettle', async (program, args) => {
    calls.push([program, ...args])
    return program === 'whoami.exe' ? '"nt authority\\system","S-1-5-18"\r\n' : ''
  })
  expect(calls[1]?.filter(arg => arg.startsWith('*S-1-5-18:'))).toHaveLength(1)
})

test('where the rights cannot be set nothing is kept there, and the way out is told', async () => {
  const refuse = async (program: string) => {
    if (program === 'icacls.exe') throw new Error('Access is denied.')
    return WHOAMI
  }
  await expect(keepToOwner('C:\\Fettle', refuse)).rejects.toThrow(
    /Cannot keep C:\\Fettle from other users: Access is denied\..*administrator/,
  )
})
