import {
  agentUp,
  backupLastDurationSeconds,
  backupLastSuccessTimestampSeconds,
  checkStatus,
  diskSmartHealthy,
  diskTemperatureCelsius,
  filesystemAvailBytes,
  filesystemSizeBytes,
  hostBootTimeSeconds,
  hostInfo,
  hostOsInfo,
  policyCompliant,
  updatesHeld,
  updatesLastCheckTimestampSeconds,
  updatesPending,
  updatesRebootRequired,
} from '../metrics.ts'
import { type Group, jobs, type RecordingRule } from './rule.ts'

const job = `job="${jobs.hosts}"`
const input = (series: string, value: number) => ({ series, values: `${value}x10` })

/** Counts over the fleet, so that dashboards and people need not add up ten thousand hosts at every look. */
const fleet: readonly RecordingRule[] = [
  {
    record: 'job:fettle_agent_up:sum',
    expr: `sum by (job) (${agentUp})`,
    test: {
      inputs: [input(`${agentUp}{${job}, instance="a"}`, 1), input(`${agentUp}{${job}, instance="b"}`, 0)],
      at: '5m',
      samples: [{ labels: `job:fettle_agent_up:sum{${job}}`, value: 1 }],
    },
  },
  {
    record: 'job:fettle_agent_up:count',
    expr: `count by (job) (${agentUp})`,
    test: {
      inputs: [input(`${agentUp}{${job}, instance="a"}`, 1), input(`${agentUp}{${job}, instance="b"}`, 0)],
      at: '5m',
      samples: [{ labels: `job:fettle_agent_up:count{${job}}`, value: 2 }],
    },
  },
  {
    record: 'job_check_status:fettle_check_status:count',
    expr: `count_values by (job, check) ("status", ${checkStatus})`,
    test: {
      inputs: [
        input(`${checkStatus}{${job}, instance="a", check="x"}`, 2),
        input(`${checkStatus}{${job}, instance="b", check="x"}`, 2),
        input(`${checkStatus}{${job}, instance="c", check="x"}`, 0),
      ],
      at: '5m',
      samples: [
        { labels: `job_check_status:fettle_check_status:count{${job}, check="x", status="2"}`, value: 2 },
        { labels: `job_check_status:fettle_check_status:count{${job}, check="x", status="0"}`, value: 1 },
      ],
    },
  },
  {
    record: 'job_policy:fettle_policy_compliant:avg',
    expr: `avg by (job, policy) (${policyCompliant})`,
    test: {
      inputs: [
        input(`${policyCompliant}{${job}, instance="a", policy="backup"}`, 1),
        input(`${policyCompliant}{${job}, instance="b", policy="backup"}`, 0),
      ],
      at: '5m',
      samples: [{ labels: `job_policy:fettle_policy_compliant:avg{${job}, policy="backup"}`, value: 0.5 }],
    },
  },
  {
    record: 'job_class:fettle_updates_pending:sum',
    expr: `sum by (job, class) (${updatesPending})`,
    test: {
      inputs: [input(`${updatesPending}{${job}, instance="a", source="apt", class="security"}`, 3)],
      at: '5m',
      samples: [{ labels: `job_class:fettle_updates_pending:sum{${job}, class="security"}`, value: 3 }],
    },
  },
  {
    record: 'job_os:fettle_host_os_info:count',
    expr: `count by (job, os_name, os_version) (${hostOsInfo})`,
    test: {
      inputs: [input(`${hostOsInfo}{${job}, instance="a", os_name="Debian", os_version="12"}`, 1)],
      at: '5m',
      samples: [{ labels: `job_os:fettle_host_os_info:count{${job}, os_name="Debian", os_version="12"}`, value: 1 }],
    },
  },
]

export const fleetGroup: Group = { name: 'fettle-fleet', rules: fleet }

const onLinux = (metric: unknown): string => `${metric} and on (job, instance) ${hostInfo}{os_type="linux"}`
const renamed = (record: string, expr: string): Pick<RecordingRule, 'record' | 'expr'> => ({ record, expr })

/** Names that dashboards of the ecosystem know. Only for those who do not run the exporters that own them. */
export const compatGroup = {
  name: 'fettle-compat',
  rules: [
    renamed('node_reboot_required', onLinux(updatesRebootRequired)),
    renamed('node_boot_time_seconds', onLinux(hostBootTimeSeconds)),
    renamed('node_filesystem_size_bytes', onLinux(filesystemSizeBytes)),
    renamed('node_filesystem_avail_bytes', onLinux(filesystemAvailBytes)),
    renamed('apt_upgrades_pending', `sum by (job, instance, class) (${updatesPending}{source="apt"})`),
    renamed('apt_upgrades_held', `sum by (job, instance) (${updatesHeld}{source="apt"})`),
    renamed('apt_package_cache_timestamp_seconds', `max by (job, instance) (${updatesLastCheckTimestampSeconds}{source="apt"})`),
    renamed('restic_backup_timestamp', `${backupLastSuccessTimestampSeconds}{tool="restic"} > 0`),
    renamed('restic_backup_duration_seconds', `${backupLastDurationSeconds}{tool="restic"}`),
    renamed('borg_last_backup_timestamp', `${backupLastSuccessTimestampSeconds}{tool="borg"} > 0`),
    renamed('smartctl_device_smart_status', `${diskSmartHealthy}`),
    renamed('smartctl_device_temperature', `${diskTemperatureCelsius}`),
  ],
}
