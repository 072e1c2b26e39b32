import { defineSubject, type Subject } from '../subject.ts'
import { accountsChecks } from './accounts/checks.ts'
import { accountsFact } from './accounts/facts.ts'
import { accountsMetrics } from './accounts/metrics.ts'
import { agentChecks } from './agent/checks.ts'
import { agentFact } from './agent/facts.ts'
import { agentMetrics } from './agent/metrics.ts'
import { antivirusChecks } from './antivirus/checks.ts'
import { antivirusFact } from './antivirus/facts.ts'
import { antivirusMetrics } from './antivirus/metrics.ts'
import { backupsChecks } from './backups/checks.ts'
import { backupsFact } from './backups/facts.ts'
import { backupsMetrics } from './backups/metrics.ts'
import { batteryChecks } from './battery/checks.ts'
import { batteryFact } from './battery/facts.ts'
import { batteryMetrics } from './battery/metrics.ts'
import { clockChecks } from './clock/checks.ts'
import { clockFact } from './clock/facts.ts'
import { clockMetrics } from './clock/metrics.ts'
import { customChecks } from './custom/checks.ts'
import { customFact } from './custom/facts.ts'
import { customMetrics } from './custom/metrics.ts'
import { disksChecks } from './disks/checks.ts'
import { disksFact } from './disks/facts.ts'
import { disksMetrics } from './disks/metrics.ts'
import { encryptionChecks } from './encryption/checks.ts'
import { encryptionFact } from './encryption/facts.ts'
import { encryptionMetrics } from './encryption/metrics.ts'
import type { SubjectName } from './facts.ts'
import { filesystemsChecks } from './filesystems/checks.ts'
import { filesystemsFact } from './filesystems/facts.ts'
import { filesystemsMetrics } from './filesystems/metrics.ts'
import { firewallChecks } from './firewall/checks.ts'
import { firewallFact } from './firewall/facts.ts'
import { firewallMetrics } from './firewall/metrics.ts'
import { gpuChecks } from './gpu/checks.ts'
import { gpuFact } from './gpu/facts.ts'
import { gpuMetrics } from './gpu/metrics.ts'
import { hardeningChecks } from './hardening/checks.ts'
import { hardeningFact } from './hardening/facts.ts'
import { hardeningMetrics } from './hardening/metrics.ts'
import { hardwareChecks } from './hardware/checks.ts'
import { hardwareFact } from './hardware/facts.ts'
import { hardwareMetrics } from './hardware/metrics.ts'
import { memoryChecks } from './memory/checks.ts'
import { memoryFact } from './memory/facts.ts'
import { memoryMetrics } from './memory/metrics.ts'
import { raidChecks } from './raid/checks.ts'
import { raidFact } from './raid/facts.ts'
import { raidMetrics } from './raid/metrics.ts'
import { rebootChecks } from './reboot/checks.ts'
import { rebootFact } from './reboot/facts.ts'
import { rebootMetrics } from './reboot/metrics.ts'
import { sensorsChecks } from './sensors/checks.ts'
import { sensorsFact } from './sensors/facts.ts'
import { sensorsMetrics } from './sensors/metrics.ts'
import { servicesChecks } from './services/checks.ts'
import { servicesFact } from './services/facts.ts'
import { servicesMetrics } from './services/metrics.ts'
import { softwareChecks } from './software/checks.ts'
import { softwareFact } from './software/facts.ts'
import { softwareMetrics } from './software/metrics.ts'
import { systemChecks } from './system/checks.ts'
import { systemFact } from './system/facts.ts'
import { systemMetrics } from './system/metrics.ts'
import { updatesChecks } from './updates/checks.ts'
import { updatesFact } from './updates/facts.ts'
import { updatesMetrics } from './updates/metrics.ts'
import { usageChecks } from './usage/checks.ts'
import { usageFact } from './usage/facts.ts'
import { usageMetrics } from './usage/metrics.ts'

/** All that Fettle can report on, in the order in which people read it. */
export const subjects: readonly Subject[] = [
  defineSubject({
    name: 'system',
    title: 'Operating system and machine',
    domain: 'host',
    fact: systemFact,
    metrics: systemMetrics,
    checks: systemChecks,
  }),
  defineSubject({
    name: 'hardware',
    title: 'What the machine is made of',
    domain: 'hardware',
    fact: hardwareFact,
    metrics: hardwareMetrics,
    checks: hardwareChecks,
  }),
  defineSubject({
    name: 'usage',
    title: 'CPU, memory and load',
    domain: 'host',
    fact: usageFact,
    metrics: usageMetrics,
    checks: usageChecks,
  }),
  defineSubject({
    name: 'filesystems',
    title: 'File systems',
    domain: 'hardware',
    fact: filesystemsFact,
    metrics: filesystemsMetrics,
    checks: filesystemsChecks,
  }),
  defineSubject({ name: 'clock', title: 'Clock', domain: 'host', fact: clockFact, metrics: clockMetrics, checks: clockChecks }),
  defineSubject({
    name: 'services',
    title: 'Services',
    domain: 'host',
    fact: servicesFact,
    metrics: servicesMetrics,
    checks: servicesChecks,
  }),
  defineSubject({ name: 'disks', title: 'Disks', domain: 'hardware', fact: disksFact, metrics: disksMetrics, checks: disksChecks }),
  defineSubject({
    name: 'raid',
    title: 'RAID arrays and pools',
    domain: 'hardware',
    fact: raidFact,
    metrics: raidMetrics,
    checks: raidChecks,
  }),
  defineSubject({
    name: 'sensors',
    title: 'Sensors',
    domain: 'hardware',
    fact: sensorsFact,
    metrics: sensorsMetrics,
    checks: sensorsChecks,
  }),
  defineSubject({
    name: 'memory',
    title: 'Memory errors',
    domain: 'hardware',
    fact: memoryFact,
    metrics: memoryMetrics,
    checks: memoryChecks,
  }),
  defineSubject({ name: 'gpu', title: 'Graphics processors', domain: 'hardware', fact: gpuFact, metrics: gpuMetrics, checks: gpuChecks }),
  defineSubject({
    name: 'battery',
    title: 'Batteries',
    domain: 'hardware',
    fact: batteryFact,
    metrics: batteryMetrics,
    checks: batteryChecks,
  }),
  defineSubject({
    name: 'updates',
    title: 'Updates',
    domain: 'updates',
    fact: updatesFact,
    metrics: updatesMetrics,
    checks: updatesChecks,
  }),
  defineSubject({ name: 'reboot', title: 'Restart', domain: 'updates', fact: rebootFact, metrics: rebootMetrics, checks: rebootChecks }),
  defineSubject({
    name: 'backups',
    title: 'Backups',
    domain: 'backups',
    fact: backupsFact,
    metrics: backupsMetrics,
    checks: backupsChecks,
  }),
  defineSubject({
    name: 'antivirus',
    title: 'Malware protection',
    domain: 'security',
    fact: antivirusFact,
    metrics: antivirusMetrics,
    checks: antivirusChecks,
  }),
  defineSubject({
    name: 'firewall',
    title: 'Firewall',
    domain: 'security',
    fact: firewallFact,
    metrics: firewallMetrics,
    checks: firewallChecks,
  }),
  defineSubject({
    name: 'encryption',
    title: 'Disk encryption',
    domain: 'security',
    fact: encryptionFact,
    metrics: encryptionMetrics,
    checks: encryptionChecks,
  }),
  defineSubject({
    name: 'hardening',
    title: 'Platform protection',
    domain: 'security',
    fact: hardeningFact,
    metrics: hardeningMetrics,
    checks: hardeningChecks,
  }),
  defineSubject({
    name: 'accounts',
    title: 'Local administrators',
    domain: 'security',
    fact: accountsFact,
    metrics: accountsMetrics,
    checks: accountsChecks,
  }),
  defineSubject({
    name: 'software',
    title: 'Installed software',
    domain: 'host',
    fact: softwareFact,
    metrics: softwareMetrics,
    checks: softwareChecks,
  }),
  defineSubject({
    name: 'custom',
    title: 'Checks of your own',
    domain: 'host',
    fact: customFact,
    metrics: customMetrics,
    checks: customChecks,
  }),
  defineSubject({ name: 'agent', title: 'Agent', domain: 'agent', fact: agentFact, metrics: agentMetrics, checks: agentChecks }),
]

/** The subject of that name; `undefined` for a name that no version knows. */
export function subjectOf(name: string): Subject | undefined {
  return byName.get(name as SubjectName)
}

const byName = new Map(subjects.map(subject => [subject.name, subject]))
