import type { Probe } from '../probe.ts'
import agentSelf from './agent/self.ts'
import antivirusClamav from './antivirus/clamav.ts'
import backupsBorg from './backups/borg.ts'
import backupsMarker from './backups/marker.ts'
import backupsRestic from './backups/restic.ts'
import backupsSystemd from './backups/systemd.ts'
import clockChrony from './clock/chrony.ts'
import clockTimedatectl from './clock/timedatectl.ts'
import disksSmartctl from './disks/smartctl.ts'
import encryptionLuks from './encryption/luks.ts'
import filesystemsMounts from './filesystems/mounts.ts'
import firewallNftables from './firewall/nftables.ts'
import firewallUfw from './firewall/ufw.ts'
import hardeningLinux from './hardening/linux.ts'
import memoryEdac from './memory/edac.ts'
import raidMd from './raid/md.ts'
import rebootLinux from './reboot/linux.ts'
import sensorsHwmon from './sensors/hwmon.ts'
import servicesSystemd from './services/systemd.ts'
import systemLinux from './system/linux.ts'
import updatesApt from './updates/apt.ts'
import usageProc from './usage/proc.ts'

/** Every source of Linux. */
export const linuxProbes: readonly Probe[] = [
  rebootLinux,
  systemLinux,
  usageProc,
  updatesApt,
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
]
