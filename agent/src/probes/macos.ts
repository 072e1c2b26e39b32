import type { Probe } from '../probe.ts'
import accountsMacos from './accounts/macos.ts'
import agentSelf from './agent/self.ts'
import antivirusCarbonBlack from './antivirus/carbon-black.ts'
import antivirusCortexXdr from './antivirus/cortex-xdr.ts'
import antivirusCrowdstrike from './antivirus/crowdstrike.ts'
import antivirusMdatp from './antivirus/mdatp.ts'
import antivirusSentinelone from './antivirus/sentinelone.ts'
import antivirusSystemExtensions from './antivirus/system-extensions.ts'
import antivirusWazuh from './antivirus/wazuh.ts'
import antivirusXprotect from './antivirus/xprotect.ts'
import backupsArq from './backups/arq.ts'
import backupsBackblaze from './backups/backblaze.ts'
import backupsBorg from './backups/borg.ts'
import backupsBorgmatic from './backups/borgmatic.ts'
import backupsDuplicati from './backups/duplicati.ts'
import backupsKopia from './backups/kopia.ts'
import backupsLaunchd from './backups/launchd.ts'
import backupsMarker from './backups/marker.ts'
import backupsRestic from './backups/restic.ts'
import backupsResticprofile from './backups/resticprofile.ts'
import backupsRsnapshot from './backups/rsnapshot.ts'
import backupsTimeMachine from './backups/time-machine.ts'
import batteryMacos from './battery/macos.ts'
import clockMacos from './clock/macos.ts'
import customDropin from './custom/dropin.ts'
import customNagios from './custom/nagios.ts'
import customTextfile from './custom/textfile.ts'
import disksMacos from './disks/macos.ts'
import { loadPlist } from './documents.ts'
import encryptionFilevault from './encryption/filevault.ts'
import filesystemsMacos from './filesystems/macos.ts'
import firewallApplication from './firewall/application-firewall.ts'
import firewallPf from './firewall/pf.ts'
import hardeningMacos from './hardening/macos.ts'
import hardwareSysteminformation from './hardware/systeminformation.ts'
import raidApple from './raid/apple-raid.ts'
import rebootMacos from './reboot/macos.ts'
import sensorsApcupsd from './sensors/apcupsd.ts'
import sensorsUps from './sensors/ups.ts'
import servicesLaunchd from './services/launchd.ts'
import softwareHomebrew from './software/homebrew.ts'
import softwareMacos from './software/macos.ts'
import systemMacos from './system/macos.ts'
import updatesHomebrew from './updates/homebrew.ts'
import updatesMacosRelease from './updates/macos-release.ts'
import updatesMas from './updates/mas.ts'
import updatesMunki from './updates/munki.ts'
import updatesSoftwareupdate from './updates/softwareupdate.ts'
import usageMacos from './usage/macos.ts'

await loadPlist()

/** Every source of macOS. */
export const macosProbes: readonly Probe[] = [
  agentSelf,
  backupsRestic,
  backupsBorg,
  backupsMarker,
  backupsBorgmatic,
  backupsDuplicati,
  backupsKopia,
  backupsResticprofile,
  backupsRsnapshot,
  backupsArq,
  backupsBackblaze,
  antivirusCarbonBlack,
  antivirusCortexXdr,
  antivirusCrowdstrike,
  antivirusMdatp,
  antivirusSentinelone,
  antivirusSystemExtensions,
  antivirusWazuh,
  antivirusXprotect,
  backupsTimeMachine,
  backupsLaunchd,
  encryptionFilevault,
  firewallApplication,
  firewallPf,
  hardeningMacos,
  updatesHomebrew,
  updatesMacosRelease,
  updatesMas,
  updatesMunki,
  updatesSoftwareupdate,
  sensorsUps,
  sensorsApcupsd,
  batteryMacos,
  disksMacos,
  raidApple,
  filesystemsMacos,
  systemMacos,
  clockMacos,
  rebootMacos,
  servicesLaunchd,
  usageMacos,
  customDropin,
  customNagios,
  customTextfile,
  softwareMacos,
  softwareHomebrew,
  accountsMacos,
  hardwareSysteminformation,
]
