import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

/*
 * Loaded before a program (`node --import`): it dies by `kill -9` right before its n-th file operation on a folder, or in the middle of it where that
 * is a write. FETTLE_MORTAL_FOLDER is the folder, FETTLE_MORTAL_AT is n, from 1 on; a write counts twice, before it and half of it.
 */
const folder = process.env.FETTLE_MORTAL_FOLDER ?? ''
const at = Number(process.env.FETTLE_MORTAL_AT)
let operations = 0

function count(): boolean {
  operations++
  return operations === at
}

function die(): void {
  process.kill(process.pid, 'SIGKILL')
}

const mine = new WeakSet<object>()
const { open, rename } = fs
const probe = await open(process.execPath, 'r')
const handles = Object.getPrototypeOf(probe) as Record<string, (...args: unknown[]) => Promise<unknown>>
await probe.close()

fs.open = async (path, ...rest) => {
  const own = String(path).startsWith(folder)
  if (own && count()) die()
  const handle = await open(path, ...rest)
  if (!own) return handle
  mine.add(handle)
  // A property of each handle, where the others are methods of all.
  const { close } = handle
  handle.close = async () => {
    if (count()) die()
    await close.call(handle)
  }
  return handle
}
fs.rename = async (from, to) => {
  if (String(from).startsWith(folder) && count()) die()
  await rename(from, to)
}
for (const name of ['writeFile', 'sync', 'datasync']) {
  const real = handles[name]
  if (!real) throw new Error(`Cannot count ${name}: a FileHandle has no such method`)
  handles[name] = async function (this: fs.FileHandle, ...args: unknown[]) {
    if (!mine.has(this)) return await real.apply(this, args)
    if (count()) die()
    if (name === 'writeFile' && count()) {
      const bytes = Buffer.from(args[0] as string)
      await real.call(this, bytes.subarray(0, Math.ceil(bytes.length / 2)))
      die()
    }
    return await real.apply(this, args)
  }
}
syncBuiltinESMExports()
