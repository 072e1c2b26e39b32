import type { Probe } from '../probe.ts'
import agentSelf from './agent/self.ts'
import antivirusClamav from './antivirus/clamav.ts'
import antivirusXprotect from './antivirus/xprotect.ts'
import backupsBorg from './backups/borg.ts'
import backupsMarker from './backups/marker.ts'
import backupsRestic from './backups/restic.ts'
import backupsSystemd from './backups/systemd.ts'
import backupsTimeMachine from './backups/time-machine.ts'
import clockChrony from './clock/chrony.ts'
import clockTimedatectl from './clock/timedatectl.ts'
import disksSmartctl from './disks/smartctl.ts'
import disksStorcli from './disks/storcli.ts'
import encryptionFilevault from './encryption/filevault.ts'
import encryptionLuks from './encryption/luks.ts'
import filesystemsMounts from './filesystems/mounts.ts'
import firewallApplication from './firewall/application-firewall.ts'
import firewallNftables from './firewall/nftables.ts'
import firewallPf from './firewall/pf.ts'
import firewallUfw from './firewall/ufw.ts'
import hardeningLinux from './hardening/linux.ts'
import hardeningMacos from './hardening/macos.ts'
import memoryEdac from './memory/edac.ts'
import raidBtrfs from './raid/btrfs.ts'
import raidMd from './raid/md.ts'
import raidStorcli from './raid/storcli.ts'
import raidZfs from './raid/zfs.ts'
import rebootLinux from './reboot/linux.ts'
import sensorsApcupsd from './sensors/apcupsd.ts'
import sensorsHwmon from './sensors/hwmon.ts'
import sensorsIpmi from './sensors/ipmi.ts'
import sensorsUps from './sensors/ups.ts'
import servicesSystemd from './services/systemd.ts'
import systemLinux from './system/linux.ts'
import updatesApt from './updates/apt.ts'
import updatesDnf from './updates/dnf.ts'
import updatesDnf5 from './updates/dnf5.ts'
import updatesHomebrew from './updates/homebrew.ts'
import updatesMas from './updates/mas.ts'
import updatesSoftwareupdate from './updates/softwareupdate.ts'
import updatesZypper from './updates/zypper.ts'
import usageProc from './usage/proc.ts'

/** Every source that the agent can read. A probe is in this list or it does not exist. */
export const probes: readonly Probe[] = [
  rebootLinux,
  systemLinux,
  usageProc,
  updatesApt,
  updatesDnf,
  updatesDnf5,
  updatesZypper,
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
  encryptionLuks,
  firewallNftables,
  firewallUfw,
  hardeningLinux,
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
]
