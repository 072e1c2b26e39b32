import type { CaseList } from '../case.ts'
import { backups } from './backups.ts'
import { controllers } from './controllers.ts'
import { disks } from './disks.ts'
import { gpu } from './gpu.ts'
import { raid } from './raid.ts'
import { sensors } from './sensors.ts'
import { system } from './system.ts'
import { updatesLinux } from './updates-linux.ts'

/** Every domain of the samples. */
export const caseLists: readonly CaseList[] = [backups, controllers, disks, gpu, raid, sensors, system, updatesLinux]
