import { type Host, type StatFs, TimedOut } from '../../../host.ts'
import type { Captured } from '../../../probe.ts'
import { told } from '../../gather.ts'
import { answersHere } from './kinds.ts'
import type { Mount } from './mountinfo.ts'

/** How long a file system may take to say its size, ms. */
const ANSWER_MS = 3_000
/** A mount that hung is left alone this long, then twice as long each time, ms: every question may leave a process behind that nothing ends. */
const FIRST_PAUSE_MS = 30 * 60_000
const LONGEST_PAUSE_MS = 24 * 3_600_000
/** How many are asked at a time: so many dead mounts of one server cost one deadline. */
const AT_A_TIME = 8

/** What became of asking one mount; `hangs` and `failed` say why. */
type Answer = { readonly space: StatFs } | { readonly hangs: string } | { readonly failed: string }

/** Asks mounts for their space and remembers which hung. One for each host. */
export class MountAsker {
  readonly #pauses = new Map<string, { readonly until: number; readonly nextMs: number; readonly reason: string }>()

  /** An input `space` for each mount, named by its mount point. */
  async ask(host: Host, mounts: readonly Mount[]): Promise<Captured[]> {
    this.#forgetUnmounted(mounts)
    const answers: Captured[] = []
    for (let i = 0; i < mounts.length; i += AT_A_TIME) {
      answers.push(...(await Promise.all(mounts.slice(i, i + AT_A_TIME).map(mount => this.#askOne(host, mount)))))
    }
    return answers
  }

  async #askOne(host: Host, mount: Mount): Promise<Captured> {
    const key = keyOf(mount)
    const pause = this.#pauses.get(key)
    if (pause && host.now() < pause.until) return asCapture(mount, { hangs: pause.reason })
    try {
      const here = answersHere(mount) ? { local: true as const } : {}
      const space = await host.statfs(mount.mountpoint, { timeoutMs: ANSWER_MS, ...here })
      this.#pauses.delete(key)
      return asCapture(mount, { space })
    } catch (error) {
      if (!(error instanceof TimedOut)) return asCapture(mount, { failed: error instanceof Error ? error.message : String(error) })
      const reason = `gave no answer within ${ANSWER_MS / 1000} s`
      const pauseMs = pause?.nextMs ?? FIRST_PAUSE_MS
      this.#pauses.set(key, { until: host.now() + pauseMs, nextMs: Math.min(LONGEST_PAUSE_MS, pauseMs * 2), reason })
      return asCapture(mount, { hangs: reason })
    }
  }

  #forgetUnmounted(mounts: readonly Mount[]): void {
    const mounted = new Set(mounts.map(keyOf))
    for (const key of this.#pauses.keys()) if (!mounted.has(key)) this.#pauses.delete(key)
  }
}

/** A mount that was taken down and mounted anew is another one: its device number changes. */
function keyOf(mount: Mount): string {
  return `${mount.device} ${mount.mountpoint}`
}

function asCapture(mount: Mount, answer: Answer): Captured {
  return told(mount.mountpoint, JSON.stringify(answer))
}
