import type { StateDir } from '../host/state.ts'

/** A disk in memory that can be full, torn, or lost: the one fault that a real folder cannot be told to have. */
export type FakeDisk = StateDir & {
  readonly files: Map<string, Buffer>
  /** From now on writing fails with this errno name; undefined: it works again. */
  failWith(code: string | undefined): void
  /** Cuts bytes off the end of a file, as a power cut does. */
  tear(name: string, bytes: number): void
  /** Writes until now. */
  readonly writes: { count: number }
}

/** An empty disk. */
export function fakeDisk(): FakeDisk {
  const files = new Map<string, Buffer>()
  const writes = { count: 0 }
  let failure: string | undefined
  const guard = () => {
    if (failure) throw Object.assign(new Error(`${failure}: the disk does not take it`), { code: failure })
    writes.count++
  }
  return {
    path: '/fake',
    socketPath: '/fake/agent.sock',
    files,
    writes,
    failWith: code => {
      failure = code
    },
    tear: (name, bytes) => {
      const file = files.get(name)
      if (file) files.set(name, file.subarray(0, Math.max(0, file.length - bytes)))
    },
    read: async name => files.get(name),
    write: async (name, bytes) => {
      guard()
      files.set(name, Buffer.from(bytes as string))
    },
    append: async (name, bytes) => {
      guard()
      files.set(name, Buffer.concat([files.get(name) ?? Buffer.alloc(0), Buffer.from(bytes as string)]))
    },
    protectSocket: async () => {},
    clearSocket: async () => {},
  }
}
