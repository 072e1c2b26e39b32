# Microsoft Defender Antivirus; see Get-MpComputerStatus, Get-MpPreference, Get-MpThreat of the Defender module.
$said = Get-MpComputerStatus
$status = @{}
foreach ($property in $said.CimInstanceProperties) {
  if ($property.Value -is [datetime]) { $status[$property.Name] = Utc $property.Value }
  elseif ($null -ne $property.Value) { $status[$property.Name] = [string]$property.Value }
}
$preference = Attempt {
  $set = Get-MpPreference
  @{ excluded = @($set.ExclusionPath); realtimeOff = [bool]$set.DisableRealtimeMonitoring }
}
$threats = Attempt { @{ active = @(Get-MpThreat | Where-Object { $_.IsActive }).Count } }
@{ status = $status; preference = $preference; threats = $threats }
