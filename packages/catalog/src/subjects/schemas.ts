import type * as v from 'valibot'
import { accountsFact } from './accounts/facts.ts'
import { agentFact } from './agent/facts.ts'
import { antivirusFact } from './antivirus/facts.ts'
import { backupsFact } from './backups/facts.ts'
import { batteryFact } from './battery/facts.ts'
import { clockFact } from './clock/facts.ts'
import { customFact } from './custom/facts.ts'
import { disksFact } from './disks/facts.ts'
import { encryptionFact } from './encryption/facts.ts'
import type { FactTypes, SubjectName } from './facts.ts'
import { filesystemsFact } from './filesystems/facts.ts'
import { firewallFact } from './firewall/facts.ts'
import { gpuFact } from './gpu/facts.ts'
import { hardeningFact } from './hardening/facts.ts'
import { hardwareFact } from './hardware/facts.ts'
import { memoryFact } from './memory/facts.ts'
import { raidFact } from './raid/facts.ts'
import { rebootFact } from './reboot/facts.ts'
import { sensorsFact } from './sensors/facts.ts'
import { servicesFact } from './services/facts.ts'
import { softwareFact } from './software/facts.ts'
import { systemFact } from './system/facts.ts'
import { updatesFact } from './updates/facts.ts'
import { usageFact } from './usage/facts.ts'

/** The schema of each subject's fact alone: all of the catalog that an agent needs to look and report. */
const schemas: { readonly [S in SubjectName]: v.GenericSchema<unknown, FactTypes[S]> } = {
  system: systemFact,
  hardware: hardwareFact,
  usage: usageFact,
  filesystems: filesystemsFact,
  clock: clockFact,
  services: servicesFact,
  disks: disksFact,
  raid: raidFact,
  sensors: sensorsFact,
  memory: memoryFact,
  updates: updatesFact,
  reboot: rebootFact,
  backups: backupsFact,
  antivirus: antivirusFact,
  firewall: firewallFact,
  encryption: encryptionFact,
  hardening: hardeningFact,
  accounts: accountsFact,
  battery: batteryFact,
  gpu: gpuFact,
  software: softwareFact,
  custom: customFact,
  agent: agentFact,
}

/** The schema of a subject's fact; `undefined` for a name that no version knows. */
export function schemaOf(subject: string): v.GenericSchema | undefined {
  return Object.hasOwn(schemas, subject) ? schemas[subject as SubjectName] : undefined
}
