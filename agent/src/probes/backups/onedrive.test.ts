import type { FactTypes } from '@fettle/catalog'
import { expect, test } from 'vitest'
import { factOf, survives } from '../../../../test/kit/hostile.ts'
import onedrive from './onedrive.ts'

// Written after Microsoft's "IT Admins - Use OneDrive policies" and public scripts that audit KfmFoldersProtectedNow: there is no Windows here.

type Fact = FactTypes['backups']
const held = { relative: '1001', account: 'Business1', protected: '3584', desktop: true, documents: true, pictures: true }
const answer = (accounts: object[], policy: object = { optIn: 'False', blocked: '' }, users = 1) =>
  JSON.stringify({ accounts, users, policy })
const read = (own: object = {}, policy?: object) => factOf<Fact>(onedrive, { answer: answer([{ ...held, ...own }], policy) }).jobs[0]

test('folders in OneDrive are a synchronized copy whose last success is not known', () => {
  expect(read()).toMatchObject({
    name: 'OneDrive of user 1001, Business1',
    kind: 'sync',
    standing: 'unknown',
    lastSuccessAt: null,
    warnings: [],
  })
})

test.each([
  [
    'nothing moved',
    { protected: '0', desktop: false, documents: false, pictures: false },
    ['not in OneDrive: Desktop, Documents, Pictures'],
  ],
  ['one by its bit', { protected: '1536' }, ['not in OneDrive: Pictures']],
  ['one by its path, whatever the bit says', { documents: false }, ['not in OneDrive: Documents']],
  ['bits only', { desktop: null, documents: null, pictures: null }, []],
  ['paths only', { protected: null }, []],
  [
    'nothing told',
    { protected: null, desktop: null, documents: null, pictures: null },
    ['whether they are in OneDrive is not told: Desktop, Documents, Pictures'],
  ],
])('%s', (_, own, warnings) => {
  expect(read(own)?.warnings).toEqual(warnings)
})

test('what policy wants is told beside', () => {
  expect(read({ pictures: false }, { optIn: 'True', blocked: '' })?.warnings).toEqual([
    'not in OneDrive: Pictures, although policy moves them there',
  ])
  expect(read({}, { optIn: 'False', blocked: '1' })?.warnings).toEqual(['policy keeps users from moving known folders to OneDrive'])
})

test('no account, or nobody logged in, is no copy', () => {
  expect(() => factOf(onedrive, { answer: answer([]) })).toThrow('no user that is logged in has set up OneDrive')
  expect(() => factOf(onedrive, { answer: answer([], {}, 0) })).toThrow(
    expect.objectContaining({ name: 'Absent', message: expect.stringContaining('no user is') }),
  )
})

test('any text gives a fact or an error', () => survives(onedrive, 'answer', [answer([held])]))
