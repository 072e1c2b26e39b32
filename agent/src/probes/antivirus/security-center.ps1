# Products that registered with Windows Security Center; clients only, see AntiVirusProduct of root\SecurityCenter2.
$products = @(Get-CimInstance -Namespace root/SecurityCenter2 -ClassName AntiVirusProduct | ForEach-Object {
  $program = [Environment]::ExpandEnvironmentVariables([string]$_.pathToSignedReportingExe)
  @{
    displayName = [string]$_.displayName
    productState = [string]$_.productState
    pathToSignedReportingExe = $program
    programThere = if ($program -match '^[A-Za-z]:\\') { Test-Path -LiteralPath $program } else { $null }
    timestamp = [string]$_.timestamp
  }
})
@{ products = $products }
