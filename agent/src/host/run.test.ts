import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { until } from '../../../test/kit/until.ts'
import { NotInstalled, TimedOut } from '../host.ts'
import { Denied } from '../probe.ts'
import { localHost } from './local.ts'
import { lookUp, runCommand, stuckProcesses } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'fettle-run-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Whether a process is there and no zombie; proc(5). */
function lives(pid: number): boolean {
  const status = `/proc/${pid}/status`
  return existsSync(status) && !/^State:\s+[ZX]/m.test(readFileSync(status, 'utf8'))
}

describe('a command', () => {
  it('gives back output, standard error and exit code apart, and a bad exit code is no error', async () => {
    const printed = await runCommand(['sh', '-c', 'echo told; echo grumbled >&2; exit 3'])
    expect(printed).toEqual({
      text: 'told\n',
      stderr: 'grumbled\n',
      code: 3,
      name: 'sh -c echo told; echo grumbled >&2; exit 3',
      modifiedAt: null,
    })
  })

  it('is run without a shell: what a shell would act on reaches it as it is', async () => {
    const printed = await runCommand(['echo', '$HOME', ';', 'id', '`id`', '*', '> /tmp/x'])
    expect(printed.text).toBe('$HOME ; id `id` * > /tmp/x\n')
  })

  it('has the fixed environment and nothing of the agent’s own', async () => {
    process.env.FETTLE_TEST_SECRET = 'hunter2'
    const printed = await runCommand(['env'], { env: { TZ: 'UTC' } })
    delete process.env.FETTLE_TEST_SECRET
    expect(
      Object.fromEntries(
        printed.text
          .trim()
          .split('\n')
          .map(line => line.split('=')),
      ),
    ).toEqual({
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin',
      LC_ALL: 'C',
      LANG: 'C',
      LANGUAGE: 'C',
      HOME: '/nonexistent',
      TERM: 'dumb',
      TZ: 'UTC',
    })
  })

  it('finds its standard input closed, or holding what was given', async () => {
    expect((await runCommand(['cat'])).text).toBe('')
    expect((await runCommand(['cat'], { input: 'given' })).text).toBe('given')
  })

  it('runs with the lowest priority', async () => {
    const printed = await runCommand(['sh', '-c', 'sleep 0.2; nice'])
    expect(printed.text.trim()).toBe('19')
  })
})

describe('a command that is not there', () => {
  it.each(['no-such-command-here', '', './run.ts', '../../bin/sh', '/usr/bin/no-such-command'])(
    '%j is told as not installed',
    async command => {
      await expect(runCommand([command])).rejects.toBeInstanceOf(NotInstalled)
    },
  )

  it('is not searched in the PATH of the agent', () => {
    const path = process.env.PATH
    writeFileSync(join(folder, 'planted'), '#!/bin/sh\n', { mode: 0o755 })
    process.env.PATH = `${folder}:${path}`
    const found = lookUp('planted')
    process.env.PATH = path
    expect(found).toBeUndefined()
  })
})

describe('a command past its deadline', () => {
  it('is killed with its children and grandchildren, and told as timed out', async () => {
    const pids = join(folder, 'pids')
    const script = `sh -c 'sleep 300 & echo $! >> ${pids}; sleep 300' & echo $! >> ${pids}; echo $$ >> ${pids}; wait`
    await expect(runCommand(['sh', '-c', script], { timeoutMs: 3_000 })).rejects.toBeInstanceOf(TimedOut)
    const started = readFileSync(pids, 'utf8').trim().split('\n').map(Number)
    expect(started).toHaveLength(3)
    await until(() => started.filter(lives).length === 0, 'the end of the whole group')
  })

  it('is killed although it is stopped and ignores every other signal', async () => {
    const pids = join(folder, 'stopped')
    const script = `trap '' TERM INT HUP; echo $$ > ${pids}; kill -STOP $$; sleep 300`
    await expect(runCommand(['sh', '-c', script], { timeoutMs: 2_000 })).rejects.toThrow(/did not end within 2000 ms/)
    await until(() => !lives(Number(readFileSync(pids, 'utf8'))), 'its end')
    expect(stuckProcesses()).toBe(0)
  })

  it('is judged by its own end, not by that of a grandchild which keeps its output open', async () => {
    const pids = join(folder, 'left')
    const printed = await runCommand(['sh', '-c', `echo done; sleep 300 & echo $! > ${pids}`], { timeoutMs: 20_000 })
    expect(printed).toMatchObject({ text: 'done\n', code: 0 })
    await until(() => !lives(Number(readFileSync(pids, 'utf8'))), 'its end')
  })

  it('is not waited for where a grandchild left the group and holds the output', async () => {
    const pids = join(folder, 'escaped')
    const printed = await runCommand(
      ['sh', '-c', `echo done; setsid sh -c 'echo $$ > ${pids}; exec sleep 300' & until [ -s ${pids} ]; do sleep 0.05; done`],
      {
        timeoutMs: 20_000,
      },
    )
    expect(printed).toMatchObject({ text: 'done\n', code: 0 })
    process.kill(Number(readFileSync(pids, 'utf8')), 'SIGKILL')
  })
})

describe('the output of a command', () => {
  it('over its cap makes the command fail rather than give a part of it, and ends the command', async () => {
    await expect(runCommand(['yes'], { maxBytes: 100_000 })).rejects.toThrow('yes printed more than 100000 bytes')
  })

  it('may be as long as the cap', async () => {
    expect((await runCommand(['head', '-c', '100000', '/dev/zero'], { maxBytes: 100_000 })).text).toHaveLength(100_000)
  })

  it('on standard error is cut, and is no failure', async () => {
    const printed = await runCommand(['sh', '-c', 'head -c 1000000 /dev/zero >&2; echo fine'])
    expect(printed).toMatchObject({ text: 'fine\n', code: 0 })
    expect(printed.stderr).toHaveLength(64 * 1024)
  })

  it('of a command that a signal ended is a failure', async () => {
    await expect(runCommand(['sh', '-c', 'echo half; kill -SEGV $$'])).rejects.toThrow(/was ended by SIGSEGV/)
  })
})

describe('a command of another user', () => {
  const isRoot = process.getuid?.() === 0

  it('runs with that user’s ids, home and no other groups, where the agent is root', async () => {
    const user = isRoot ? 'nobody' : userInfo().username
    const printed = await runCommand(['sh', '-c', 'id -un; id -G | wc -w'], { user })
    expect(printed.text.split('\n').slice(0, 1)).toEqual([user])
    if (isRoot) expect(printed.text.trim().split(/\s+/)[1]).toBe('1')
  })

  it('is denied with the way out, where the agent is not root', async () => {
    const asked = runCommand(['id'], { user: 'root' })
    if (isRoot) expect((await asked).text).toContain('uid=0(root)')
    else await expect(asked).rejects.toBeInstanceOf(Denied)
  })

  it('fails where the user does not exist', async () => {
    await expect(runCommand(['id'], { user: 'no-such-user' })).rejects.toThrow('Cannot run as no-such-user: no such user in /etc/passwd')
  })
})

describe('asking for the space of a file system', () => {
  it('gives the same answer through a child as in this process', async () => {
    const host = localHost()
    const [here, child] = await Promise.all([host.statfs('/proc', { local: true }), host.statfs('/proc')])
    expect(child).toEqual(here)
  })

  it('fails in words where there is no such path', async () => {
    await expect(localHost().statfs('/no/such/path')).rejects.toThrow(/\/no\/such\/path/)
    await expect(localHost().statfs('/no/such/path', { local: true })).rejects.toThrow(/\/no\/such\/path/)
  })
})
