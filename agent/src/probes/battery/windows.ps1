# Batteries; see Win32_Battery and the classes of the battery driver in root/wmi. Some drivers fail for the static data: then only wear is unknown.
$batteries = @(Get-CimInstance -ClassName Win32_Battery | ForEach-Object {
  @{
    DeviceID = [string]$_.DeviceID
    PNPDeviceID = [string]$_.PNPDeviceID
    Name = [string]$_.Name
    EstimatedChargeRemaining = [string]$_.EstimatedChargeRemaining
    BatteryStatus = [string]$_.BatteryStatus
    Chemistry = [string]$_.Chemistry
  }
})
$static = Attempt { @(Get-CimInstance -Namespace root/wmi -ClassName BatteryStaticData | ForEach-Object {
  @{
    InstanceName = [string]$_.InstanceName
    DeviceName = [string]$_.DeviceName
    ManufactureName = [string]$_.ManufactureName
    SerialNumber = [string]$_.SerialNumber
    DesignedCapacity = [string]$_.DesignedCapacity
    Capabilities = [string]$_.Capabilities
  }
}) }
$full = Attempt { @(Get-CimInstance -Namespace root/wmi -ClassName BatteryFullChargedCapacity | ForEach-Object {
  @{ InstanceName = [string]$_.InstanceName; FullChargedCapacity = [string]$_.FullChargedCapacity }
}) }
$cycles = Attempt { @(Get-CimInstance -Namespace root/wmi -ClassName BatteryCycleCount | ForEach-Object {
  @{ InstanceName = [string]$_.InstanceName; CycleCount = [string]$_.CycleCount }
}) }
@{ batteries = $batteries; static = $static; full = $full; cycles = $cycles }
