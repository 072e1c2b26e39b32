# Local volumes with their space; see Win32_Volume.
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
@{ volumes = $volumes }
