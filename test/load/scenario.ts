import type { Outcome } from './verdict.ts'
import type { World } from './world.ts'

/** One thing to be measured. */
export type Scenario = {
  readonly name: string
  readonly title: string
  run(world: World): Promise<Outcome>
}
