# What is registered as installed: for the machine in both views, for every user whose hive is loaded. Which users are not loaded is counted only.
$path = 'SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall'
$names = 'DisplayName', 'DisplayVersion', 'Publisher', 'InstallDate', 'ParentKeyName', 'ReleaseType'
$read = {
  param($root, $sub, $view)
  $key = $root.OpenSubKey($sub, $false)
  if ($null -eq $key) { return }
  foreach ($name in $key.GetSubKeyNames()) {
    $entry = $key.OpenSubKey($name, $false)
    if ($null -eq $entry) { continue }
    $found = @{ view = $view }
    foreach ($value in $names) { $found[$value] = [string]$entry.GetValue($value) }
    $entry.Close()
    if ($found.DisplayName -ne '') { $found }
  }
  $key.Close()
}
$wide = [Environment]::Is64BitOperatingSystem
$views = if ($wide) { @('Registry64', 'Registry32') } else { @('Registry32') }
$people = '^S-1-(5-21|12-1)-[0-9-]+$'
$users = [Microsoft.Win32.RegistryKey]::OpenBaseKey('Users', $views[0])
$loaded = @($users.GetSubKeyNames() | Where-Object { $_ -match $people })
$entries = @(
  foreach ($view in $views) { & $read ([Microsoft.Win32.RegistryKey]::OpenBaseKey('LocalMachine', $view)) $path $view }
  foreach ($sid in $loaded) {
    & $read $users ($sid + '\' + $path) 'user'
    & $read $users ($sid + '\SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall') 'user'
  }
)
$profiles = [Microsoft.Win32.RegistryKey]::OpenBaseKey('LocalMachine', $views[0]).OpenSubKey('SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList', $false)
$known = @($profiles.GetSubKeyNames() | Where-Object { $_ -match $people })
@{ entries = $entries; users = @{ loaded = $loaded.Count; absent = @($known | Where-Object { $loaded -notcontains $_ }).Count } }
