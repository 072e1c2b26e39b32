# Graphics adapters; see Win32_VideoController. AdapterRAM is left out: it ends at 4 GB.
@{ graphics = @(Get-CimInstance -ClassName Win32_VideoController | ForEach-Object {
  @{ Name = [string]$_.Name; AdapterCompatibility = [string]$_.AdapterCompatibility; DriverVersion = [string]$_.DriverVersion }
}) }
