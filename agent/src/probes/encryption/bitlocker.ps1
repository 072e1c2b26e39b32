# BitLocker volumes; see Win32_EncryptableVolume.
$volumes = @(Get-CimInstance -Namespace root/cimv2/Security/MicrosoftVolumeEncryption -ClassName Win32_EncryptableVolume | ForEach-Object {
  @{
    DriveLetter = [string]$_.DriveLetter
    DeviceID = [string]$_.DeviceID
    VolumeType = [string]$_.VolumeType
    ProtectionStatus = [string]$_.ProtectionStatus
    ConversionStatus = [string]$_.ConversionStatus
    EncryptionMethod = [string]$_.EncryptionMethod
  }
})
@{ volumes = $volumes; systemDrive = [string]$env:SystemDrive }
