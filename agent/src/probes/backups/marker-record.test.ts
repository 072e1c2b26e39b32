import { execFile, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readConfig } from '@fettle/kit'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { localHost } from '../../host/local.ts'
import { runProbe } from '../../runner.ts'
import type { Job } from './job.ts'
import marker from './marker.ts'

const folder = mkdtempSync(join(tmpdir(), 'fettle-record-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const record = fileURLToPath(new URL('../../../../deploy/linux/backups/record', import.meta.url))
const env = { PATH: '/usr/bin:/bin', HOME: '/nonexistent', RCLONE_CONFIG: '/dev/null' }
let here: string
let made = 0
beforeEach(() => {
  here = join(folder, `${++made}`)
  mkdirSync(join(here, 'src'), { recursive: true })
  writeFileSync(join(here, 'src/a'), 'a')
})

/** The script that is shipped, around a real tool. */
function run(...argv: string[]): Promise<number> {
  return new Promise(resolve =>
    execFile(record, [join(here, 'last.json'), ...argv], { env, cwd: here }, error => resolve(error ? Number(error.code) : 0)),
  )
}

async function look(tool: string): Promise<Job | undefined> {
  const text = JSON.stringify({ backups: { marker: [{ name: 'copy', path: join(here, 'last.json'), tool, every: '1d' }] } })
  const settings = { 'backups.marker': marker.setting ?? never() }
  const options = readConfig(settings, { file: { path: 'agent.yaml', text }, env: {} }).values['backups.marker']
  const fact = await runProbe(marker, localHost(), options, 60_000)
  return (fact.data as { jobs: Job[] }).jobs[0]
}

function never(): never {
  throw new Error('the probe has no setting')
}

describe.each([
  ['rsync', ['rsync', '-a', 'src/', 'copy/'], ['rsync', '-a', 'gone/', 'copy/']],
  ['rclone', ['rclone', 'copy', 'src', 'copy'], ['rclone', 'copy', 'gone', 'copy']],
] as const)('a record around a real %s', (tool, good, bad) => {
  test('tells the last good run, and after a failure both', async () => {
    const before = Date.now()
    expect(await run(...good)).toBe(0)
    expect(readFileSync(join(here, 'copy/a'), 'utf8')).toBe('a')
    const first = await look(tool)
    expect(first).toMatchObject({ tool, standing: 'known', lastResult: 'success', expectedEveryMs: 86_400_000, warnings: [] })
    expect(Math.abs((first?.lastSuccessAt ?? 0) - before)).toBeLessThan(60_000)

    expect(await run(...bad)).toBeGreaterThan(0)
    const second = await look(tool)
    expect(second).toMatchObject({ standing: 'known', lastResult: 'failed', lastSuccessAt: first?.lastSuccessAt })
    expect(second?.warnings[0]).toMatch(/^it ended with \d+$/)
  })
})

test('a run that never went well has never backed up', async () => {
  await run('false')
  expect(await look('rsync')).toMatchObject({ lastResult: 'failed', lastSuccessAt: null })
})

test('while it runs, and when it was killed, the record says that it runs and when it last went well', async () => {
  await run('true')
  const child = spawn(record, [join(here, 'last.json'), 'sh', '-c', 'echo on; exec sleep 60'], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  })
  await new Promise(resolve => child.stdout.once('data', resolve))
  const running = await look('rsync')
  process.kill(-(child.pid ?? never()), 'SIGKILL')
  await new Promise(resolve => child.once('exit', resolve))
  expect(running).toMatchObject({ lastResult: 'running', runningSince: expect.any(Number), lastSuccessAt: expect.any(Number) })
  expect(await look('rsync')).toMatchObject({ lastResult: 'running' })
})

test.each([
  [24, 'warnings'],
  [23, 'failed'],
])('rsync that ended with %d is told as %s', async (code, lastResult) => {
  await run('sh', '-c', `exit ${code}`)
  expect(await look('rsync')).toMatchObject({ lastResult })
})
