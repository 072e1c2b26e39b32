# What the registry alone does not tell of the platform: TPM, virtualisation-based security, SMB 1.
$tpm = Attempt {
  $found = @(Get-CimInstance -Namespace root/cimv2/Security/MicrosoftTpm -ClassName Win32_Tpm)
  @{
    TpmPresent = $found.Count -gt 0
    TpmEnabled = if ($found.Count -gt 0) { [string]$found[0].IsEnabled_InitialValue } else { $null }
    TpmActivated = if ($found.Count -gt 0) { [string]$found[0].IsActivated_InitialValue } else { $null }
    SpecVersion = if ($found.Count -gt 0) { [string]$found[0].SpecVersion } else { $null }
  }
}
$guard = Attempt {
  $said = Get-CimInstance -Namespace root/Microsoft/Windows/DeviceGuard -ClassName Win32_DeviceGuard
  @{ status = [string]$said.VirtualizationBasedSecurityStatus; configured = @($said.SecurityServicesConfigured); running = @($said.SecurityServicesRunning) }
}
$smb = Attempt { @{ EnableSMB1Protocol = [string](Get-SmbServerConfiguration).EnableSMB1Protocol } }
@{ tpm = $tpm; guard = $guard; smb = $smb }
