# Windows Update agent: what is not installed, as its last search found it (no network). See "Windows Update Agent API".
# Its dates are UTC and do not say so: Utc would shift them.
$session = New-Object -ComObject Microsoft.Update.Session
$searcher = $session.CreateUpdateSearcher()
$searcher.Online = $false
$found = $searcher.Search('IsInstalled=0')
$updates = @(foreach ($update in $found.Updates) {
  @{
    title = [string]$update.Title
    id = [string]$update.Identity.UpdateID
    kb = @($update.KBArticleIDs | ForEach-Object { [string]$_ })
    severity = [string]$update.MsrcSeverity
    cves = @($update.CveIDs).Count
    categories = @($update.Categories | ForEach-Object { [string]$_.CategoryID })
    type = [int]$update.Type
    hidden = [bool]$update.IsHidden
    browseOnly = [bool]$update.BrowseOnly
    reboot = [int]$update.InstallationBehavior.RebootBehavior
    changed = if ($null -ne $update.LastDeploymentChangeTime) { ([datetime]$update.LastDeploymentChangeTime).ToString('s') + 'Z' } else { $null }
  }
})
$results = Attempt {
  $said = (New-Object -ComObject Microsoft.Update.AutoUpdate).Results
  @{
    search = if ($null -ne $said.LastSearchSuccessDate) { ([datetime]$said.LastSearchSuccessDate).ToString('s') + 'Z' } else { $null }
    install = if ($null -ne $said.LastInstallationSuccessDate) { ([datetime]$said.LastInstallationSuccessDate).ToString('s') + 'Z' } else { $null }
  }
}
$history = Attempt {
  $count = [Math]::Min(60, $searcher.GetTotalHistoryCount())
  if ($count -gt 0) {
    ,@(foreach ($entry in $searcher.QueryHistory(0, $count)) {
      @{ date = ([datetime]$entry.Date).ToString('s') + 'Z'; operation = [int]$entry.Operation; result = [int]$entry.ResultCode; title = [string]$entry.Title }
    })
  }
}
$os = Attempt { @{ type = [string](Get-CimInstance Win32_OperatingSystem).ProductType } }
$service = Attempt { @{ start = [string](Get-CimInstance Win32_Service -Filter "Name='wuauserv'").StartMode } }
@{ resultCode = [int]$found.ResultCode; updates = $updates; results = $results; history = $history; service = $service; os = $os }
