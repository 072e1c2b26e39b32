# Traces of a restart that is due; see "Windows Update Agent API" ISystemInformation.
$system = 'HKLM:\SYSTEM\CurrentControlSet\Control'
$servicing = 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing'
$update = 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update'
$renames = @((Get-ItemProperty -LiteralPath "$system\Session Manager" -ErrorAction SilentlyContinue).PendingFileRenameOperations | Where-Object { $_ } | Select-Object -First 10)
@{
  keys = @{
    RebootRequired = Test-Path -LiteralPath "$update\RebootRequired"
    RebootPending = Test-Path -LiteralPath "$servicing\RebootPending"
    RebootInProgress = Test-Path -LiteralPath "$servicing\RebootInProgress"
    PackagesPending = Test-Path -LiteralPath "$servicing\PackagesPending"
  }
  readable = (Test-Path -LiteralPath $servicing) -and (Test-Path -LiteralPath $update)
  renames = $renames
  agent = Attempt { @{ required = [bool](New-Object -ComObject Microsoft.Update.SystemInfo).RebootRequired } }
  names = @{
    active = [string](Get-ItemProperty -LiteralPath "$system\ComputerName\ActiveComputerName").ComputerName
    wanted = [string](Get-ItemProperty -LiteralPath "$system\ComputerName\ComputerName").ComputerName
  }
}
