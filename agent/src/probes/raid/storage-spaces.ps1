# Storage Spaces; see MSFT_StoragePool, MSFT_VirtualDisk, MSFT_StorageJob.
$space = 'root/Microsoft/Windows/Storage'
$pools = @(Get-CimInstance -Namespace $space -ClassName MSFT_StoragePool | Where-Object { -not $_.IsPrimordial } | ForEach-Object {
  @{ FriendlyName = [string]$_.FriendlyName; HealthStatus = [string]$_.HealthStatus; OperationalStatus = @($_.OperationalStatus); IsReadOnly = [string]$_.IsReadOnly; IsPrimordial = 'False' }
})
$disks = Attempt {
  ,@(Get-CimInstance -Namespace $space -ClassName MSFT_VirtualDisk | ForEach-Object {
    @{ FriendlyName = [string]$_.FriendlyName; HealthStatus = [string]$_.HealthStatus; OperationalStatus = @($_.OperationalStatus); ResiliencySettingName = [string]$_.ResiliencySettingName }
  })
}
@{ pools = $pools; virtualDisks = $disks }
