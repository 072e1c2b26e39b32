# File History of the users whose registry is loaded; see the key FileHistory of each. Users are told by number only.
$users = @(Get-ChildItem -LiteralPath 'Registry::HKEY_USERS' -ErrorAction SilentlyContinue | Where-Object { $_.PSChildName -match '^S-1-(5-21|12-1)-[\d-]+$' } | ForEach-Object {
  $path = 'Registry::HKEY_USERS\' + $_.PSChildName + '\Software\Microsoft\Windows\CurrentVersion\FileHistory'
  if (Test-Path -LiteralPath $path) {
    $said = Get-ItemProperty -LiteralPath $path
    $time = $said.ProtectedUpToTime
    @{ relative = [string]$_.PSChildName.Split('-')[-1]; protectedUpTo = if ($time -gt 0) { [datetime]::FromFileTimeUtc([long]$time).ToString('o') } else { $null } }
  }
})
$service = Attempt { @{ start = [string](Get-CimInstance Win32_Service -Filter "Name='fhsvc'").StartMode } }
@{ users = $users; service = $service }
