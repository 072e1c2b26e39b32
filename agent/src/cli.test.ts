import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { cli } from './cli.ts'
import { commands } from './commands/index.ts'
import { type FakeCollector, startFakeCollector } from './fakes/collector.ts'
import { probes } from './probes/index.ts'

let folder: string
let collector: FakeCollector
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fettle-cli-'))
  collector = await startFakeCollector()
})
afterEach(async () => {
  await collector.stop()
  await rm(folder, { recursive: true })
})

async function call(argv: readonly string[], env: Record<string, string> = {}) {
  const out: string[] = []
  const err: string[] = []
  let stop = () => {}
  const stopped = new Promise<void>(resolve => {
    stop = resolve
  })
  const code = cli({
    argv,
    env: { FETTLE_DATA_DIR: join(folder, 'state'), HOME: folder, FETTLE_LOG_LEVEL: 'silent', ...env },
    stdout: { write: text => out.push(text) },
    stderr: { write: text => err.push(text) },
    untilStopped: async (_log, end) => {
      await stopped
      await end()
      return 0
    },
  })
  return { code, stop, text: () => out.join(''), errors: () => err.join('') }
}

async function ended(argv: readonly string[], env: Record<string, string> = {}) {
  const { code, text, errors } = await call(argv, env)
  return { code: await code, text: text(), errors: errors() }
}

describe('fettle-agent', () => {
  test.each(Object.keys(commands))('%s --help says how it is used, with examples', async name => {
    const { code, text } = await ended([name, '--help'])
    expect(code).toBe(0)
    expect(text).toContain(`Usage: fettle-agent ${name}`)
    expect(text).toContain('Examples:')
  })

  test.each([
    [['--help'], 0, /COMMAND/],
    [[], 0, /COMMAND/],
    [['--version'], 0, /^fettle-agent \d/],
    [['toString'], 64, /no command/],
    [['check', '--colour'], 64, /Unknown option/],
    [['parse', 'no/such', '/dev/null'], 64, /no source/],
    [['capture'], 64, /without one folder/],
    [['check', '--replay', '/no/such'], 3, /Cannot replay/],
  ] as const)('%o ends with %i', async (argv, code, told) => {
    const done = await ended(argv)
    expect(done.code).toBe(code)
    expect(done.text + done.errors).toMatch(told)
  })

  test('a wrong configuration ends with 78 and every mistake', async () => {
    const path = join(folder, 'agent.yaml')
    await writeFile(path, 'role: toaster\nnmae: x\n', { mode: 0o600 })
    const { code, errors } = await ended(['config'], { FETTLE_AGENT_CONFIG: path })
    expect(code).toBe(78)
    expect(errors).toMatch(/nmae[\s\S]*toaster/)
  })

  test('config tells where each value came from and hides the token', async () => {
    const { text } = await ended(['config'], { FETTLE_TOKEN: 'id.hunter2', FETTLE_ROLE: 'laptop' })
    expect(text).toContain('role = "laptop"  (environment FETTLE_ROLE)')
    expect(text).toContain('collector.token = (secret)')
    expect(text).not.toContain('hunter2')
  })

  test('parse --list names every source', async () => {
    const list = JSON.parse((await ended(['parse', '--list', '--json'])).text) as { key: string; inputs: object }[]
    expect(list.map(({ key }) => key)).toEqual(probes.map(probe => `${probe.subject}/${probe.source}`))
  })

  test('parse prints the outcome as JSON, absent ends with 0 and failed with 3', async () => {
    const path = join(folder, 'mdstat')
    await writeFile(path, 'Personalities : \nunused devices: <none>\n')
    const absent = await ended(['parse', 'raid/md', path])
    expect([absent.code, JSON.parse(absent.text)]).toEqual([0, { key: 'raid/md', outcome: 'absent', reason: expect.any(String) }])
    await writeFile(path, 'no such text')
    const failed = await ended(['parse', 'raid/md', path])
    expect([failed.code, JSON.parse(failed.text).outcome]).toEqual([3, 'failed'])
  })

  test('refresh without an agent says so', async () => {
    const { code, errors } = await ended(['refresh'])
    expect(code).toBe(3)
    expect(errors).toContain('no agent runs')
  })

  test('a machine is enrolled, runs, is refreshed and stops', async () => {
    const enrolled = await call([
      'enroll',
      '--collector',
      collector.url,
      '--token',
      'id.secret',
      '--instance',
      'web1',
      '--label',
      'site=berlin',
    ])
    const first = await collector.connection()
    const { enrol } = await first.nextOf('hello')
    expect(enrol).toMatchObject({ token: 'id.secret', instance: 'web1', labels: { site: 'berlin' } })
    await first.welcome()
    expect(await enrolled.code).toBe(0)
    expect((await stat(join(folder, 'state'))).mode & 0o777).toBe(0o700)
    expect((await stat(join(folder, 'state', 'key.pem'))).mode & 0o777).toBe(0o600)
    expect(await readFile(join(folder, 'state', 'collector.json'), 'utf8')).not.toContain('secret')

    const running = await call(['run'])
    const second = await collector.connection()
    expect((await second.nextOf('hello')).enrol).toBeUndefined()
    await second.welcome()
    const refreshing = await call(['refresh', 'usage', 'agent'])
    for (const seen = new Set<string>(); !seen.has('usage/proc') || !seen.has('agent/self'); ) {
      const report = await second.nextOf('report')
      seen.add(report.key)
      await second.send({ type: 'ack', seq: report.seq })
    }
    const answering = refreshing.code.then(code => ({ code }))
    let done: { code: number } | undefined
    while (!done) {
      done = await Promise.race([
        answering,
        second.nextOf('report').then(async ({ seq }) => second.send({ type: 'ack', seq }).then(() => undefined)),
      ])
    }
    expect(done.code).toBe(0)
    expect(refreshing.text()).toMatch(/looked at 2; .*usage\/proc, agent\/self|looked at 2; .*agent\/self, usage\/proc/)
    const again = await ended(['run'])
    expect([again.code, again.errors]).toEqual([1, expect.stringContaining('another agent already uses')])
    running.stop()
    expect(await running.code).toBe(0)
    expect((await readdir(join(folder, 'state'))).sort()).toEqual(['collector.json', 'key.pem', 'outbox'])
  })

  test('a refused enrolment keeps nothing and says what to do', async () => {
    const enrolling = await call(['enroll', '--collector', collector.url, '--token', 'no.no'])
    const connection = await collector.connection()
    await connection.nextOf('hello')
    connection.close(4401)
    expect(await enrolling.code).toBe(1)
    expect(enrolling.errors()).toContain('token create')
    expect(await readdir(join(folder, 'state'))).toEqual(['key.pem'])
  })
})
