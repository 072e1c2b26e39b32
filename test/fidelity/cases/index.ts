import type { CaseList } from '../case.ts'
import { controllers } from './controllers.ts'
import { disks } from './disks.ts'
import { gpu } from './gpu.ts'
import { raid } from './raid.ts'

/** Every domain of the samples. */
export const caseLists: readonly CaseList[] = [controllers, disks, gpu, raid]
