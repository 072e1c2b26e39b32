# Local volumes with their space, and whether disk or partition lets nothing be written; see Win32_Volume, MSFT_Disk, MSFT_Partition.
$volumes = @(Get-CimInstance -ClassName Win32_Volume -Filter 'DriveType=3' | ForEach-Object {
  @{
    Name = [string]$_.Name
    DriveLetter = [string]$_.DriveLetter
    DeviceID = [string]$_.DeviceID
    Label = [string]$_.Label
    FileSystem = [string]$_.FileSystem
    Capacity = [string]$_.Capacity
    FreeSpace = [string]$_.FreeSpace
    DriveType = [string]$_.DriveType
    DirtyBitSet = [string]$_.DirtyBitSet
  }
})
$access = Attempt {
  $space = 'root/Microsoft/Windows/Storage'
  $disks = @(Get-CimInstance -Namespace $space -ClassName MSFT_Disk)
  ,@(Get-CimInstance -Namespace $space -ClassName MSFT_Partition | Where-Object { $null -ne $_.AccessPaths } | ForEach-Object {
    $number = $_.DiskNumber
    $disk = $disks | Where-Object { $_.Number -eq $number } | Select-Object -First 1
    @{ paths = @($_.AccessPaths); partition = [string]$_.IsReadOnly; disk = if ($null -ne $disk) { [string]$disk.IsReadOnly } else { '' } }
  })
}
@{ volumes = $volumes; access = $access; systemDrive = [string]$env:SystemDrive }
