import { type FSWatcher, statSync, watch } from 'node:fs'
import { basename, dirname } from 'node:path'

/** Changes that follow each other within this are one, ms. */
const DEBOUNCE_MS = 5_000

/** Calls back after a path has changed, appeared or gone; the returned function ends it. */
export type Watch = (paths: readonly string[], onChange: () => void, debounceMs?: number) => () => void

/** Watches with inotify(7). A path that does not exist is waited for in the nearest folder above it that does. */
export const watchPaths: Watch = (paths, onChange, debounceMs = DEBOUNCE_MS) => {
  let timer: NodeJS.Timeout | undefined
  const settle = () => {
    clearTimeout(timer)
    timer = setTimeout(onChange, debounceMs)
    timer.unref()
  }
  const closers = paths.map(path => watchPath(path, settle))
  return () => {
    clearTimeout(timer)
    for (const close of closers) close()
  }
}

/** The folder is watched, not the file: a file that is replaced keeps its name and loses its inode. */
function watchPath(path: string, onChange: () => void): () => void {
  let watchers: FSWatcher[] = []
  let closed = false
  const close = () => {
    for (const watcher of watchers) watcher.close()
    watchers = []
  }
  const arm = () => {
    close()
    if (closed) return
    const { folder, name } = nearest(path)
    watchers = [
      open(folder, changed => {
        if (changed !== name) return
        arm()
        onChange()
      }),
      isFolder(path) ? open(path, onChange) : undefined,
    ].filter(watcher => watcher !== undefined)
  }
  arm()
  return () => {
    closed = true
    close()
  }
}

/** The nearest folder that exists above a path, and what to wait for in it. */
function nearest(path: string): { readonly folder: string; readonly name: string } {
  const folder = dirname(path)
  return isFolder(folder) || folder === path ? { folder, name: basename(path) } : nearest(folder)
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}

/** Without a watch (no more inotify instances, no right) the cadence alone decides: nothing is lost but speed. */
function open(folder: string, onEvent: (name: string) => void): FSWatcher | undefined {
  try {
    const watcher = watch(folder, { persistent: false }, (_event, name) => onEvent(name ?? ''))
    watcher.on('error', () => watcher.close())
    return watcher
  } catch {
    return undefined
  }
}
