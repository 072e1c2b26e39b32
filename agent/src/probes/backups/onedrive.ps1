# OneDrive of the users whose registry is loaded: which known folders it holds. Users are told by number only, paths not at all.
$sids = @(Get-ChildItem -LiteralPath 'Registry::HKEY_USERS' -ErrorAction SilentlyContinue | Where-Object { $_.PSChildName -match '^S-1-(5-21|12-1)-[\d-]+$' } | ForEach-Object { $_.PSChildName })
$accounts = @($sids | ForEach-Object {
  $sid = $_
  $root = 'Registry::HKEY_USERS\' + $sid
  $shell = $null
  if (Test-Path -LiteralPath ($root + '\Software\Microsoft\Windows\CurrentVersion\Explorer\User Shell Folders')) {
    $shell = Get-ItemProperty -LiteralPath ($root + '\Software\Microsoft\Windows\CurrentVersion\Explorer\User Shell Folders')
  }
  Get-ChildItem -LiteralPath ($root + '\Software\Microsoft\OneDrive\Accounts') -ErrorAction SilentlyContinue | ForEach-Object {
    $said = Get-ItemProperty -LiteralPath $_.PSPath
    $folder = [string]$said.UserFolder
    if ($folder -ne '') {
      $within = @{}
      foreach ($name in 'Desktop', 'Personal', 'My Pictures') {
        $path = if ($null -eq $shell) { '' } else { [string]$shell.$name }
        $within[$name] = if ($path -eq '') { $null } else { $path.IndexOf($folder.TrimEnd('\') + '\', [StringComparison]::OrdinalIgnoreCase) -eq 0 }
      }
      @{
        relative = [string]$sid.Split('-')[-1]
        account = [string]$_.PSChildName
        protected = if ($null -eq $said.KfmFoldersProtectedNow) { $null } else { [string]$said.KfmFoldersProtectedNow }
        desktop = $within['Desktop']
        documents = $within['Personal']
        pictures = $within['My Pictures']
      }
    }
  }
})
$key = 'Registry::HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\OneDrive'
$policy = Attempt {
  if (Test-Path -LiteralPath $key) {
    $said = Get-ItemProperty -LiteralPath $key
    @{ optIn = [string](-not [string]::IsNullOrEmpty([string]$said.KFMSilentOptIn)); blocked = [string]$said.KFMBlockOptIn }
  } else { @{ optIn = 'False'; blocked = '' } }
}
@{ accounts = $accounts; users = $sids.Count; policy = $policy }
