import * as v from 'valibot'
import { amount, list, maybe, text } from '../../shapes.ts'

/** Mounted file systems that hold data: no squashfs, no overlay duplicates, no second mount of the same device. */
export const filesystemsFact = v.object({
  filesystems: list(
    v.object({
      mountpoint: text(),
      device: text(),
      fstype: text(64),
      /** A network file system is listed but its numbers are only read where that cannot hang. */
      kind: v.picklist(['local', 'network']),
      sizeBytes: maybe(amount),
      /** Available to users without privileges. */
      availBytes: maybe(amount),
      /** null on file systems that make inodes as they go (btrfs reports 0). */
      inodes: maybe(amount),
      inodesFree: maybe(amount),
      /** null where the source does not tell (Windows), and that is never "writable". */
      readonly: maybe(v.boolean()),
      /** What fstab says; null where the mount is not in fstab. Read-only against it means the kernel gave up writing. */
      readonlyWanted: maybe(v.boolean()),
      /** `answers`: numbers are good. `hangs`: no answer within the deadline. `skipped`: not asked. `failed`: the call failed. */
      standing: v.picklist(['answers', 'hangs', 'skipped', 'failed']),
      reason: maybe(text()),
    }),
    256,
  ),
})
export type FilesystemsFact = v.InferOutput<typeof filesystemsFact>
