# Windows Firewall as it acts now, group policy included; see Get-NetFirewallProfile (ActiveStore).
$profiles = @(Get-NetFirewallProfile -PolicyStore ActiveStore | ForEach-Object {
  @{ Name = [string]$_.Name; Enabled = [string]$_.Enabled; DefaultInboundAction = [string]$_.DefaultInboundAction }
})
$networks = Attempt { ,@(Get-NetConnectionProfile | ForEach-Object { @{ category = [string]$_.NetworkCategory } }) }
$service = Attempt { @{ state = [string](Get-CimInstance Win32_Service -Filter "Name='MpsSvc'").State } }
$others = Attempt { ,@(Get-CimInstance -Namespace root/SecurityCenter2 -ClassName FirewallProduct | ForEach-Object { @{ displayName = [string]$_.displayName; productState = [string]$_.productState } }) }
@{ profiles = $profiles; networks = $networks; service = $service; others = $others }
