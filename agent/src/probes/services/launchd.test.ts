import { expect, test } from 'vitest'
import { parseLaunchd } from './launchd.ts'

const given = (text: string) => [{ text, stderr: '', code: null, name: '', modifiedAt: null }]
/** Written from launchctl(1): PID, last exit status (negative: the signal that ended it), label. */
const list = (...rows: readonly string[]) => given(`PID\tStatus\tLabel\n${rows.join('\n')}\n`)

test('a daemon of others that ended badly and does not run is told', () => {
  const rows = list(
    '-\t1\tcom.example.sync',
    '-\t-11\torg.example.agent',
    '88\t1\tcom.example.runs',
    '-\t0\tcom.example.done',
    '-\t-15\tcom.example.stopped',
    '-\t78\tcom.apple.something',
  )

  expect(parseLaunchd({ list: rows }).bad).toMatchObject([
    { name: 'com.example.sync', result: 'exit code 1' },
    { name: 'org.example.agent', result: 'SIGSEGV' },
  ])
})

test('an empty table, a cut row and an error are no healthy Mac', () => {
  for (const text of ['PID\tStatus\tLabel\n', 'PID\tStatus\tLabel\n-\t1\n', 'Could not find domain\n'])
    expect(() => parseLaunchd({ list: given(text) }), text).toThrow()
})
