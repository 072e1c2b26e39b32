import type { World } from './world.ts'

/** A fault, what is promised about it, and how it is tried. A row of RELIABILITY.md. */
export type Case = {
  /** `--only` takes it. */
  readonly name: string
  /** What is broken, and for how long. */
  readonly fault: string
  /** What must hold all the same. */
  readonly promise: string
  /** Whether it runs in `npm test` as well: it takes seconds, and needs no rights. */
  readonly quick: boolean
  /** Breaks it with real parts and mends it. @returns what was seen, measured. @throws where the promise was not kept */
  run(world: World): Promise<string>
}
