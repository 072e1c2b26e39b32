# Automatic services that do not run; see Win32_Service. A service with triggers starts and stops by itself.
$services = @(Get-CimInstance -ClassName Win32_Service -Filter "StartMode='Auto' AND State<>'Running'" | ForEach-Object {
  @{
    Name = [string]$_.Name
    DisplayName = [string]$_.DisplayName
    State = [string]$_.State
    ExitCode = [string]$_.ExitCode
    Delayed = [string]$_.DelayedAutoStart
    Triggered = Test-Path -LiteralPath ('HKLM:\SYSTEM\CurrentControlSet\Services\' + $_.Name + '\TriggerInfo')
  }
})
$os = Get-CimInstance -ClassName Win32_OperatingSystem
@{ services = $services; os = @{ LastBootUpTime = Utc $os.LastBootUpTime } }
