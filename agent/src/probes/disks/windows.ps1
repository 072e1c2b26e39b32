# Physical disks, their reliability counters and predictions; see MSFT_PhysicalDisk, MSFT_StorageReliabilityCounter, MSStorageDriver_FailurePredictStatus.
$found = @(Get-CimInstance -Namespace root/Microsoft/Windows/Storage -ClassName MSFT_PhysicalDisk)
$disks = @($found | ForEach-Object {
  @{
    DeviceId = [string]$_.DeviceId
    FriendlyName = [string]$_.FriendlyName
    Model = [string]$_.Model
    SerialNumber = [string]$_.SerialNumber
    AdapterSerialNumber = [string]$_.AdapterSerialNumber
    UniqueId = [string]$_.UniqueId
    FirmwareVersion = [string]$_.FirmwareVersion
    MediaType = [string]$_.MediaType
    BusType = [string]$_.BusType
    HealthStatus = [string]$_.HealthStatus
    OperationalStatus = @($_.OperationalStatus)
    Size = [string]$_.Size
  }
})
$counters = Attempt {
  $failed = $null
  $read = @(foreach ($disk in $found) {
    # One disk that has no counters must not hide those of the others.
    $said = try { Get-CimAssociatedInstance -InputObject $disk -ResultClassName MSFT_StorageReliabilityCounter } catch { $failed = $_; $null }
    if ($null -ne $said) {
      @{
        DeviceId = [string]$disk.DeviceId
        Wear = [string]$said.Wear
        Temperature = [string]$said.Temperature
        PowerOnHours = [string]$said.PowerOnHours
        ReadErrorsUncorrected = [string]$said.ReadErrorsUncorrected
        WriteErrorsUncorrected = [string]$said.WriteErrorsUncorrected
      }
    }
  })
  if ($read.Count -eq 0 -and $null -ne $failed) { throw $failed }
  ,$read
}
$predictions = Attempt {
  $drives = @(Get-CimInstance -ClassName Win32_DiskDrive)
  ,@(Get-CimInstance -Namespace root/wmi -ClassName MSStorageDriver_FailurePredictStatus | ForEach-Object {
    $name = ([string]$_.InstanceName) -replace '_0$', ''
    $drive = $drives | Where-Object { $_.PNPDeviceID -eq $name } | Select-Object -First 1
    @{ DeviceId = if ($null -ne $drive) { [string]$drive.Index } else { '' }; InstanceName = $name; PredictFailure = [string]$_.PredictFailure; Reason = [string]$_.Reason }
  })
}
@{ disks = $disks; counters = $counters; predictions = $predictions }
