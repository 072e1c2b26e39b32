# Shadow copies, the space set aside for them, and restore points; see Win32_ShadowCopy, Win32_ShadowStorage and SystemRestore.
$copies = Attempt { @(Get-CimInstance -ClassName Win32_ShadowCopy | Select-Object -First 4096 | ForEach-Object {
  @{ volume = [string]$_.VolumeName; at = Utc $_.InstallDate; clientAccessible = [string]$_.ClientAccessible; state = [string]$_.State }
}) }
$storage = Attempt { @(Get-CimInstance -ClassName Win32_ShadowStorage | ForEach-Object {
  @{ volume = [string]$_.Volume.DeviceID; used = [string]$_.UsedSpace; max = [string]$_.MaxSpace }
}) }
$volumes = Attempt { @(Get-CimInstance -ClassName Win32_Volume -Filter 'DriveType=3' | ForEach-Object {
  @{ volume = [string]$_.DeviceID; name = [string]$_.Name }
}) }
$points = Attempt { @(Get-CimInstance -Namespace root/default -ClassName SystemRestore | ForEach-Object {
  @{ number = [string]$_.SequenceNumber; created = if ($_.CreationTime -is [datetime]) { Utc $_.CreationTime } else { [string]$_.CreationTime } }
}) }
@{ copies = $copies; storage = $storage; volumes = $volumes; points = $points }
