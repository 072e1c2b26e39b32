import type { Probe } from '../probe.ts'
import accountsLinux from './accounts/linux.ts'
import agentSelf from './agent/self.ts'
import antivirusBitdefender from './antivirus/bitdefender.ts'
import antivirusCarbonBlack from './antivirus/carbon-black.ts'
import antivirusClamav from './antivirus/clamav.ts'
import antivirusCortexXdr from './antivirus/cortex-xdr.ts'
import antivirusCrowdstrike from './antivirus/crowdstrike.ts'
import antivirusEset from './antivirus/eset.ts'
import antivirusKaspersky from './antivirus/kaspersky.ts'
import antivirusMdatp from './antivirus/mdatp.ts'
import antivirusSentinelone from './antivirus/sentinelone.ts'
import antivirusSophos from './antivirus/sophos.ts'
import antivirusTrendMicro from './antivirus/trend-micro.ts'
import antivirusWazuh from './antivirus/wazuh.ts'
import backupsBacula from './backups/bacula.ts'
import backupsBareos from './backups/bareos.ts'
import backupsBorg from './backups/borg.ts'
import backupsBorgmatic from './backups/borgmatic.ts'
import backupsBtrfsSnapshots from './backups/btrfs-snapshots.ts'
import backupsDuplicati from './backups/duplicati.ts'
import backupsKopia from './backups/kopia.ts'
import backupsMarker from './backups/marker.ts'
import backupsPgbackrest from './backups/pgbackrest.ts'
import backupsProxmox from './backups/proxmox.ts'
import backupsProxmoxBackupClient from './backups/proxmox-backup-client.ts'
import backupsRestic from './backups/restic.ts'
import backupsResticprofile from './backups/resticprofile.ts'
import backupsRsnapshot from './backups/rsnapshot.ts'
import backupsSnapper from './backups/snapper.ts'
import backupsSystemd from './backups/systemd.ts'
import backupsTimeshift from './backups/timeshift.ts'
import backupsVeeamLinux from './backups/veeam-linux.ts'
import backupsZfsSnapshots from './backups/zfs-snapshots.ts'
import batterySysfs from './battery/sysfs.ts'
import clockChrony from './clock/chrony.ts'
import clockTimedatectl from './clock/timedatectl.ts'
import customDropin from './custom/dropin.ts'
import customNagios from './custom/nagios.ts'
import customTextfile from './custom/textfile.ts'
import disksArcconf from './disks/arcconf.ts'
import disksMegacli from './disks/megacli.ts'
import disksNvmeCli from './disks/nvme-cli.ts'
import disksSmartctl from './disks/smartctl.ts'
import disksSsacli from './disks/ssacli.ts'
import disksStorcli from './disks/storcli.ts'
import encryptionLuks from './encryption/luks.ts'
import filesystemsMounts from './filesystems/mounts.ts'
import firewallFirewalld from './firewall/firewalld.ts'
import firewallIptables from './firewall/iptables.ts'
import firewallNftables from './firewall/nftables.ts'
import firewallUfw from './firewall/ufw.ts'
import gpuAmd from './gpu/amd.ts'
import gpuNvidiaSmi from './gpu/nvidia-smi.ts'
import hardeningLinux from './hardening/linux.ts'
import hardwareSysteminformation from './hardware/systeminformation.ts'
import memoryEdac from './memory/edac.ts'
import memoryRasdaemon from './memory/rasdaemon.ts'
import raidArcconf from './raid/arcconf.ts'
import raidBtrfs from './raid/btrfs.ts'
import raidLvm from './raid/lvm.ts'
import raidMd from './raid/md.ts'
import raidMegacli from './raid/megacli.ts'
import raidMultipath from './raid/multipath.ts'
import raidSsacli from './raid/ssacli.ts'
import raidStorcli from './raid/storcli.ts'
import raidTwCli from './raid/tw-cli.ts'
import raidZfs from './raid/zfs.ts'
import rebootLinux from './reboot/linux.ts'
import rebootRpm from './reboot/rpm.ts'
import sensorsApcupsd from './sensors/apcupsd.ts'
import sensorsHwmon from './sensors/hwmon.ts'
import sensorsIpmi from './sensors/ipmi.ts'
import sensorsUps from './sensors/ups.ts'
import servicesSystemd from './services/systemd.ts'
import softwareApk from './software/apk.ts'
import softwareDpkg from './software/dpkg.ts'
import softwareFlatpak from './software/flatpak.ts'
import softwareHomebrew from './software/homebrew.ts'
import softwarePacman from './software/pacman.ts'
import softwareRpm from './software/rpm.ts'
import softwareSnap from './software/snap.ts'
import systemLinux from './system/linux.ts'
import updatesApk from './updates/apk.ts'
import updatesApt from './updates/apt.ts'
import updatesBootc from './updates/bootc.ts'
import updatesDnf from './updates/dnf.ts'
import updatesDnf5 from './updates/dnf5.ts'
import updatesFlatpak from './updates/flatpak.ts'
import updatesFwupd from './updates/fwupd.ts'
import updatesPacman from './updates/pacman.ts'
import updatesRpmOstree from './updates/rpm-ostree.ts'
import updatesSnap from './updates/snap.ts'
import updatesUbuntuPro from './updates/ubuntu-pro.ts'
import updatesZypper from './updates/zypper.ts'
import usageProc from './usage/proc.ts'

/** Every source of Linux. */
export const linuxProbes: readonly Probe[] = [
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
  backupsBorgmatic,
  backupsDuplicati,
  backupsKopia,
  backupsResticprofile,
  backupsRsnapshot,
  backupsSystemd,
  backupsVeeamLinux,
  backupsPgbackrest,
  backupsProxmoxBackupClient,
  backupsProxmox,
  backupsBareos,
  backupsBacula,
  backupsTimeshift,
  backupsZfsSnapshots,
  backupsBtrfsSnapshots,
  backupsSnapper,
  antivirusClamav,
  antivirusBitdefender,
  antivirusCarbonBlack,
  antivirusCortexXdr,
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
  raidTwCli,
  disksStorcli,
  sensorsIpmi,
  sensorsUps,
  sensorsApcupsd,
  gpuNvidiaSmi,
  gpuAmd,
  disksNvmeCli,
  batterySysfs,
  raidSsacli,
  raidMegacli,
  raidArcconf,
  disksSsacli,
  disksMegacli,
  disksArcconf,
  raidLvm,
  raidMultipath,
  memoryRasdaemon,
  customDropin,
  customNagios,
  customTextfile,
  softwareApk,
  softwareSnap,
  softwareFlatpak,
  softwareHomebrew,
  hardwareSysteminformation,
]
