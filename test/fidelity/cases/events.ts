import type { CaseList } from '../case.ts'

const of = (providers: string, why: string) => ({ files: new RegExp(`^events_windows/.*(?:${providers})`), why })

/**
 * Single records of the logs of Windows. Sources read three kinds: errors of memory and of disks, and the ends of Veeam's jobs; the rest tells
 * what happened once, where a source asks for the state that holds.
 */
export const events: CaseList = {
  domain: 'events_windows',
  cases: () => [],
  leftOut: [
    {
      files: /^events_windows\/(osquery|fluent)\+/,
      why: 'single records that other programs test with, and what these programs make of them: none is of a provider that a source reads',
    },
    { files: /^events_windows\/.*\/powershell_transcript_ger\.txt$/, why: 'a transcript of commands that somebody typed' },
    of('Service-Control-Manager', 'which services that should run do not is asked of the services themselves'),
    of('Time-Service|Kernel-General_1\\.|Kernel-General\\.1\\.', 'whether the clock is right is asked of w32tm'),
    of('User32|EventLog|Eventlog|Kernel-Power|Kernel-Boot|Winlogon|Wininit', 'starts, stops and sleep: no subject counts them'),
    of(
      'MsiInstaller|Servicing|RestartManager|UserPnp|DeviceSetupManager',
      'single installations: software, updates and due restarts are asked for as they stand',
    ),
    of('Security-Auditing|Security-SPP|Directory-Services-SAM|TermDD|CAPI2', 'who signed in and what was licensed: no subject tells of it'),
    of('SecurityCenter', 'protection is asked of Windows Security Center as it stands'),
    of('System-Restore|VHDMP', 'restore points and virtual disks: no subject tells of them'),
    of(
      'ESENT|Application-Hang|Application-Error|Desktop-Window-Manager|WMI|EventSystem|DistributedCOM|Search-ProfileNotify|Diagnostics-Performance|User-Profiles-Service',
      'troubles of single programs: no subject tells of them',
    ),
    of(
      'Bits-Client|Dhcp|DHCP|NetworkProfile|WLAN-AutoConfig|Netwtw|GroupPolicy|Hyper-V',
      'networks, policies and virtual machines: no subject tells of them',
    ),
  ],
}
