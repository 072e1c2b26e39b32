import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { parseEnvironment } from './environment-file.ts'
import { runCommand } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'fettle-env-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('an environment file is read as systemd reads it', () => {
  const text = '# cloud\n;x\n\nexport AWS_ACCESS_KEY_ID=abc\nAWS_SECRET_ACCESS_KEY="a b=c"\nEMPTY=\n'
  expect(parseEnvironment(text, 'f')).toEqual({ AWS_ACCESS_KEY_ID: 'abc', AWS_SECRET_ACCESS_KEY: 'a b=c', EMPTY: '' })
})

test('a line that is no variable is named by its number and never shown', () => {
  expect(() => parseEnvironment('A=1\nhunter2\n', '/etc/x.env')).toThrow('Cannot use /etc/x.env: line 2 is not NAME=value')
})

test('a command gets the variables of its environment file, and a missing file fails the command', async () => {
  const path = join(folder, 'x.env')
  writeFileSync(path, 'FETTLE_PROOF=here\n')
  chmodSync(path, 0o600)
  expect((await runCommand(['printenv', 'FETTLE_PROOF'], { envFile: path })).text).toBe('here\n')
  await expect(runCommand(['true'], { envFile: join(folder, 'gone') })).rejects.toThrow('ENOENT')
})
