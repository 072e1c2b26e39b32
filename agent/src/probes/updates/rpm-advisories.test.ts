import { expect, test } from 'vitest'
import { parseAdvisories } from './rpm-advisories.ts'

const captured = (text: string) => ({ text, stderr: '', code: 0, name: 'dnf', modifiedAt: null })

test('a kind of advisory that nobody knows may be the word for security in another language', () => {
  const row = (kind: string) => `FEDORA-2026-1 ${kind} bash-5.2-1.fc43.x86_64\n`
  expect(parseAdvisories(captured(row('bugfix')), 0)).toMatchObject([{ class: 'quality' }])
  expect(() => parseAdvisories(captured(row('Sicherheit')), 0)).toThrow(Error)
})
