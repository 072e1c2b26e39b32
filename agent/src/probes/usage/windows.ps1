# How busy the machine is; see Win32_OperatingSystem, Win32_PerfFormattedData_PerfOS_Processor, Win32_PageFileUsage.
$os = Get-CimInstance -ClassName Win32_OperatingSystem
$processor = Attempt {
  $said = Get-CimInstance -ClassName Win32_PerfFormattedData_PerfOS_Processor -Filter "Name='_Total'"
  @{ busy = [string]$said.PercentProcessorTime }
}
$pages = Attempt { ,@(Get-CimInstance -ClassName Win32_PageFileUsage | ForEach-Object { @{ size = [string]$_.AllocatedBaseSize; used = [string]$_.CurrentUsage } }) }
$computer = Get-CimInstance -ClassName Win32_ComputerSystem
@{
  memory = @{ total = [string]$os.TotalVisibleMemorySize; free = [string]$os.FreePhysicalMemory }
  logical = [string]$computer.NumberOfLogicalProcessors
  processor = $processor
  pages = $pages
}
