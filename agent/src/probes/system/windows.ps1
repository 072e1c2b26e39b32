# What machine this is; see Win32_OperatingSystem, Win32_ComputerSystem, Win32_BIOS, Win32_SystemEnclosure, Win32_Processor.
$os = Get-CimInstance -ClassName Win32_OperatingSystem
$computer = Get-CimInstance -ClassName Win32_ComputerSystem
$bios = Get-CimInstance -ClassName Win32_BIOS
$processors = @(Get-CimInstance -ClassName Win32_Processor)
$version = Get-ItemProperty -LiteralPath 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion'
@{
  os = @{
    Caption = [string]$os.Caption
    Version = [string]$os.Version
    BuildNumber = [string]$os.BuildNumber
    ProductType = [string]$os.ProductType
    OSArchitecture = [string]$os.OSArchitecture
    LastBootUpTime = Utc $os.LastBootUpTime
  }
  version = @{ CurrentBuildNumber = [string]$version.CurrentBuildNumber; UBR = [string]$version.UBR; DisplayVersion = [string]$version.DisplayVersion; ReleaseId = [string]$version.ReleaseId; EditionID = [string]$version.EditionID; InstallationType = [string]$version.InstallationType }
  computer = @{
    Domain = if ($computer.PartOfDomain) { [string]$computer.Domain } else { '' }
    Manufacturer = [string]$computer.Manufacturer
    Model = [string]$computer.Model
    TotalPhysicalMemory = [string]$computer.TotalPhysicalMemory
    HypervisorPresent = [string]$computer.HypervisorPresent
    PCSystemType = [string]$computer.PCSystemType
  }
  bios = @{ SerialNumber = [string]$bios.SerialNumber; SMBIOSBIOSVersion = [string]$bios.SMBIOSBIOSVersion; ReleaseDate = Utc $bios.ReleaseDate }
  processor = @{ Name = [string]$processors[0].Name; Logical = ($processors | Measure-Object -Property NumberOfLogicalProcessors -Sum).Sum; Architecture = [string]$processors[0].Architecture }
  chassis = Attempt { @{ types = @((Get-CimInstance -ClassName Win32_SystemEnclosure).ChassisTypes) } }
  battery = Attempt { @{ count = @(Get-CimInstance -ClassName Win32_Battery).Count } }
  identity = Attempt { @{ guid = [string](Get-ItemProperty -LiteralPath 'HKLM:\SOFTWARE\Microsoft\Cryptography').MachineGuid } }
}
