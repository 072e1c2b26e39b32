import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command } from './loop.ts'
import { freePort } from './process.ts'
import { until } from './until.ts'

const DRIVER = '/lib/nut/dummy-ups'
const SERVER = '/lib/nut/upsd'

/** A NUT of a test's own, whose supplies do not exist. */
export type Nut = {
  /** Its address, as upsc(8) takes it behind `UPS@`. */
  readonly address: string
  /** What stands in ups.conf. */
  readonly config: string
  /** Ends the driver of a supply, as if its cable were pulled. */
  lose(ups: string): Promise<void>
  stop(): Promise<void>
}

/**
 * The real upsd(8) with a dummy-ups(8) for each supply, on loopback, with folders of its own. A supply is a file of variables, see "Dummy Mode" of the
 * manual page; variables and words of `ups.status` are those of NUT's docs/nut-names.txt and docs/new-drivers.txt.
 */
export async function startNut(supplies: Readonly<Record<string, Readonly<Record<string, string>>>>): Promise<Nut> {
  const folder = mkdtempSync(join(tmpdir(), 'fettle-nut-'))
  const address = `127.0.0.1:${await freePort()}`
  const env = { ...process.env, NUT_CONFPATH: folder, NUT_STATEPATH: folder, NUT_ALTPIDPATH: folder }
  const write = (file: string, text: string) => {
    writeFileSync(join(folder, file), text)
    chmodSync(join(folder, file), 0o640)
  }
  const config = Object.keys(supplies)
    .map(ups => `[${ups}]\n  driver = dummy-ups\n  port = ${join(folder, `${ups}.dev`)}\n`)
    .join('')
  write('ups.conf', config)
  write('upsd.conf', `LISTEN ${address.replace(':', ' ')}\n`)
  write('upsd.users', '')
  for (const [ups, state] of Object.entries(supplies)) {
    const variables = Object.entries(state).map(([name, value]) => `${name}: ${value}\n`)
    write(`${ups}.dev`, variables.join(''))
  }
  const start = (...argv: readonly [string, ...string[]]) =>
    spawn(argv[0], [...argv.slice(1), '-F', '-u', 'root'], { env, stdio: 'ignore' })
  const drivers = new Map(Object.keys(supplies).map(ups => [ups, start(DRIVER, '-a', ups)]))
  const server = start(SERVER)
  const end = async (child: typeof server) => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  const says = (ups: string, status: string | undefined) =>
    until(() => command('upsc', `${ups}@${address}`, 'ups.status').trim() === status, `${ups} says ${status}`)
  const stop = async () => {
    await Promise.all([...drivers.values(), server].map(end))
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    for (const [ups, state] of Object.entries(supplies)) await says(ups, state['ups.status'])
  } catch (error) {
    await stop()
    throw error
  }
  return {
    address,
    config,
    async lose(ups) {
      const driver = drivers.get(ups)
      if (driver) await end(driver)
      await until(() => {
        try {
          command('upsc', `${ups}@${address}`)
          return false
        } catch {
          return true
        }
      }, `upsd notices that ${ups} is gone`)
    },
    stop,
  }
}
