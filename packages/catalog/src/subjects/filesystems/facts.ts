import * as v from 'valibot'
import { amount, count, list, maybe, text, time } from '../../shapes.ts'

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
      /** null where the source does not tell, and that is never "writable". */
      readonly: maybe(v.boolean()),
      /** Whether it carries the mark that its structure must be checked (NTFS dirty bit); left out by sources that know no such mark. */
      dirty: v.optional(maybe(v.boolean())),
      /** What fstab says; null where the mount is not in fstab. Read-only against it means the kernel gave up writing. */
      readonlyWanted: maybe(v.boolean()),
      /** `answers`: numbers are good. `hangs`: no answer within the deadline. `skipped`: not asked. `failed`: the call failed. */
      standing: v.picklist(['answers', 'hangs', 'skipped', 'failed']),
      reason: maybe(text()),
    }),
    256,
  ),
  /**
   * Damage that the operating system logged within the last seven days and has not called mended since; null where the log could not be read,
   * left out by sources that read no log. `corrupt`: a structure on the disk is broken. `repair`: a check is needed. `transactions`: only the
   * record of transactions is, which is no damage to files.
   */
  events: v.optional(
    maybe(list(v.object({ kind: v.picklist(['corrupt', 'repair', 'transactions']), mountpoint: text(), count, lastAt: maybe(time) }), 64)),
  ),
})
export type FilesystemsFact = v.InferOutput<typeof filesystemsFact>
