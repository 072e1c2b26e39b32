# Scheduled tasks and how they last ended; see Get-ScheduledTask and Get-ScheduledTaskInfo. Of Windows' own tasks only those of its backup.
$all = @(Get-ScheduledTask | Where-Object { $_.TaskPath -notlike '\Microsoft\*' -or $_.TaskPath -like '\Microsoft\Windows\Backup\*' })
$tasks = @($all | Select-Object -First 512 | ForEach-Object {
  $task = $_
  $path = [string]$task.TaskPath + [string]$task.TaskName
  try {
    $said = Get-ScheduledTaskInfo -InputObject $task
    @{
      path = $path
      state = [string]$task.State
      lastRun = Utc $said.LastRunTime
      nextRun = Utc $said.NextRunTime
      result = [string]$said.LastTaskResult
      missed = [string]$said.NumberOfMissedRuns
    }
  } catch {
    @{ path = $path; state = [string]$task.State; failed = [string]$_.Exception.Message }
  }
})
@{ tasks = $tasks; count = $all.Count }
