# Windows Server Backup; see Get-WBSummary of the module WindowsServerBackup.
$said = Get-WBSummary
@{
  summary = @{
    NextBackupTime = Utc $said.NextBackupTime
    NumberOfVersions = [string]$said.NumberOfVersions
    LastSuccessfulBackupTime = Utc $said.LastSuccessfulBackupTime
    LastSuccessfulBackupTargetLabel = [string]$said.LastSuccessfulBackupTargetLabel
    LastBackupTime = Utc $said.LastBackupTime
    LastBackupTarget = [string]$said.LastBackupTarget
    DetailedMessage = [string]$said.DetailedMessage
    LastBackupResultHR = [string]$said.LastBackupResultHR
    CurrentOperationStatus = [string]$said.CurrentOperationStatus
  }
}
