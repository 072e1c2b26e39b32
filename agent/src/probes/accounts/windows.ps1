# Who is in the group of administrators, by its SID since its name is translated, and the local accounts. Get-LocalGroupMember fails as a whole
# where one member is an orphaned SID, so the group is asked by ADSI first.
$sid = New-Object System.Security.Principal.SecurityIdentifier('S-1-5-32-544')
$name = ($sid.Translate([System.Security.Principal.NTAccount]).Value -split '\\')[-1]
$members = Attempt {
  $group = [ADSI]('WinNT://./' + $name + ',group')
  @($group.Members() | ForEach-Object {
    $entry = [ADSI]$_
    @{
      Path = [string]$entry.Path
      Class = [string]$entry.SchemaClassName
      SID = (New-Object System.Security.Principal.SecurityIdentifier($entry.objectSid.Value, 0)).Value
    }
  })
}
$second = $null
if ($members -is [hashtable] -and $members.ContainsKey('error')) {
  $second = Attempt {
    @(Get-LocalGroupMember -SID 'S-1-5-32-544' | ForEach-Object { @{ Name = [string]$_.Name; SID = [string]$_.SID; Source = [string]$_.PrincipalSource } })
  }
}
$role = [string](Get-CimInstance -ClassName Win32_OperatingSystem).ProductType
$users = $null
if ($role -ne '2') {
  # A domain controller would list the accounts of its whole domain.
  $users = @(Get-CimInstance -ClassName Win32_UserAccount -Filter 'LocalAccount=TRUE' | ForEach-Object {
    @{ Name = [string]$_.Name; SID = [string]$_.SID; Disabled = [bool]$_.Disabled; PasswordRequired = [bool]$_.PasswordRequired }
  })
}
@{ group = @{ Name = $name }; members = $members; second = $second; users = $users; product = @{ Type = $role } }
