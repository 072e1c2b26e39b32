import type { Probe } from '../probe.ts'
import accountsWindows from './accounts/windows.ts'
import agentSelf from './agent/self.ts'
import antivirusBitdefender from './antivirus/bitdefender.ts'
import antivirusCarbonBlack from './antivirus/carbon-black.ts'
import antivirusCrowdstrike from './antivirus/crowdstrike.ts'
import antivirusDefender from './antivirus/defender.ts'
import antivirusEset from './antivirus/eset.ts'
import antivirusKaspersky from './antivirus/kaspersky.ts'
import antivirusMdatp from './antivirus/mdatp.ts'
import antivirusSecurityCenter from './antivirus/security-center.ts'
import antivirusSentinelone from './antivirus/sentinelone.ts'
import antivirusSophos from './antivirus/sophos.ts'
import antivirusTrendMicro from './antivirus/trend-micro.ts'
import antivirusWazuh from './antivirus/wazuh.ts'
import backupsBackblaze from './backups/backblaze.ts'
import backupsDuplicati from './backups/duplicati.ts'
import backupsFileHistory from './backups/file-history.ts'
import backupsKopia from './backups/kopia.ts'
import backupsMarker from './backups/marker.ts'
import backupsOnedrive from './backups/onedrive.ts'
import backupsRestic from './backups/restic.ts'
import backupsResticprofile from './backups/resticprofile.ts'
import backupsTaskScheduler from './backups/task-scheduler.ts'
import backupsVeeam from './backups/veeam.ts'
import backupsVss from './backups/vss.ts'
import backupsWindowsServerBackup from './backups/windows-server-backup.ts'
import batteryWindows from './battery/windows.ts'
import clockW32time from './clock/w32time.ts'
import customDropin from './custom/dropin.ts'
import customNagios from './custom/nagios.ts'
import customTextfile from './custom/textfile.ts'
import disksWindows from './disks/windows.ts'
import { loadXml } from './documents.ts'
import encryptionBitlocker from './encryption/bitlocker.ts'
import filesystemsWindows from './filesystems/windows.ts'
import firewallWindows from './firewall/windows.ts'
import hardeningWindows from './hardening/windows.ts'
import hardwareSysteminformation from './hardware/systeminformation.ts'
import memoryWhea from './memory/whea.ts'
import raidStorageSpaces from './raid/storage-spaces.ts'
import rebootWindows from './reboot/windows.ts'
import servicesWindows from './services/windows.ts'
import softwareAppx from './software/appx.ts'
import softwareRegistry from './software/registry.ts'
import systemWindows from './system/windows.ts'
import updatesOffice from './updates/office.ts'
import updatesWindowsBuild from './updates/windows-build.ts'
import updatesWindowsUpdate from './updates/windows-update.ts'
import updatesWinget from './updates/winget.ts'
import usageWindows from './usage/windows.ts'

await loadXml()

/** Every source of Windows. */
export const windowsProbes: readonly Probe[] = [
  agentSelf,
  backupsRestic,
  backupsMarker,
  backupsDuplicati,
  backupsKopia,
  backupsResticprofile,
  backupsBackblaze,
  antivirusCarbonBlack,
  antivirusBitdefender,
  antivirusCrowdstrike,
  antivirusEset,
  antivirusKaspersky,
  antivirusMdatp,
  antivirusSophos,
  antivirusTrendMicro,
  antivirusWazuh,
  antivirusSentinelone,
  antivirusDefender,
  antivirusSecurityCenter,
  clockW32time,
  disksWindows,
  encryptionBitlocker,
  firewallWindows,
  hardeningWindows,
  rebootWindows,
  systemWindows,
  updatesWinget,
  updatesWindowsBuild,
  updatesWindowsUpdate,
  backupsWindowsServerBackup,
  raidStorageSpaces,
  servicesWindows,
  usageWindows,
  filesystemsWindows,
  memoryWhea,
  backupsVeeam,
  updatesOffice,
  backupsFileHistory,
  backupsTaskScheduler,
  backupsVss,
  backupsOnedrive,
  customDropin,
  customNagios,
  customTextfile,
  softwareRegistry,
  softwareAppx,
  accountsWindows,
  batteryWindows,
  hardwareSysteminformation,
]
