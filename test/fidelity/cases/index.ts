import type { CaseList } from '../case.ts'
import { disks } from './disks.ts'
import { raid } from './raid.ts'

/** Every domain of the samples. */
export const caseLists: readonly CaseList[] = [disks, raid]
