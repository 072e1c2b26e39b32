import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What a case has made and must leave behind as it was. */
export class World {
  readonly #cleanups: (() => unknown)[] = []

  /** Called at the end, last first, whatever happens. */
  defer(clean: () => unknown): void {
    this.#cleanups.push(clean)
  }

  /** A folder of the case's own. */
  async folder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'fettle-chaos-'))
    this.defer(() => rm(folder, { recursive: true, force: true }))
    return folder
  }

  async end(): Promise<void> {
    for (const clean of this.#cleanups.splice(0).reverse()) await clean()
  }
}
