import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { printable } from '@fettle/kit'
import { closeCodes, readEnrolment } from '@fettle/protocol'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { ProtocolClient } from '../../test/kit/client.ts'
import { startTestCollector, type TestCollector } from '../../test/kit/collector.ts'
import { until } from '../../test/kit/until.ts'
import { cli } from './cli.ts'
import { readCollectorConfig, settings } from './config.ts'
import { VERSION } from './version.ts'

const clock = {
  synchronized: false,
  service: 'chronyd',
  enabled: true,
  reference: null,
  stratum: null,
  offsetSeconds: null,
  lastSyncAt: null,
}

let data: string
let collector: TestCollector | undefined
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'fettle-cli-'))
})
afterEach(async () => {
  await collector?.stop()
  collector = undefined
  await rm(data, { recursive: true, force: true })
})

/** Runs a command line as the process would. */
async function run(line: string | readonly string[], env: Record<string, string> = {}) {
  let out = ''
  let err = ''
  const code = await cli({
    argv: typeof line === 'string' ? line.split(' ').filter(Boolean) : line,
    env: { FETTLE_DATA: data, ...env },
    out: { write: (text: string) => (out += text) },
    err: { write: (text: string) => (err += text) },
    process,
  })
  return { code, out, err }
}

/** What a token was printed as. */
function enrolmentOf(out: string) {
  return readEnrolment(out.split('\n')[0] ?? '')
}

/** A file that FETTLE_CONFIG names. */
async function fileOf(text: string): Promise<{ FETTLE_CONFIG: string }> {
  const path = join(data, 'collector.yaml')
  await writeFile(path, text)
  return { FETTLE_CONFIG: path }
}

async function start(): Promise<TestCollector> {
  collector = await startTestCollector({ FETTLE_DATA: data })
  return collector
}

describe('help and wrong usage', () => {
  test.each(['', '--help', '-h', 'help'])('%j prints what there is', async line => {
    const { code, out, err } = await run(line)
    expect([code, err]).toEqual([0, ''])
    for (const command of ['run', 'token', 'host', 'config']) expect(out).toContain(`fettle-collector ${command}`)
  })

  test('the version is the package’s', async () => {
    expect(await run('--version')).toEqual({ code: 0, out: `${VERSION}\n`, err: '' })
  })

  test.each(['run', 'token', 'host', 'config'])('%s --help tells of it, and touches nothing', async command => {
    const { code, out } = await run(`${command} --help`)
    expect([code, await readdir(data)]).toEqual([0, []])
    expect(out).toContain(`fettle-collector ${command}`)
  })

  test.each<[string, RegExp]>([
    ['frobnicate', /there is no command "frobnicate"/],
    ['toString', /there is no command "toString"/],
    ['__proto__', /there is no command/],
    ['token', /^$/],
    ['host', /^$/],
    ['token steal', /there is no action "steal": wanted create, list, revoke/],
    ['host steal x', /there is no action "steal": wanted list, show, refresh, approve, deny, revoke, release, rename, remove/],
    ['host show', /which host\?/],
    ['token revoke', /which token\?/],
    ['token create --frob', /Unknown option '--frob'/],
    ['token create site=Lyon', /no place for "site=Lyon"/],
    ['token create --uses none', /--uses none: wanted a whole number from 1, or unlimited/],
    ['token create --uses 0', /--uses 0: wanted/],
    ['token create --label Lyon', /--label Lyon: wanted name=value/],
    ['token create --role king', /--role king: wanted server, desktop, laptop/],
    ['token create --api --approve', /--approve is for machines/],
    ['token create --expires soon', /--expires soon: wanted a duration like 24h or 90d, or never/],
    ['host list web', /no place for "web"/],
    ['host show web now', /no place for "now"/],
    ['config all', /no place for "all"/],
    ['run fast', /no place for "fast"/],
  ])('%s ends with 64 and in words, and touches nothing', async (line, told) => {
    const { code, err } = await run(line)
    expect([code, await readdir(data)]).toEqual([64, []])
    expect(err).toMatch(told)
  })
})

describe.each(['running', 'stopped'])('with a %s collector', state => {
  const ready = async () => {
    if (state === 'running') await start()
  }

  test('tokens are made, listed without their secrets, and revoked', async () => {
    await ready()
    const made = await run(['token', 'create', '--uses', '3', '--expires', '7d', '--label', 'site=Lyon', '--note', 'for \u001b[31mLyon'])
    expect([made.code, made.err]).toEqual([0, ''])
    const [text = ''] = made.out.split('\n')
    const { token, urls, server, pin } = enrolmentOf(made.out)
    const [id = '', secret = ''] = token.split('.')
    expect(token).toMatch(/^[0-9a-f]{16}\.[\w-]{32}$/)
    expect({ urls, pin }).toEqual({ urls: [state === 'running' ? collector?.agentUrl : 'ws://127.0.0.1:7300'], pin: null })
    expect(server).not.toBe('')
    expect(made.out).toMatch(/lets in 3 machines until 20\d\d-/)
    expect(made.out).toContain(`sudo fettle-agent enroll ${text}\n`)
    expect(made.out).toContain(`token revoke ${id}`)

    const api = await run('token create --api --role operator --expires never')
    expect(api.out).toMatch(/^[0-9a-f]{16}\.[\w-]{32}\n$/)

    const listed = await run('token list')
    expect(listed.out).toMatch(new RegExp(`${id} +enrol +3 `))
    expect(listed.out).toMatch(/api +operator +.*never/)
    expect(listed.out).not.toContain(secret)
    expect(listed.out).not.toContain('\u001b')
    const json = await run('token list --json')
    const shown = JSON.parse(json.out) as { id: string }[]
    expect(shown.find(one => one.id === id)).toMatchObject({ kind: 'enrol', usesLeft: 3, labels: { site: 'Lyon' } })
    expect(json.out).not.toMatch(/secret/i)

    expect(await run(`token revoke ${id}`)).toEqual({ code: 0, out: `Token ${id} is revoked.\n`, err: '' })
    expect((await run('token list')).out).not.toContain(id)
    expect(await run(`token revoke ${id}`)).toEqual({ code: 1, out: '', err: `fettle-collector token: no token has the id ${id}\n` })
  })

  test('the certificate authority is printed for those who need a file, and where there is none that is told', async () => {
    if (state === 'running') collector = await startTestCollector({ FETTLE_DATA: data, FETTLE_TLS_OWN: 'true' })
    const { code, out } = await run('authority', { FETTLE_TLS_OWN: 'true' })
    expect([code, out]).toEqual([0, expect.stringMatching(/^-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n$/)])
    const renewed = await run('authority renew --used-in 7d', { FETTLE_TLS_OWN: 'true' })
    expect([renewed.code, renewed.out.match(/BEGIN CERTIFICATE/g)]).toEqual([0, expect.objectContaining({ length: 2 })])
    expect((await run('authority renew', { FETTLE_TLS_OWN: 'true' })).err).toMatch(/the next one is used from/)
    await collector?.stop()
    collector = undefined
    expect(await run('authority')).toMatchObject({ code: 1, err: expect.stringContaining('there is none: set tls.own') })
  })

  test('machines get the role of their token, and wait where it says so', async () => {
    const here = await start()
    const { out } = await run('token create --role laptop --approve')
    expect(out).toContain('who comes by it waits for fettle-collector host approve')
    const client = new ProtocolClient()
    client.hello(await client.open(here.agentUrl), {
      enrol: { token: enrolmentOf(out).token, publicKey: client.publicKey, instance: 'lap1', labels: {} },
    })
    expect(await client.closed()).toBe(closeCodes.pending)
    expect(here.core.fleet.byInstance('lap1')).toMatchObject({ role: 'laptop', meta: { standing: { state: 'pending' } } })
  })

  test('wishes that cannot be are refused in words, with the words of the API', async () => {
    await ready()
    expect(await run('token create --api --role king')).toMatchObject({
      code: 1,
      err: expect.stringContaining('role: wanted one of viewer, operator, admin'),
    })
    expect(await run('token create --label Si-te=x')).toMatchObject({ code: 1, err: expect.stringMatching(/labels/) })
    expect((await run('token revoke nonsense')).code).toBe(1)
    expect((await run('token list')).out).toBe('There are no tokens.\n')
  })

  test('hosts are listed, shown and removed', async () => {
    const here = await start()
    const client = new ProtocolClient()
    await client.join(here.agentUrl, await here.token())
    client.send(client.report(1, 'clock/chrony', clock))
    client.send(client.report(2, 'raid/md', undefined, { outcome: 'failed', reason: 'bad\u001b[2J\u202ething' }))
    await client.next('ack', frame => frame.type === 'ack' && frame.seq === 2)
    await until(async () => (await here.core.fleet.byId(client.hostId))?.findings.size, 'the findings')
    if (state === 'stopped') await here.stop()

    const list = await run('host list')
    expect([list.code, list.err]).toEqual([0, ''])
    expect(list.out).toMatch(/^HOST +WORST +SEEN/)
    expect(list.out).toMatch(/^host-under-test /m)
    expect(JSON.parse((await run('host list --json')).out)).toMatchObject([{ instance: 'host-under-test' }])
    expect((await run('host list --status ok')).out).toBe('There are no hosts.\n')
    expect((await run('host list --status bad')).err).toContain('status: wanted one of')

    const show = await run('host show host-under-test')
    expect(show.out).toMatch(/clock\/chrony +ok/)
    expect(show.out).toMatch(/raid\/md +failed/)
    expect(show.out.replaceAll('\n', '')).toBe(printable(show.out.replaceAll('\n', '')))
    expect(JSON.parse((await run('host show host-under-test --json')).out)).toMatchObject({ hostId: client.hostId })
    expect(await run('host show nobody')).toEqual({ code: 1, out: '', err: 'fettle-collector host: no host is called "nobody"\n' })

    expect(await run('host remove host-under-test')).toMatchObject({ code: 0, out: expect.stringContaining('host-under-test is removed') })
    expect((await run('host list')).out).toBe('There are no hosts.\n')
    expect((await run('host remove host-under-test')).code).toBe(1)
    client.cut()
    collector = state === 'stopped' ? undefined : here
  })
})

test('what was made while the collector was stopped holds once it runs', async () => {
  const { token } = enrolmentOf((await run('token create')).out)
  const here = await start()
  const client = new ProtocolClient()
  expect((await client.join(here.agentUrl, token)).instance).toBe('host-under-test')
  client.cut()
})

test('a socket that a killed collector left behind is no collector', async () => {
  await writeFile(join(data, 'collector.sock'), '')
  expect((await run('token list')).code).toBe(0)
})

test('where it listens on every address, the way to enrol names this machine', async () => {
  collector = await startTestCollector({ FETTLE_DATA: data, FETTLE_LISTEN: '0.0.0.0:0', FETTLE_ALLOW_PLAIN: 'true' })
  const { out } = await run('token create')
  expect(enrolmentOf(out).urls).toEqual([collector.agentUrl.replace('0.0.0.0', hostname())])
  expect(out).toContain(' --allow-plain\n')
})

describe('config', () => {
  test('tells what is in force and where it came from, environment over file', async () => {
    const env = await fileOf('listen: 127.0.0.1:1\nbeat: 30s\n')
    const { code, out } = await run('config', { ...env, FETTLE_LISTEN: '127.0.0.1:2' })
    expect(code).toBe(0)
    expect(out).toContain('listen = "127.0.0.1:2"  (environment FETTLE_LISTEN)')
    expect(out).toContain(`beat = 30000  (${env.FETTLE_CONFIG}:2)`)
    expect(out).toContain('hostTtl = 2592000000  (default)')
  })

  test('never prints a secret, right or wrong', async () => {
    for (const line of ['config', 'config --json', 'config --sample', 'config --help']) {
      const { out, err } = await run(line, { FETTLE_STORE: 'redis://:hunter2@127.0.0.1/' })
      expect(out + err).not.toContain('hunter2')
    }
    const { code, err } = await run('config', await fileOf('store: {password: hunter2}\nlisten: [1]\n'))
    expect(code).toBe(78)
    expect(err).not.toContain('hunter2')
  })

  test('tells every mistake at once: where, what it said, what was wanted', async () => {
    const mistakes = [
      'listen: nowhere',
      'beat: 0s',
      'hostTtl: soon',
      'shards: 3',
      'detail: perhaps',
      'log: {level: loud}',
      'limits: {connections: 0, ingestBytes: 5}',
      'tls: {certificate: x}',
      'thresholds:',
      '  - {check: update-late, warning: 1d}',
      '  - {check: clock-offset, warning: soon}',
      '  - {check: filesystems-full, warning: 14d}',
      '  - {check: clock-offset, critical: .inf}',
      '  - {check: clock-offset, rolle: laptop}',
      '  - {check: clock-offset, role: toaster}',
      'colour: red',
      'software:',
      '  required: [{name: "*"}, {name: a, atLeast: 1.20}, {name: a, below: "2"}]',
      '  forbidden: [{name: a, atLeast: "2"}]',
    ]
    const { code, err } = await run('config', await fileOf(mistakes.join('\n')))
    expect(code).toBe(78)
    const told = [
      /:1: listen: "nowhere": wanted host:port/,
      /:2: beat: .*wanted 1s or longer/,
      /:3: hostTtl: "soon": wanted a duration/,
      /:4: shards: 3: wanted a power of two/,
      /:5: detail: "perhaps"/,
      /:6: log\.level: "loud"/,
      /:7: limits\.connections: 0/,
      /:7: limits\.ingestBytes: 5/,
      /:8: tls\.certificate: no such setting/,
      /thresholds\.0\.check: "update-late": no check has this name/,
      /thresholds\.1\.warning: "soon": wanted a duration/,
      /thresholds\.2: .*this check counts no time/,
      /thresholds\.3\.critical: Infinity: wanted a finite number/,
      /thresholds\.4\.rolle: .*wanted check, and any of role/,
      /thresholds\.5\.role: "toaster"/,
      /:16: colour: no such setting/,
      /software\.required\.0\.name: "\*": wanted a name/,
      /software\.required\.1\.atLeast: 1\.2:/,
      /software\.required\.2\.below: .*wanted name, and any of atLeast/,
      /software\.forbidden\.0\.atLeast: .*wanted name, and any of below/,
    ]
    for (const one of told) expect(err).toMatch(one)
    expect(err).not.toMatch(/thresholds\.0: /)
  })

  test('every command stops at a wrong configuration, with 78', async () => {
    const env = await fileOf('listen: nowhere\n')
    for (const line of ['run', 'token list', 'host list', 'config']) expect([line, (await run(line, env)).code]).toEqual([line, 78])
    const missing = await run('config', { FETTLE_CONFIG: join(data, 'none.yaml') })
    expect(missing).toMatchObject({ code: 78, err: expect.stringContaining('there is no such file') })
  })

  test('the sample is a file that says nothing as it is, and what it explains once the comments are off', async () => {
    const sample = (await run('config --sample')).out
    const read = (text: string) => readCollectorConfig({ path: 'sample', text }, {})
    expect(read(sample).values).toEqual(read('').values)
    const bare = sample.replace(/^( *)# \S.*\n/gm, '').replace(/^( *)#/gm, '$1')
    const { values, origins } = read(bare)
    expect(Object.keys(origins).filter(path => origins[path as keyof typeof origins] === 'default')).toEqual([])
    expect(Object.keys(values)).toEqual(Object.keys(settings))
    expect(values).toMatchObject({ listen: '127.0.0.1:7300', thresholds: [{ check: 'updates-security-late', role: 'laptop' }] })
    expect(Object.keys(parse(bare) as object).length).toBeGreaterThan(8)
  })
})

test('nothing that is kept on disk holds a secret of a token', async () => {
  const [, secret = ''] = enrolmentOf((await run('token create')).out).token.split('.')
  expect(secret).toHaveLength(32)
  for (const file of await readdir(data)) expect((await readFile(join(data, file))).includes(secret), file).toBe(false)
})
