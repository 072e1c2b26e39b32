import * as v from 'valibot'
import { amount, count, list, maybe, text, time } from '../../shapes.ts'
import { roles } from '../../view.ts'

/** What machine this is: operating system, kernel, boot, hardware identity. */
export const systemFact = v.object({
  hostname: text(253),
  /** DNS or directory domain; null where none is set. */
  domain: maybe(text(253)),
  os: v.object({
    type: v.picklist(['linux', 'windows', 'darwin']),
    /** `ID` of os-release(5), `windows`, `windows-server` or `macos`. */
    id: text(64),
    /** `ID_LIKE`: what the release derives from, nearest first. */
    like: list(text(64), 16),
    name: text(128),
    /** `VERSION_ID`, Windows `DisplayVersion`, macOS `ProductVersion`; null on rolling releases. */
    version: maybe(text(64)),
    codename: maybe(text(64)),
    /** Windows build with UBR (`22631.4317`), macOS `ProductBuildVersion`, Linux `BUILD_ID`. */
    build: maybe(text(64)),
    /** Windows EditionID, Linux `VARIANT_ID`; support ends differ by it. */
    edition: maybe(text(64)),
    /** `SUPPORT_END` of os-release(5), epoch ms; null where the vendor's file does not say. */
    supportEnd: maybe(time),
  }),
  /** Release and machine hardware name as uname(2) tells them; null where the source does not say. */
  kernel: v.object({ version: maybe(text(128)), arch: maybe(text(32)) }),
  /** Epoch ms, null where the source does not say. Hibernation and Windows Fast Startup do not count as a boot. */
  bootedAt: maybe(time),
  /** `container` and `vm` share or hide hardware, so hardware probes are absent there. Null: could not be told. */
  virtualization: maybe(v.object({ kind: v.picklist(['none', 'vm', 'container']), name: maybe(text(64)) })),
  /** Firmware's own words; placeholders such as "To Be Filled By O.E.M." are null. */
  hardware: v.object({
    vendor: maybe(text(128)),
    model: maybe(text(128)),
    /** Readable by root only on Linux. */
    serial: maybe(text(128)),
    /** SMBIOS chassis type in words: `notebook`, `rack mount chassis` … */
    chassis: maybe(text(64)),
    biosVersion: maybe(text(128)),
    biosDate: maybe(time),
  }),
  cpu: v.object({ model: maybe(text(128)), logical: maybe(count) }),
  /** Installed memory as the kernel sees it, bytes; null where the source does not say. */
  memoryBytes: maybe(amount),
  /** Detected from chassis, battery, release and target; the agent's configuration overrides it. */
  role: v.picklist(roles),
  /** SHA-256 over the machine id, never the id itself: tells clones apart. Null where the system has none. */
  machineIdHash: maybe(text(64)),
})
export type SystemFact = v.InferOutput<typeof systemFact>
