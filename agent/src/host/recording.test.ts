import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Host, HostError, NotInstalled } from '../host.ts'
import { localHost } from './local.ts'
import { Recording } from './recording.ts'
import { redact } from './redact.ts'
import { replayHost } from './replay.ts'
import { openStateDir } from './state.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fettle-recording-'))
})
afterEach(() => rm(folder, { recursive: true }))

const config = { role: null, probes: {}, options: { 'backups/restic': { repository: 'rest:https://ada:hunter2@backup.example/' } } }

async function recorded(read: (host: Host) => Promise<unknown>, identity: 'kept' | 'hidden' = 'kept') {
  const recording = new Recording(localHost(), 1_700_000_000_000)
  await read(recording.host)
  const capture = join(folder, 'capture')
  await recording.save(await openStateDir(capture), config, '1.0.0', identity)
  return { capture, replayed: await replayHost(capture) }
}

describe('a captured machine', () => {
  test('answers as the machine did: files, folders, commands, errors, and its clock', async () => {
    const path = join(folder, 'file')
    await writeFile(path, 'hello\n')
    const read = async (host: Host) => [
      await host.text(path),
      await host.captured(path),
      Buffer.from(await host.bytes(path, 3)).toString(),
      await host.list(folder).then(names => names.includes('file')),
      await host.stat(path),
      await host.realpath(path),
      await host.statfs(folder),
      await host.text('/no/such', { missing: null }),
      await host.list('/no/such').catch((error: HostError) => [error instanceof HostError, error.code, error.path]),
      await host.run(['sh', '-c', 'echo out; echo err >&2; exit 3']),
      await host.run(['no-such-command']).catch((error: Error) => [error instanceof NotInstalled, error.message]),
      [host.now(), host.uid, host.platform, host.hostname],
    ]
    let live: unknown
    const { replayed } = await recorded(async host => {
      live = await read(host)
    })
    expect(await read(replayed.host)).toEqual(live)
  })

  test('the same call twice gives both answers in their order, then the last for ever', async () => {
    const path = join(folder, 'counter')
    const { replayed } = await recorded(async host => {
      for (const count of ['1', '2']) {
        await writeFile(path, count)
        await host.text(path)
      }
    })
    const { host } = replayed
    expect([await host.text(path), await host.text(path), await host.text(path)]).toEqual(['1', '2', '2'])
  })

  test('what was not recorded fails, and is not missing: nobody looked', async () => {
    const { replayed } = await recorded(async () => {})
    await expect(replayed.host.text('/proc/mdstat', { missing: 'gone' })).rejects.toThrow('the capture has no text')
  })

  test('holds no secret: not of files, not of commands, not of the configuration, and no environment', async () => {
    await writeFile(join(folder, 'conf'), 'password = hunter2\nport = 80\n')
    const { capture } = await recorded(async host => {
      await host.text(join(folder, 'conf'))
      await host.run(['sh', '-c', 'echo "url https://ada:$P@host/ $SECRET_PLAIN"'], { env: { P: 'hunter2', SECRET_PLAIN: 'yes' } })
    })
    const written = await Promise.all((await readdir(capture)).map(name => readFile(join(capture, name), 'utf8')))
    expect(written.join()).not.toContain('hunter2')
    expect(written.join()).not.toContain('SECRET_PLAIN":')
    expect(written.join()).toContain('port = 80')
  })

  test('anonymised it names neither host nor serial number, wherever they stand', async () => {
    const path = join(folder, 'smart')
    await writeFile(path, `Serial Number:    S3Z9NB0K\nhost ${localHost().hostname}\n`)
    const { capture } = await recorded(async host => {
      await host.text(path)
      await host.run(['echo', 'ata-S3Z9NB0K'])
    }, 'hidden')
    const written = await Promise.all((await readdir(capture)).map(name => readFile(join(capture, name), 'utf8')))
    expect(written.join()).not.toContain('S3Z9NB0K')
    expect(JSON.parse(await readFile(join(capture, 'index.json'), 'utf8')).hostname).toBe('machine-1')
  })

  test('a capture that names a file outside its folder is refused', async () => {
    const { capture } = await recorded(host => host.run(['true']))
    const index = join(capture, 'index.json')
    const text = (await readFile(index, 'utf8')).replace(/"file": "[^"]+"/, '"file": "../../etc/passwd"')
    await writeFile(index, text)
    const { host } = await replayHost(capture)
    await expect(host.run(['true'])).rejects.toThrow('outside its folder')
  })
})

describe('redaction', () => {
  test.each([
    ['password=hunter2', 'password=[redacted]'],
    ['"aws_secret_access_key": "abc/def"', '"aws_secret_access_key": "[redacted]"'],
    ['Authorization: Bearer abc.def', 'Authorization: Bearer [redacted]'],
    ['sftp://ada:hunter2@host/x', 'sftp://ada:[redacted]@host/x'],
    ['root:$6$saltsalt$hashhashhash:19000', 'root:[redacted]:19000'],
    ['-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----', '[redacted]'],
  ])('%s', (text, left) => {
    expect(redact(text)).toBe(left)
  })

  test.each(['self-assessment test result: PASSED', '"passed": true', 'passwordauthentication no', 'https://host:8080/path'])(
    '%s is left as it is',
    text => {
      expect(redact(text)).toBe(text)
    },
  )
})
