/** A program that tests run, or a file that they need by its whole path, and the Debian package that brings it. */
export type Need = { readonly program: string; readonly package: string }

/** Every real part that the tests stand on; there is no test that is left out where one is missing. */
export const needs: readonly Need[] = [
  { program: 'redis-server', package: 'redis-server' },
  { program: 'redis-cli', package: 'redis-tools' },
  { program: 'prometheus', package: 'prometheus' },
  { program: 'promtool', package: 'prometheus' },
  { program: 'prometheus-alertmanager', package: 'prometheus-alertmanager' },
  { program: 'chromium', package: 'chromium' },
  { program: 'restic', package: 'restic' },
  { program: 'borg', package: 'borgbackup' },
  { program: 'borgmatic', package: 'borgmatic' },
  { program: 'rsnapshot', package: 'rsnapshot' },
  { program: 'rsync', package: 'rsync' },
  { program: 'rclone', package: 'rclone' },
  { program: 'clamd', package: 'clamav-daemon' },
  { program: 'tinyproxy', package: 'tinyproxy-bin' },
  { program: 'nginx', package: 'nginx-light' },
  { program: 'haproxy', package: 'haproxy' },
  { program: 'caddy', package: 'caddy' },
  { program: 'nft', package: 'nftables' },
  // nft(8) reads and prints the names of protocols by it.
  { program: '/etc/protocols', package: 'netbase' },
  { program: 'ip', package: 'iproute2' },
  { program: 'iptables', package: 'iptables' },
  { program: 'firewall-offline-cmd', package: 'firewalld' },
  { program: 'dbus-daemon', package: 'dbus-daemon' },
  { program: 'openssl', package: 'openssl' },
  { program: 'unshare', package: 'util-linux' },
  { program: 'mount', package: 'mount' },
  { program: 'faketime', package: 'faketime' },
  { program: 'systemd-analyze', package: 'systemd' },
  { program: '/usr/lib/nagios/plugins/check_load', package: 'monitoring-plugins-basic' },
  { program: 'apt-get', package: 'apt' },
  { program: 'dpkg-deb', package: 'dpkg' },
  { program: 'dnf', package: 'dnf' },
  { program: 'rpm', package: 'rpm' },
  { program: 'rpmbuild', package: 'rpm' },
  { program: 'createrepo_c', package: 'createrepo-c' },
  { program: 'zypper', package: 'zypper' },
  { program: 'pacman', package: 'pacman-package-manager' },
  { program: 'mkfs.btrfs', package: 'btrfs-progs' },
  { program: 'snapper', package: 'snapper' },
  { program: 'pgbackrest', package: 'pgbackrest' },
  { program: 'nvme', package: 'nvme-cli' },
  { program: 'smartctl', package: 'smartmontools' },
  { program: 'ipmitool', package: 'ipmitool' },
  { program: 'ipmi-sensors', package: 'freeipmi-tools' },
  { program: '/lib/nut/dummy-ups', package: 'nut-server' },
  { program: 'upsc', package: 'nut-client' },
  { program: 'mdadm', package: 'mdadm' },
  { program: 'pvs', package: 'lvm2' },
  { program: 'multipath', package: 'multipath-tools' },
  { program: 'ras-mc-ctl', package: 'rasdaemon' },
  { program: 'losetup', package: 'mount' },
]

/** What is to be done about programs that are not there. */
export type Plan =
  | { readonly do: 'nothing' }
  | { readonly do: 'install'; readonly packages: readonly string[] }
  | { readonly do: 'tell'; readonly message: string }

/** Installs where the rights allow it, else says the exact command. @param machine what is here */
export function planFor(machine: { readonly missing: readonly Need[]; readonly isRoot: boolean; readonly hasApt: boolean }): Plan {
  const { missing, isRoot, hasApt } = machine
  if (missing.length === 0) return { do: 'nothing' }
  const packages = [...new Set(missing.map(need => need.package))]
  if (isRoot && hasApt) return { do: 'install', packages }
  const programs = missing.map(need => need.program).join(', ')
  const way = hasApt
    ? `sudo apt-get update && sudo apt-get install -y --no-install-recommends ${packages.join(' ')}`
    : `install what brings them (on Debian: ${packages.join(' ')})`
  return { do: 'tell', message: `Cannot test without ${programs}. Run:\n  ${way}` }
}
