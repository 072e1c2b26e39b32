import type { AccountsFact } from './accounts/facts.ts'
import type { AgentFact } from './agent/facts.ts'
import type { AntivirusFact } from './antivirus/facts.ts'
import type { BackupsFact } from './backups/facts.ts'
import type { BatteryFact } from './battery/facts.ts'
import type { ClockFact } from './clock/facts.ts'
import type { CustomFact } from './custom/facts.ts'
import type { DisksFact } from './disks/facts.ts'
import type { EncryptionFact } from './encryption/facts.ts'
import type { FilesystemsFact } from './filesystems/facts.ts'
import type { FirewallFact } from './firewall/facts.ts'
import type { GpuFact } from './gpu/facts.ts'
import type { HardeningFact } from './hardening/facts.ts'
import type { HardwareFact } from './hardware/facts.ts'
import type { MemoryFact } from './memory/facts.ts'
import type { RaidFact } from './raid/facts.ts'
import type { RebootFact } from './reboot/facts.ts'
import type { SensorsFact } from './sensors/facts.ts'
import type { ServicesFact } from './services/facts.ts'
import type { SoftwareFact } from './software/facts.ts'
import type { SystemFact } from './system/facts.ts'
import type { UpdatesFact } from './updates/facts.ts'
import type { UsageFact } from './usage/facts.ts'

/** Which fact each subject speaks in: every source of a subject fills the same schema. */
export type FactTypes = {
  system: SystemFact
  hardware: HardwareFact
  usage: UsageFact
  filesystems: FilesystemsFact
  clock: ClockFact
  services: ServicesFact
  disks: DisksFact
  raid: RaidFact
  sensors: SensorsFact
  memory: MemoryFact
  battery: BatteryFact
  gpu: GpuFact
  updates: UpdatesFact
  reboot: RebootFact
  backups: BackupsFact
  antivirus: AntivirusFact
  firewall: FirewallFact
  encryption: EncryptionFact
  hardening: HardeningFact
  accounts: AccountsFact
  software: SoftwareFact
  custom: CustomFact
  agent: AgentFact
}
export type SubjectName = keyof FactTypes
