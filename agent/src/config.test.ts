import { ConfigError, describeConfig } from '@fettle/kit'
import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import { type ConfigFile, defaultConfig, loadConfig } from './config.ts'
import { defineProbe } from './probe.ts'

const probe = defineProbe<'backups', { readonly jobs: string[] }>({
  subject: 'backups',
  source: 'pigeon',
  platforms: ['linux'],
  every: '1h',
  timeout: '5s',
  setting: { schema: v.strictObject({ jobs: v.array(v.string()) }), default: { jobs: [] }, doc: 'Pigeons.' },
  inputs: {},
  parse: () => ({ jobs: [] }),
  read: async () => ({ jobs: [] }),
})

function load(text: string | undefined, env: Record<string, string> = {}, over: Partial<ConfigFile> = {}, uid = 0) {
  const readFile = async () => (text === undefined ? undefined : { text, mode: 0o100644, uid: 0, ...over })
  return loadConfig({ env, uid, probes: [probe], readFile })
}

describe("the agent's configuration", () => {
  test('without a file everything has its default, and root keeps its state where daemons do', async () => {
    const { config } = await load(undefined)
    expect(config).toMatchObject({
      collector: { url: null },
      dataDir: '/var/lib/fettle-agent',
      role: null,
      options: { 'backups/pigeon': { jobs: [] } },
    })
  })

  test.each([
    [{ XDG_STATE_HOME: '/x/state' }, '/x/state/fettle-agent'],
    [{ HOME: '/home/ada' }, '/home/ada/.fettle'],
    [{ HOME: '/home/ada', FETTLE_DATA_DIR: '/srv/f' }, '/srv/f'],
  ])('a user with %o keeps state in %s', async (env, dataDir) => {
    expect((await load(undefined, env, {}, 1000)).config.dataDir).toBe(dataDir)
  })

  test("a probe's own part stands under its subject and source, and reaches it", async () => {
    const { config } = await load(
      'backups:\n  pigeon:\n    jobs: [home]\nprobes:\n  backups/pigeon: { every: 30 3 * * *, enabled: true }\n',
    )
    expect(config.options['backups/pigeon']).toEqual({ jobs: ['home'] })
    expect(config.probes['backups/pigeon']).toEqual({ every: '30 3 * * *', enabled: true })
  })

  test.each([
    ['an unknown source', 'probes:\n  backups/dove: { enabled: false }', /backups\/dove/],
    ['an unknown word of a source', 'probes:\n  backups/pigeon: { evry: 1h }', /evry/],
    ['a cadence that is none', 'probes:\n  backups/pigeon: { every: often }', /probes\.backups\/pigeon\.every: Cannot read the duration/],
    ['plain text to another machine', 'collector:\n  url: ws://fettle.example.com', /plain text only goes to this machine/],
    ['a password in the address', 'collector:\n  url: wss://a:b@fettle.example.com', /password in it/],
    ['a role that is none', 'role: toaster', /wanted one of server, desktop, laptop/],
  ])('%s is refused with what was wanted', async (_, text, told) => {
    await expect(load(text)).rejects.toThrow(told)
    await expect(load(text)).rejects.toBeInstanceOf(ConfigError)
  })

  test.each([
    ['others may write', { mode: 0o100666 }],
    ['its group may write', { mode: 0o100664 }],
    ['somebody else owns', { uid: 1000 }],
  ])('root takes no file that %s: it can name commands', async (_, over) => {
    await expect(load('role: server', {}, over)).rejects.toBeInstanceOf(ConfigError)
    expect((await load('role: server', {}, over, 1000)).config.role).toBe('server')
  })

  test('a file that the environment names must be there', async () => {
    await expect(load(undefined, { FETTLE_AGENT_CONFIG: '/no/such' })).rejects.toThrow('/no/such: there is no such file')
  })

  test('the proxy of the configuration wins, that of the environment is read, and no password is shown', async () => {
    const env = { HTTPS_PROXY: 'http://env:1', NO_PROXY: 'example.com' }
    const { config, effective, settings } = await load('collector: {proxy: "http://anna:secret@own:3128"}', env)
    expect(config.collector.proxies).toMatchObject({ own: { host: 'own', user: 'anna' }, secure: { host: 'env' } })
    expect(describeConfig(settings, effective)).not.toContain('secret@')
    expect((await load('collector: {proxy: none}', env)).config.collector.proxies?.own).toBe('none')
    const wrong = load('collector: {proxy: "socks5://anna:secret@own:1"}')
    await expect(wrong).rejects.toThrow(/collector\.proxy: \(secret\): wanted http:\/\/name:port, https:\/\/name:port or none/)
    await expect(wrong).rejects.not.toThrow(/anna/)
  })

  test('a proxy of the environment that cannot be used is a warning', async () => {
    const { config } = await load(undefined, { ALL_PROXY: 'socks5://anna:secret@own:1' })
    expect(config.warnings).toEqual([expect.stringMatching(/^environment ALL_PROXY: Cannot use the proxy/)])
    expect(config.warnings.join()).not.toContain('secret')
  })

  test('each further address of the collector is as good as the first', async () => {
    const { config } = await load('collector: {url: "wss://a.example", fallbacks: ["wss://b.example", c.example]}')
    expect(config.collector.fallbacks).toEqual(['wss://b.example', 'c.example'])
    await expect(load('collector: {url: "wss://a.example", fallbacks: ["ws://b.example"]}')).rejects.toThrow(/plain text/)
  })

  test('plain text is allowed where it is said', async () => {
    expect((await load('collector: {url: "ws://x.example", allowPlain: true}')).config.collector.url).toBe('ws://x.example')
  })

  test('the default configuration is one', () => {
    expect(defaultConfig({}, []).logLevel).toBe('info')
  })
})
