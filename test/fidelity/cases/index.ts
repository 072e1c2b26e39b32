import type { CaseList } from '../case.ts'
import { backups } from './backups.ts'
import { controllers } from './controllers.ts'
import { disks } from './disks.ts'
import { events } from './events.ts'
import { gpu } from './gpu.ts'
import { hardwareMacos } from './hardware-macos.ts'
import { hardwareWindows } from './hardware-windows.ts'
import { inventory } from './inventory.ts'
import { raid } from './raid.ts'
import { security } from './security.ts'
import { sensors } from './sensors.ts'
import { system } from './system.ts'
import { updatesDesktop } from './updates-desktop.ts'
import { updatesLinux } from './updates-linux.ts'

/** Every domain of the samples. */
export const caseLists: readonly CaseList[] = [
  inventory,
  events,
  updatesDesktop,
  backups,
  controllers,
  disks,
  gpu,
  hardwareMacos,
  hardwareWindows,
  raid,
  sensors,
  security,
  system,
  updatesLinux,
]
