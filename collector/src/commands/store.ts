import { systemClock } from '@fettle/kit'
import { withAdmin } from '../admin-client.ts'
import { CommandError, type Io, loadConfig, parsed } from '../command.ts'
import type { CollectorConfig } from '../config.ts'
import { type BackupTold, readBackup, verifyBackup, writeBackup } from '../store/backup.ts'
import { copyStore, storeUrl, unmarkMoved } from '../store/move.ts'
import { openStore, openStoreForReading, shownUrl } from '../store/open.ts'

const HELP = `fettle-collector store backup|verify|restore|move

  backup FILE      everything the store holds, into a file that only its owner may read; the collector may run
  verify FILE      read a backup through and prove that it is whole
  restore FILE     a backup into the configured store, which must be empty; the collector must not run
  move --to URL    everything into another, empty store, such as redis://127.0.0.1:6379. A running collector takes no
                   reports from that moment on; agents keep theirs. Then set \`store\` to the new one and restart.
  move --back      use the old store again after all; the collector must not run

  --json     as JSON
`

/** `fettle-collector store` */
export async function store(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parsed(args, { to: { type: 'string' }, back: { type: 'boolean' } }, 2)
  const [action, file] = positionals
  if (values.help || !action) {
    io.out.write(HELP)
    return values.help ? 0 : 64
  }
  const tell = (done: string, told: BackupTold | Moved) => say(io, values.json, done, told)
  const config = await loadConfig(io.env)
  if (action === 'move' && values.back) return back(config, io)
  if (action === 'move') return tell('moved', await move(config, values.to, io))
  if (action !== 'backup' && action !== 'verify' && action !== 'restore')
    throw new CommandError(`there is no action ${JSON.stringify(action)}: wanted backup, verify, restore or move`, 64)
  if (!file) throw new CommandError(`which file? fettle-collector store ${action} FILE`, 64)
  if (action === 'verify') return tell('whole', await verifyBackup(file))
  return action === 'backup' ? tell('written', await backup(config, file, io)) : tell('restored', await restore(config, file))
}

type Moved = { readonly hosts: number; readonly to: string }

async function backup(config: CollectorConfig, file: string, io: Io): Promise<BackupTold> {
  const from = await openStoreForReading(storeUrl(config), { clock: systemClock })
  try {
    return await writeBackup(from, file, systemClock.now(), hosts => progress(io, hosts))
  } finally {
    await from.close()
  }
}

async function restore(config: CollectorConfig, file: string): Promise<BackupTold> {
  const into = await openStore(storeUrl(config), { clock: systemClock })
  try {
    return await readBackup(file, into)
  } finally {
    await into.close()
  }
}

async function move(config: CollectorConfig, to: string | undefined, io: Io): Promise<Moved> {
  if (!to) throw new CommandError('where to? fettle-collector store move --to URL', 64)
  const from = storeUrl(config)
  if (to === from) throw new CommandError('the store is there already: name another with --to', 64)
  const into = await openStore(to, { clock: systemClock })
  try {
    return await withAdmin(config, async call => {
      await call('POST', '/api/v1/store/freeze', { why: `the fleet is being moved to ${shownUrl(to)}` })
      const hosts = await copyStore({ from, into, clock: systemClock, progress: count => progress(io, count) })
      await call('POST', '/api/v1/store/moved', { to: shownUrl(to) })
      return { hosts, to: shownUrl(to) }
    })
  } finally {
    await into.close()
  }
}

async function back(config: CollectorConfig, io: Io): Promise<number> {
  const store = await openStore(storeUrl(config), { clock: systemClock })
  try {
    const to = await unmarkMoved(store)
    if (to === undefined) throw new CommandError('this store was not moved: there is nothing to take back')
    io.out.write(
      `This store may be used again, as it was when it was moved to ${to}. What agents reported there since comes again only where it differs.\n`,
    )
    return 0
  } finally {
    await store.close()
  }
}

/** Only people watch; a file that output goes to holds the result. */
function progress(io: Io, hosts: number): void {
  if (io.err.isTTY) io.err.write(`\r${hosts} hosts`)
}

function say(io: Io, json: boolean | undefined, done: string, told: BackupTold | Moved): number {
  if (json) io.out.write(`${JSON.stringify({ done, ...told })}\n`)
  else if ('to' in told)
    io.out.write(
      `${told.hosts} hosts are in ${told.to} now. Set \`store\` to it and restart the collector; until then agents keep their reports.\n`,
    )
  else io.out.write(`${done}: ${told.hosts} hosts, ${told.records} records, ${told.bytes} bytes, of ${new Date(told.at).toISOString()}\n`)
  return 0
}
