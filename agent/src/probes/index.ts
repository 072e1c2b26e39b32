import type { Probe } from '../probe.ts'
import accountsLinux from './accounts/linux.ts'
import agentSelf from './agent/self.ts'
import antivirusBitdefender from './antivirus/bitdefender.ts'
import antivirusCarbonBlack from './antivirus/carbon-black.ts'
import antivirusClamav from './antivirus/clamav.ts'
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
import antivirusXprotect from './antivirus/xprotect.ts'
import backupsBorg from './backups/borg.ts'
import backupsFileHistory from './backups/file-history.ts'
import backupsMarker from './backups/marker.ts'
import backupsRestic from './backups/restic.ts'
import backupsSystemd from './backups/systemd.ts'
import backupsTimeMachine from './backups/time-machine.ts'
import backupsVeeam from './backups/veeam.ts'
import backupsWindowsServerBackup from './backups/windows-server-backup.ts'
import batteryMacos from './battery/macos.ts'
import batterySysfs from './battery/sysfs.ts'
import clockChrony from './clock/chrony.ts'
import clockMacos from './clock/macos.ts'
import clockTimedatectl from './clock/timedatectl.ts'
import clockW32time from './clock/w32time.ts'
import disksArcconf from './disks/arcconf.ts'
import disksMacos from './disks/macos.ts'
import disksMegacli from './disks/megacli.ts'
import disksNvmeCli from './disks/nvme-cli.ts'
import disksSmartctl from './disks/smartctl.ts'
import disksSsacli from './disks/ssacli.ts'
import disksStorcli from './disks/storcli.ts'
import disksWindows from './disks/windows.ts'
import encryptionBitlocker from './encryption/bitlocker.ts'
import encryptionFilevault from './encryption/filevault.ts'
import encryptionLuks from './encryption/luks.ts'
import filesystemsMacos from './filesystems/macos.ts'
import filesystemsMounts from './filesystems/mounts.ts'
import filesystemsWindows from './filesystems/windows.ts'
import firewallApplication from './firewall/application-firewall.ts'
import firewallFirewalld from './firewall/firewalld.ts'
import firewallIptables from './firewall/iptables.ts'
import firewallNftables from './firewall/nftables.ts'
import firewallPf from './firewall/pf.ts'
import firewallUfw from './firewall/ufw.ts'
import firewallWindows from './firewall/windows.ts'
import gpuAmd from './gpu/amd.ts'
import gpuNvidiaSmi from './gpu/nvidia-smi.ts'
import hardeningLinux from './hardening/linux.ts'
import hardeningMacos from './hardening/macos.ts'
import hardeningWindows from './hardening/windows.ts'
import memoryEdac from './memory/edac.ts'
import memoryRasdaemon from './memory/rasdaemon.ts'
import memoryWhea from './memory/whea.ts'
import raidApple from './raid/apple-raid.ts'
import raidArcconf from './raid/arcconf.ts'
import raidBtrfs from './raid/btrfs.ts'
import raidLvm from './raid/lvm.ts'
import raidMd from './raid/md.ts'
import raidMegacli from './raid/megacli.ts'
import raidMultipath from './raid/multipath.ts'
import raidSsacli from './raid/ssacli.ts'
import raidStorageSpaces from './raid/storage-spaces.ts'
import raidStorcli from './raid/storcli.ts'
import raidZfs from './raid/zfs.ts'
import rebootLinux from './reboot/linux.ts'
import rebootMacos from './reboot/macos.ts'
import rebootRpm from './reboot/rpm.ts'
import rebootWindows from './reboot/windows.ts'
import sensorsApcupsd from './sensors/apcupsd.ts'
import sensorsHwmon from './sensors/hwmon.ts'
import sensorsIpmi from './sensors/ipmi.ts'
import sensorsUps from './sensors/ups.ts'
import servicesLaunchd from './services/launchd.ts'
import servicesSystemd from './services/systemd.ts'
import servicesWindows from './services/windows.ts'
import softwareDpkg from './software/dpkg.ts'
import softwarePacman from './software/pacman.ts'
import softwareRpm from './software/rpm.ts'
import systemLinux from './system/linux.ts'
import systemMacos from './system/macos.ts'
import systemWindows from './system/windows.ts'
import updatesApk from './updates/apk.ts'
import updatesApt from './updates/apt.ts'
import updatesBootc from './updates/bootc.ts'
import updatesDnf from './updates/dnf.ts'
import updatesDnf5 from './updates/dnf5.ts'
import updatesFlatpak from './updates/flatpak.ts'
import updatesFwupd from './updates/fwupd.ts'
import updatesHomebrew from './updates/homebrew.ts'
import updatesMas from './updates/mas.ts'
import updatesOffice from './updates/office.ts'
import updatesPacman from './updates/pacman.ts'
import updatesRpmOstree from './updates/rpm-ostree.ts'
import updatesSnap from './updates/snap.ts'
import updatesSoftwareupdate from './updates/softwareupdate.ts'
import updatesUbuntuPro from './updates/ubuntu-pro.ts'
import updatesWindowsBuild from './updates/windows-build.ts'
import updatesWindowsUpdate from './updates/windows-update.ts'
import updatesWinget from './updates/winget.ts'
import updatesZypper from './updates/zypper.ts'
import usageMacos from './usage/macos.ts'
import usageProc from './usage/proc.ts'
import usageWindows from './usage/windows.ts'

/** Every source that the agent can read. A probe is in this list or it does not exist. */
export const probes: readonly Probe[] = [
  rebootLinux,
  rebootRpm,
  systemLinux,
  usageProc,
  updatesApt,
  updatesDnf,
  updatesDnf5,
  updatesZypper,
  updatesPacman,
  updatesApk,
  updatesFwupd,
  updatesUbuntuPro,
  updatesSnap,
  updatesFlatpak,
  updatesRpmOstree,
  updatesBootc,
  filesystemsMounts,
  disksSmartctl,
  raidMd,
  sensorsHwmon,
  memoryEdac,
  clockTimedatectl,
  clockChrony,
  servicesSystemd,
  agentSelf,
  backupsRestic,
  backupsBorg,
  backupsMarker,
  backupsSystemd,
  antivirusClamav,
  antivirusBitdefender,
  antivirusCarbonBlack,
  antivirusCrowdstrike,
  antivirusEset,
  antivirusKaspersky,
  antivirusMdatp,
  antivirusSentinelone,
  antivirusSophos,
  antivirusTrendMicro,
  antivirusWazuh,
  encryptionLuks,
  firewallFirewalld,
  firewallIptables,
  firewallNftables,
  firewallUfw,
  hardeningLinux,
  accountsLinux,
  softwareDpkg,
  softwareRpm,
  softwarePacman,
  raidZfs,
  raidBtrfs,
  raidStorcli,
  disksStorcli,
  antivirusXprotect,
  backupsTimeMachine,
  encryptionFilevault,
  firewallApplication,
  firewallPf,
  hardeningMacos,
  updatesHomebrew,
  updatesMas,
  updatesSoftwareupdate,
  sensorsIpmi,
  sensorsUps,
  sensorsApcupsd,
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
  gpuNvidiaSmi,
  gpuAmd,
  disksNvmeCli,
  batteryMacos,
  batterySysfs,
  disksMacos,
  raidApple,
  filesystemsMacos,
  systemMacos,
  raidSsacli,
  raidMegacli,
  raidArcconf,
  disksSsacli,
  disksMegacli,
  disksArcconf,
  clockMacos,
  rebootMacos,
  servicesLaunchd,
  usageMacos,
  raidLvm,
  raidMultipath,
  memoryRasdaemon,
  backupsWindowsServerBackup,
  raidStorageSpaces,
  servicesWindows,
  usageWindows,
  filesystemsWindows,
  memoryWhea,
  backupsVeeam,
  updatesOffice,
  backupsFileHistory,
]
