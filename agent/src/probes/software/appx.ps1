# Packages of the Store and of Windows itself that any user has; see Get-AppxPackage.
$packages = @(Get-AppxPackage -AllUsers | Where-Object { -not $_.IsResourcePackage } | ForEach-Object {
  @{
    Name = [string]$_.Name
    Version = [string]$_.Version
    Architecture = [string]$_.Architecture
    Publisher = [string]$_.Publisher
    Status = [string]$_.Status
  }
})
@{ packages = $packages }
